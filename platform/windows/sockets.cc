#include "platform/sockets.h"

#include <windows.h>
#include <winsock2.h>
#include <ws2tcpip.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "platform/windows/native.h"

namespace jump::platform {
namespace {

constexpr DWORD kGiveUpSeconds = 30;
constexpr int kTcpMaxRt = 5;  // TCP_MAXRT, which this compiler's headers lack
constexpr int kStrangersMost = 64;

template <typename T>
bool set(int socket, int level, int option, T value) {
  return ::setsockopt(static_cast<SOCKET>(socket), level, option, reinterpret_cast<const char*>(&value),
                      sizeof value) == 0;
}

Error socket_error(std::string doing) {
  return windows_error(static_cast<unsigned long>(::WSAGetLastError()), std::move(doing));
}

bool stop_waiting(SOCKET socket) {
  u_long yes = 1;
  return ::ioctlsocket(socket, FIONBIO, &yes) == 0;
}

}  // namespace

Result<void> tune_tcp(int socket) {
  if (!set<BOOL>(socket, IPPROTO_TCP, TCP_NODELAY, TRUE)) return socket_error("set TCP_NODELAY");
  if (!stop_waiting(static_cast<SOCKET>(socket))) return socket_error("set FIONBIO");
  set<DWORD>(socket, IPPROTO_TCP, kTcpMaxRt, kGiveUpSeconds);
  set<BOOL>(socket, SOL_SOCKET, SO_KEEPALIVE, FALSE);
  return {};
}

void limit_unsent(int, std::size_t) {}

// SIO_TCP_INFO tells what was sent, not what the path can carry: that is what is asked for.
TcpState tcp_state(int) noexcept {
  return {};
}

Result<std::size_t> send_now(int socket, ByteView bytes) {
  WSABUF buffer{};
  buffer.len = static_cast<ULONG>(bytes.size());
  // Only read from; its type says otherwise.
  buffer.buf = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
  DWORD sent = 0;
  if (::WSASend(static_cast<SOCKET>(socket), &buffer, 1, &sent, 0, nullptr, nullptr) == 0)
    return std::size_t{sent};
  if (::WSAGetLastError() == WSAEWOULDBLOCK) return std::size_t{0};
  return socket_error("send");
}

Result<std::size_t> receive_now(int socket, std::span<std::uint8_t> into) {
  WSABUF buffer{};
  buffer.len = static_cast<ULONG>(into.size());
  buffer.buf = reinterpret_cast<char*>(into.data());
  DWORD got = 0;
  DWORD flags = 0;
  if (::WSARecv(static_cast<SOCKET>(socket), &buffer, 1, &got, &flags, nullptr, nullptr) == 0) {
    if (got > 0) return std::size_t{got};
    return Error(Fault::closed, "the peer ended the connection");
  }
  if (::WSAGetLastError() == WSAEWOULDBLOCK) return std::size_t{0};
  return socket_error("receive");
}

// Sockets are no scarce numbers here: what is missing then is memory, and nothing kept back would help.
AcceptReserve::AcceptReserve() = default;

AcceptReserve::Outcome AcceptReserve::accept(int, int&) {
  return Outcome::nobody;
}

bool out_of_descriptors(const boost::system::error_code& failure) {
  return failure == asio::error::no_descriptors;
}

// There are no Unix socket pairs: two ends of a connection of this machine with itself. Any process of the
// machine could come in between, so the end that was accepted must be the one that was connected.
Result<std::pair<StreamSocket, StreamSocket>> socket_pair(const asio::any_io_executor& executor) {
  using asio::ip::tcp;
  boost::system::error_code failed;
  const auto done = [&] { return Error(failed, "make a pair of sockets"); };
  tcp::acceptor acceptor(executor);
  acceptor.open(tcp::v4(), failed);
  if (!failed)
    acceptor.set_option(asio::detail::socket_option::boolean<SOL_SOCKET, SO_EXCLUSIVEADDRUSE>(true), failed);
  if (!failed) acceptor.bind(tcp::endpoint(asio::ip::address_v4::loopback(), 0), failed);
  if (!failed) acceptor.listen(kStrangersMost, failed);
  if (failed) return done();
  const tcp::endpoint address = acceptor.local_endpoint(failed);
  tcp::socket one(executor);
  if (!failed) one.connect(address, failed);
  if (failed) return done();
  const tcp::endpoint mine = one.local_endpoint(failed);
  for (int i = 0; !failed && i < kStrangersMost; ++i) {
    tcp::socket other(executor);
    acceptor.accept(other, failed);
    if (failed) break;
    boost::system::error_code gone;
    if (other.remote_endpoint(gone) != mine || gone) continue;
    one.set_option(tcp::no_delay(true), failed);
    if (!failed) other.set_option(tcp::no_delay(true), failed);
    if (failed) break;
    return std::pair<StreamSocket, StreamSocket>(StreamSocket(std::move(one)),
                                                 StreamSocket(std::move(other)));
  }
  if (!failed) return Error(Fault::unavailable, "make a pair of sockets: others took the place");
  return done();
}

Result<int> duplicate_socket(int socket) {
  WSAPROTOCOL_INFOW about{};
  if (::WSADuplicateSocketW(static_cast<SOCKET>(socket), ::GetCurrentProcessId(), &about) != 0)
    return socket_error("duplicate a socket");
  const SOCKET number = ::WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &about, 0,
                                     WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  if (number == INVALID_SOCKET) return socket_error("duplicate a socket");
  if (!stop_waiting(number)) {
    ::closesocket(number);
    return socket_error("duplicate a socket");
  }
  return static_cast<int>(number);
}

void close_socket(int socket) noexcept {
  ::closesocket(static_cast<SOCKET>(socket));
}

}  // namespace jump::platform
