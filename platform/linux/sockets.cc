#include "platform/sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include <boost/asio/error.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include "platform/linux/tcp_info.h"

namespace jump::platform {
namespace {

constexpr unsigned kUserTimeoutMilliseconds = 30'000;

template <typename T>
bool set(int socket, int level, int option, T value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

bool later(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

Handle open_reserve() {
  return Handle(::open("/dev/null", O_RDONLY | O_CLOEXEC));
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

TcpState tcp_state(int socket) noexcept {
  const TcpInfo info = read_tcp_info(socket);
  TcpState state;
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

Result<std::size_t> receive_now(int socket, std::span<std::uint8_t> into) {
  const ssize_t got = ::recv(socket, into.data(), into.size(), MSG_DONTWAIT);
  if (got > 0) return static_cast<std::size_t>(got);
  if (got == 0) return Error(Fault::closed, "the peer ended the connection");
  if (later(errno)) return std::size_t{0};
  return system_error("receive");
}

AcceptReserve::AcceptReserve() : kept_(open_reserve()) {}

AcceptReserve::Outcome AcceptReserve::accept(int listener, int& connection) {
  kept_.close();
  connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  kept_ = open_reserve();
  if (connection < 0) return Outcome::nobody;
  if (kept_.valid()) return Outcome::taken;  // there are some again
  ::close(connection);
  kept_ = open_reserve();
  return Outcome::refused;
}

bool out_of_descriptors(const boost::system::error_code& failure) {
  return failure == asio::error::no_descriptors || failure.value() == ENFILE;
}

Result<std::pair<StreamSocket, StreamSocket>> socket_pair(const asio::any_io_executor& executor) {
  asio::local::stream_protocol::socket one(executor);
  asio::local::stream_protocol::socket other(executor);
  boost::system::error_code failed;
  asio::local::connect_pair(one, other, failed);
  if (failed) return Error(failed, "make a pair of sockets");
  return std::pair<StreamSocket, StreamSocket>(StreamSocket(std::move(one)), StreamSocket(std::move(other)));
}

Result<int> duplicate_socket(int socket) {
  const int number = ::fcntl(socket, F_DUPFD_CLOEXEC, 3);
  if (number < 0) return system_error("duplicate a socket");
  ::fcntl(number, F_SETFL, ::fcntl(number, F_GETFL) | O_NONBLOCK);
  return number;
}

void close_socket(int socket) noexcept {
  ::close(socket);
}

}  // namespace jump::platform
