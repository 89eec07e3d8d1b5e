#include "tools/bench/zone_load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <unordered_map>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "tools/bench/measure.h"

namespace jump::bench {
namespace {

constexpr std::size_t kPiece = 256 * 1024;
constexpr std::uint64_t kSmall = 1024;

sockaddr_in loopback_at(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

[[noreturn]] void fail(const std::string& doing) {
  throw std::runtime_error(doing + ": " + std::strerror(errno));
}

void watch(int epoll, int socket, std::uint32_t events, int how) {
  epoll_event event{};
  event.events = events;
  event.data.fd = socket;
  CHECK(::epoll_ctl(epoll, how, socket, &event) == 0);
}

struct Wanted {
  std::array<std::uint8_t, 8> question{};
  std::size_t heard = 0;
  std::uint64_t left = 0;
};

}  // namespace

ZoneServer::ZoneServer() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = loopback_at(0);
  socklen_t size = sizeof address;
  CHECK(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  CHECK(::listen(listener_, 4096) == 0);
  CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  watch(epoll_, listener_, EPOLLIN, EPOLL_CTL_ADD);
  watch(epoll_, wake_, EPOLLIN, EPOLL_CTL_ADD);
  thread_ = std::thread([this] { run(); });
}

ZoneServer::~ZoneServer() {
  const std::uint64_t one = 1;
  CHECK(::write(wake_, &one, sizeof one) == sizeof one);
  thread_.join();
  for (const int descriptor : {listener_, epoll_, wake_}) ::close(descriptor);
}

void ZoneServer::run() {
  const std::vector<std::uint8_t> piece(kPiece, 'x');
  std::unordered_map<int, Wanted> clients;
  const auto drop = [&](int socket) {
    clients.erase(socket);
    ::close(socket);
  };
  const auto feed = [&](int socket, Wanted& wanted) {
    while (wanted.left > 0) {
      const ssize_t put = ::send(socket, piece.data(), std::min<std::uint64_t>(wanted.left, kPiece),
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put < 0) {
        watch(epoll_, socket, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        return;
      }
      wanted.left -= static_cast<std::uint64_t>(put);
    }
    watch(epoll_, socket, EPOLLIN, EPOLL_CTL_MOD);
  };
  std::array<epoll_event, 256> events;
  while (true) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int socket = events[static_cast<std::size_t>(i)].data.fd;
      if (socket == wake_) {
        while (!clients.empty()) drop(clients.begin()->first);
        return;
      }
      if (socket == listener_) {
        for (int fresh = 0;
             (fresh = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
          const int on = 1;
          ::setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          clients[fresh];
          watch(epoll_, fresh, EPOLLIN, EPOLL_CTL_ADD);
        }
        continue;
      }
      Wanted& wanted = clients.at(socket);
      if ((events[static_cast<std::size_t>(i)].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
        const ssize_t got =
            ::recv(socket, wanted.question.data() + wanted.heard, wanted.question.size() - wanted.heard, 0);
        if (got <= 0) {
          drop(socket);
          continue;
        }
        wanted.heard += static_cast<std::size_t>(got);
        if (wanted.heard == wanted.question.size()) {
          wanted.heard = 0;
          wanted.left = get_u64(wanted.question.data());
        }
      }
      feed(socket, wanted);
    }
  }
}

int dial_through(const ZoneEntry& entry) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) fail("socket");
  const sockaddr_in address = loopback_at(entry.port);
  const timeval limit{20, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto give_up = [&](const std::string& doing) {
    const int error = errno;
    ::close(socket);
    errno = error;
    fail(doing);
  };
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("connect");
  if (entry.greeting.empty()) return socket;
  if (::send(socket, entry.greeting.data(), entry.greeting.size(), MSG_NOSIGNAL) < 0) give_up("send");
  std::string answer;
  std::array<char, 1024> piece;
  while (answer.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = ::recv(socket, piece.data(), piece.size(), 0);
    if (got <= 0) give_up("no answer to CONNECT");
    answer.append(piece.data(), static_cast<std::size_t>(got));
  }
  if (answer.find(" 200 ") == std::string::npos) {
    ::close(socket);
    throw std::runtime_error("CONNECT was refused: " + printable(answer, 80));
  }
  return socket;
}

void close_socket(int socket) {
  ::close(socket);
}

void fetch(int socket, std::uint64_t bytes) {
  std::array<std::uint8_t, 8> question;
  put_u64(question.data(), bytes);
  if (::send(socket, question.data(), question.size(), MSG_NOSIGNAL) != 8) fail("ask");
  while (bytes > 0) {
    const ssize_t got = ::recv(socket, nullptr, std::min<std::uint64_t>(bytes, kPiece), MSG_TRUNC);
    if (got <= 0) fail("fetch");
    bytes -= static_cast<std::uint64_t>(got);
  }
}

namespace {

// Runs `work` in threads; throws what the first of them threw.
template <typename F>
void in_threads(std::size_t count, F work) {
  std::vector<std::thread> threads;
  std::vector<std::exception_ptr> failures(count);
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        work(i);
      } catch (...) {
        failures[i] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace

double fetch_at_once(const ZoneEntry& entry, std::size_t streams, std::uint64_t bytes) {
  std::vector<int> sockets;
  for (std::size_t i = 0; i < streams; ++i) sockets.push_back(dial_through(entry));
  const double start = wall_time();
  in_threads(streams, [&](std::size_t i) { fetch(sockets[i], bytes / streams); });
  const double seconds = wall_time() - start;
  for (const int socket : sockets) ::close(socket);
  return seconds;
}

double connections_a_second(const ZoneEntry& entry, std::size_t threads, double seconds) {
  std::atomic<std::uint64_t> done{0};
  const double start = wall_time();
  in_threads(threads, [&](std::size_t) {
    while (wall_time() < start + seconds) {
      const int socket = dial_through(entry);
      fetch(socket, kSmall);
      // Without a TIME_WAIT at this end: the ports of one address do not last for long otherwise.
      const linger gone{1, 0};
      ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &gone, sizeof gone);
      ::close(socket);
      ++done;
    }
  });
  return static_cast<double>(done) / (wall_time() - start);
}

}  // namespace jump::bench
