#include "platform/byte_mover.h"

#include <winsock2.h>

#include <mstcpip.h>
#include <ws2tcpip.h>

#include <cstring>

namespace jump::platform {
namespace {

constexpr std::size_t kCopyBytes = 64 * 1024;

template <typename T>
void set(int socket, int level, int option, T value) {
  static_cast<void>(::setsockopt(static_cast<SOCKET>(socket), level, option,
                                 reinterpret_cast<const char*>(&value), sizeof value));
}

// Winsock has no flag for a single call.
void stop_waiting(int socket) {
  u_long yes = 1;
  static_cast<void>(::ioctlsocket(static_cast<SOCKET>(socket), FIONBIO, &yes));
}

}  // namespace

void tune_relayed(int socket) {
  set<BOOL>(socket, IPPROTO_TCP, TCP_NODELAY, TRUE);
  // Windows counts ten probes: 60 s of silence, then one each 6 s.
  tcp_keepalive alive{};
  alive.onoff = 1;
  alive.keepalivetime = 60'000;
  alive.keepaliveinterval = 6'000;
  DWORD got = 0;
  static_cast<void>(::WSAIoctl(static_cast<SOCKET>(socket), SIO_KEEPALIVE_VALS, &alive, sizeof alive, nullptr,
                               0, &got, nullptr, nullptr));
  constexpr int kMaxRetransmitSeconds = 5;  // TCP_MAXRT, which mingw-w64 does not name
  set<DWORD>(socket, IPPROTO_TCP, kMaxRetransmitSeconds, 60);
}

// Windows limits them by memory only.
std::size_t relayed_pairs_most() {
  return 16'384;
}

struct ByteMover::Pipes {};

ByteMover::ByteMover() : buffer_(std::make_unique<std::uint8_t[]>(kCopyBytes)) {}
ByteMover::~ByteMover() = default;

std::size_t ByteMover::pipes_in_use() const {
  return 0;
}

void ByteMover::release(Flow& flow) noexcept {
  flow.kept.reset();
  flow.held = 0;
}

MoveStop ByteMover::move(int source, int sink, Flow& flow, std::size_t budget,
                         boost::system::error_code& failed) {
  // How the last call ended: true when it only found nothing to do.
  const auto later = [&failed](int error) {
    if (error == WSAEWOULDBLOCK) return true;
    failed = {error, boost::system::system_category()};
    return false;
  };
  const auto from = static_cast<SOCKET>(source);
  const auto to = static_cast<SOCKET>(sink);
  if (flow.moved == 0) {
    stop_waiting(source);
    stop_waiting(sink);
  }
  std::size_t moved = 0;
  while (true) {
    while (flow.held > 0) {
      const int put = ::send(to, reinterpret_cast<const char*>(flow.kept.get() + flow.kept_at),
                             static_cast<int>(flow.held), 0);
      if (put < 0) return later(::WSAGetLastError()) ? MoveStop::sink_full : MoveStop::sink_failed;
      flow.held -= static_cast<std::uint32_t>(put);
      flow.kept_at += static_cast<std::uint32_t>(put);
      flow.moved += static_cast<std::uint64_t>(put);
      moved += static_cast<std::size_t>(put);
    }
    flow.kept.reset();
    if (flow.ended) return MoveStop::ended;
    if (moved >= budget) return MoveStop::budget;
    const int got = ::recv(from, reinterpret_cast<char*>(buffer_.get()), static_cast<int>(kCopyBytes), 0);
    if (got < 0) return later(::WSAGetLastError()) ? MoveStop::source_empty : MoveStop::source_failed;
    if (got == 0) {
      flow.ended = true;
      continue;
    }
    const int put = ::send(to, reinterpret_cast<const char*>(buffer_.get()), got, 0);
    if (put < 0 && !later(::WSAGetLastError())) return MoveStop::sink_failed;
    const int sent = put < 0 ? 0 : put;
    flow.moved += static_cast<std::uint64_t>(sent);
    moved += static_cast<std::size_t>(sent);
    if (sent < got) {
      flow.held = static_cast<std::uint32_t>(got - sent);
      flow.kept = std::make_unique<std::uint8_t[]>(flow.held);
      flow.kept_at = 0;
      std::memcpy(flow.kept.get(), buffer_.get() + sent, flow.held);
      return MoveStop::sink_full;
    }
  }
}

}  // namespace jump::platform
