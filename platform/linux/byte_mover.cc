#include "platform/byte_mover.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace jump::platform {
namespace {

constexpr std::size_t kCopyBytes = 16 * 1024;  // a read that fills this much has a backlog behind it
constexpr std::size_t kSmall = 4 * 1024;       // a splice below this costs more than a copy

bool later(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

template <typename Call>
ssize_t uninterrupted(Call call) {
  ssize_t result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

template <typename T>
void set(int socket, int level, int option, T value) {
  static_cast<void>(::setsockopt(socket, level, option, &value, sizeof value));
}

}  // namespace

void tune_relayed(int socket) {
  set<int>(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set<int>(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set<int>(socket, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set<int>(socket, IPPROTO_TCP, TCP_KEEPINTVL, 20);
  set<int>(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set<unsigned>(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 60'000);
}

std::size_t relayed_pairs_most() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return 256;
  files.rlim_cur = files.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &files));
  constexpr rlim_t kOthers = 128 + 2 * ByteMover::kPipesMost;
  return files.rlim_max <= 2 * kOthers ? 64 : static_cast<std::size_t>((files.rlim_max - kOthers) / 2);
}

struct ByteMover::Pipes {
  struct One {
    Handle to_read;
    Handle to_write;
  };
  std::vector<One> all;
  std::vector<std::int16_t> free;

  std::int16_t take() {
    if (!free.empty()) {
      const std::int16_t pipe = free.back();
      free.pop_back();
      if (!all[index(pipe)].to_read.valid() && !open(all[index(pipe)])) {
        free.push_back(pipe);
        return -1;
      }
      return pipe;
    }
    if (all.size() == kPipesMost) return -1;
    One one;
    if (!open(one)) return -1;
    all.push_back(std::move(one));
    return static_cast<std::int16_t>(all.size() - 1);
  }

  // One that still holds bytes is closed: the next flow must not find them.
  void give_back(std::int16_t pipe, bool empty) {
    if (!empty) all[index(pipe)] = One();
    free.push_back(pipe);
  }

  static std::size_t index(std::int16_t pipe) { return static_cast<std::size_t>(pipe); }

  static bool open(One& one) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return false;
    one.to_read = Handle(ends[0]);
    one.to_write = Handle(ends[1]);
    // More than a user's share of pipe memory is refused; the default size works too.
    static_cast<void>(::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(kPipeBytes)));
    return true;
  }
};

ByteMover::ByteMover()
    : pipes_(std::make_unique<Pipes>()), buffer_(std::make_unique<std::uint8_t[]>(kCopyBytes)) {
  // splice() has no MSG_NOSIGNAL: a reader that has gone is an error, not a death.
  std::signal(SIGPIPE, SIG_IGN);
}
ByteMover::~ByteMover() = default;

std::size_t ByteMover::pipes_in_use() const {
  return pipes_->all.size() - pipes_->free.size();
}

void ByteMover::release(Flow& flow) noexcept {
  if (flow.pipe >= 0) pipes_->give_back(flow.pipe, flow.held == 0);
  flow.pipe = -1;
  flow.kept.reset();
  flow.held = 0;
}

MoveStop ByteMover::move(int source, int sink, Flow& flow, std::size_t budget,
                         boost::system::error_code& failed) {
  const auto fail = [&failed](MoveStop where) {
    failed = {errno, boost::system::system_category()};
    return where;
  };
  const auto drop_pipe = [&] {
    if (flow.pipe >= 0) pipes_->give_back(flow.pipe, true);
    flow.pipe = -1;
  };
  std::size_t moved = 0;
  while (true) {
    while (flow.held > 0) {
      const ssize_t put = flow.pipe >= 0 ? uninterrupted([&] {
        return ::splice(pipes_->all[Pipes::index(flow.pipe)].to_read.get(), nullptr, sink, nullptr, flow.held,
                        SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      })
                                         : uninterrupted([&] {
                                             return ::send(sink, flow.kept.get() + flow.kept_at, flow.held,
                                                           MSG_NOSIGNAL | MSG_DONTWAIT);
                                           });
      if (put < 0) return later(errno) ? MoveStop::sink_full : fail(MoveStop::sink_failed);
      if (put == 0) errno = EIO;
      if (put == 0) return fail(MoveStop::sink_failed);
      flow.held -= static_cast<std::uint32_t>(put);
      flow.kept_at += static_cast<std::uint32_t>(put);
      flow.moved += static_cast<std::uint64_t>(put);
      moved += static_cast<std::size_t>(put);
    }
    flow.kept.reset();
    if (flow.ended) {
      drop_pipe();
      return MoveStop::ended;
    }
    if (moved >= budget) {
      drop_pipe();
      return MoveStop::budget;
    }
    if (flow.backlog && flow.pipe < 0) flow.pipe = pipes_->take();
    if (flow.pipe >= 0) {
      const ssize_t got = uninterrupted([&] {
        return ::splice(source, nullptr, pipes_->all[Pipes::index(flow.pipe)].to_write.get(), nullptr,
                        kPipeBytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
      });
      if (got < 0) {
        drop_pipe();
        return later(errno) ? MoveStop::source_empty : fail(MoveStop::source_failed);
      }
      if (got == 0) {
        flow.ended = true;
        continue;
      }
      flow.held = static_cast<std::uint32_t>(got);
      if (static_cast<std::size_t>(got) < kSmall) flow.backlog = false;
      continue;
    }
    const ssize_t got =
        uninterrupted([&] { return ::recv(source, buffer_.get(), kCopyBytes, MSG_DONTWAIT); });
    if (got < 0) return later(errno) ? MoveStop::source_empty : fail(MoveStop::source_failed);
    if (got == 0) {
      flow.ended = true;
      continue;
    }
    const auto size = static_cast<std::size_t>(got);
    flow.backlog = size == kCopyBytes;
    const ssize_t put =
        uninterrupted([&] { return ::send(sink, buffer_.get(), size, MSG_NOSIGNAL | MSG_DONTWAIT); });
    if (put < 0 && !later(errno)) return fail(MoveStop::sink_failed);
    const std::size_t sent = put < 0 ? 0 : static_cast<std::size_t>(put);
    flow.moved += sent;
    moved += sent;
    if (sent < size) {
      flow.held = static_cast<std::uint32_t>(size - sent);
      flow.kept = std::make_unique<std::uint8_t[]>(flow.held);
      flow.kept_at = 0;
      std::memcpy(flow.kept.get(), buffer_.get() + sent, flow.held);
      return MoveStop::sink_full;
    }
    // Less than was asked for: the source is empty, and its readiness will say when it is not.
    if (size < kCopyBytes) return MoveStop::source_empty;
  }
}

}  // namespace jump::platform
