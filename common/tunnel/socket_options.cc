#include "common/tunnel/socket_options.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/tunnel/tcp_info.h"

namespace jump::tunnel {
namespace {

constexpr unsigned kUserTimeoutMilliseconds = 30'000;
constexpr std::size_t kMostParts = 64;

template <typename T>
bool set(int socket, int level, int option, T value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

bool later(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

Result<void> tune_tcp(int socket) {
  if (!set<int>(socket, IPPROTO_TCP, TCP_NODELAY, 1)) return system_error("set TCP_NODELAY");
  set<unsigned>(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMilliseconds);
  set<int>(socket, SOL_SOCKET, SO_KEEPALIVE, 0);
  return {};
}

void limit_unsent(int socket, std::size_t bytes) {
  set<unsigned>(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, static_cast<unsigned>(bytes));
}

PathState read_path(int socket) {
  const TcpInfo info = read_tcp_info(socket);
  PathState state;
  state.delivery_rate = info.delivery_rate;
  state.unsent = info.unsent;
  state.round_trip = std::chrono::microseconds(info.round_trip_us);
  return state;
}

Result<std::size_t> send_now(int socket, ByteView bytes) {
  const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (later(errno)) return std::size_t{0};
  return system_error("send");
}

Result<std::size_t> send_parts_now(int socket, std::span<const ByteView> parts) {
  std::array<iovec, kMostParts> pieces;
  std::size_t count = 0;
  for (const ByteView part : parts) {
    if (part.empty()) continue;
    if (count == pieces.size()) break;
    // The kernel only reads what iov_base names; its type says otherwise.
    pieces[count++] = {const_cast<std::uint8_t*>(part.data()), part.size()};
  }
  if (count == 0) return std::size_t{0};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = count;
  const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (later(errno)) return std::size_t{0};
  return system_error("send");
}

Result<std::size_t> receive_now(int socket, std::span<std::uint8_t> into) {
  const ssize_t got = ::recv(socket, into.data(), into.size(), MSG_DONTWAIT);
  if (got > 0) return static_cast<std::size_t>(got);
  if (got == 0) return Error(Fault::closed, "the peer ended the connection");
  if (later(errno)) return std::size_t{0};
  return system_error("receive");
}

}  // namespace jump::tunnel
