#include "common/tunnel/socket_options.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace jump::tunnel {
namespace {

constexpr std::size_t kMostParts = 64;

bool later(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

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
