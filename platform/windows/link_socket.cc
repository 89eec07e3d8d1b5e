#include "platform/link_socket.h"

#include <winsock2.h>

#include <ws2tcpip.h>

#include <array>
#include <optional>

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/windows/native.h"

namespace jump::platform {
namespace {

constexpr std::size_t kDatagramBytes = 9000;  // the most of multicast DNS (RFC 6762 section 17)
constexpr DWORD kMulticastHops = 255;         // RFC 6762 section 11; link-local destinations stay on the link

class Socket {
 public:
  explicit Socket(int family)
      : native_(::WSASocketW(family, SOCK_DGRAM, IPPROTO_UDP, nullptr, 0,
                             WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (native_ != INVALID_SOCKET) ::closesocket(native_);
  }
  SOCKET get() const { return native_; }
  void release() { native_ = INVALID_SOCKET; }

 private:
  SOCKET native_;
};

Error socket_error(std::string doing) {
  return windows_error(static_cast<unsigned long>(::WSAGetLastError()), std::move(doing));
}

bool set_number(SOCKET socket, int level, int option, DWORD value) {
  return ::setsockopt(socket, level, option, reinterpret_cast<const char*>(&value), sizeof value) == 0;
}

struct SocketAddress {
  sockaddr_storage storage{};
  int size = 0;
  const sockaddr* plain() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

std::optional<SocketAddress> to_socket_address(const std::string& text, std::uint16_t port, bool ipv6,
                                               std::uint32_t index) {
  SocketAddress result;
  boost::system::error_code failed;
  if (ipv6) {
    const auto address = asio::ip::make_address_v6(text, failed);
    if (failed) return std::nullopt;
    auto* to = reinterpret_cast<sockaddr_in6*>(&result.storage);
    to->sin6_family = AF_INET6;
    to->sin6_port = ::htons(port);
    const auto bytes = address.to_bytes();
    std::copy(bytes.begin(), bytes.end(), to->sin6_addr.s6_addr);
    to->sin6_scope_id = address.is_link_local() || address.is_multicast_link_local() ? index : 0;
    result.size = sizeof *to;
  } else {
    const auto address = asio::ip::make_address_v4(text, failed);
    if (failed) return std::nullopt;
    auto* to = reinterpret_cast<sockaddr_in*>(&result.storage);
    to->sin_family = AF_INET;
    to->sin_port = ::htons(port);
    to->sin_addr.s_addr = ::htonl(address.to_uint());
    result.size = sizeof *to;
  }
  return result;
}

}  // namespace

struct LinkSocket::Impl {
  explicit Impl(asio::any_io_executor executor) : socket(executor) {}
  asio::ip::udp::socket socket;
  bool ipv6 = false;
  std::uint32_t index = 0;
  std::array<std::uint8_t, kDatagramBytes> buffer;
};

LinkSocket::LinkSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LinkSocket::LinkSocket(LinkSocket&&) noexcept = default;
LinkSocket& LinkSocket::operator=(LinkSocket&&) noexcept = default;
LinkSocket::~LinkSocket() = default;

Result<LinkSocket> LinkSocket::open(asio::any_io_executor executor, const NetInterface& interface,
                                    const InterfaceAddress& address) {
  const std::string what = "socket on " + printable(interface.name, 64);
  // Before the first socket: it is Asio that starts Winsock.
  auto impl = std::make_unique<Impl>(executor);
  Socket socket(address.ipv6 ? AF_INET6 : AF_INET);
  if (socket.get() == INVALID_SOCKET) return socket_error(what);
  const DWORD index = interface.index;
  if (address.ipv6) {
    set_number(socket.get(), IPPROTO_IPV6, IPV6_UNICAST_IF, ::htonl(index));
    set_number(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
    set_number(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, kMulticastHops);
    set_number(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
  } else {
    // Network order, here and at the next: an index takes the place of an address.
    set_number(socket.get(), IPPROTO_IP, IP_UNICAST_IF, ::htonl(index));
    set_number(socket.get(), IPPROTO_IP, IP_MULTICAST_IF, ::htonl(index));
    set_number(socket.get(), IPPROTO_IP, IP_MULTICAST_TTL, kMulticastHops);
    set_number(socket.get(), IPPROTO_IP, IP_MULTICAST_LOOP, 0);
    if (!set_number(socket.get(), SOL_SOCKET, SO_BROADCAST, 1))
      return socket_error(what + ": allow broadcasts");
  }
  // Where these options are not known (Wine), the address that it is bound to still names the interface.
  const auto own = to_socket_address(address.address, 0, address.ipv6, interface.index);
  if (!own) return Error(Fault::invalid, what + ": '" + printable(address.address, 64) + "' is no address");
  if (::bind(socket.get(), own->plain(), own->size) != 0)
    return socket_error(what + ": use " + address.address);
  impl->ipv6 = address.ipv6;
  impl->index = interface.index;
  boost::system::error_code failed;
  impl->socket.assign(address.ipv6 ? asio::ip::udp::v6() : asio::ip::udp::v4(), socket.get(), failed);
  if (failed) return Error(failed, what);
  socket.release();
  return LinkSocket(std::move(impl));
}

Result<void> LinkSocket::send(const std::string& to, std::uint16_t port, ByteView bytes) {
  const auto address = to_socket_address(to, port, impl_->ipv6, impl_->index);
  if (!address)
    return Error(Fault::invalid, "send to '" + printable(to, 64) + "': no address of this family");
  // What an earlier datagram met (port unreachable) is reported by the next call; that one was not sent then.
  for (int tries = 0; tries < 2; ++tries) {
    const int sent = ::sendto(impl_->socket.native_handle(), reinterpret_cast<const char*>(bytes.data()),
                              static_cast<int>(bytes.size()), 0, address->plain(), address->size);
    if (sent >= 0) return {};
    const int error = ::WSAGetLastError();
    if (error != WSAECONNRESET && error != WSAENETRESET && error != WSAEHOSTUNREACH) break;
  }
  return socket_error("send to " + to);
}

Task<Result<LinkSocket::Datagram>> LinkSocket::receive() {
  while (true) {
    asio::ip::udp::endpoint from;
    boost::system::error_code failed;
    const std::size_t got = co_await impl_->socket.async_receive_from(
        asio::buffer(impl_->buffer), from, asio::redirect_error(asio::use_awaitable, failed));
    if (failed == asio::error::operation_aborted) throw boost::system::system_error(failed);
    if (failed == asio::error::connection_refused || failed == asio::error::connection_reset ||
        failed == asio::error::host_unreachable || failed == asio::error::message_size) {
      continue;
    }
    if (failed) co_return Error(failed, "receive");
    Datagram datagram;
    asio::ip::address address = from.address();
    if (address.is_v6()) address = asio::ip::address_v6(address.to_v6().to_bytes());
    datagram.from = address.to_string();
    datagram.port = from.port();
    datagram.bytes.assign(impl_->buffer.begin(), impl_->buffer.begin() + static_cast<std::ptrdiff_t>(got));
    co_return datagram;
  }
}

}  // namespace jump::platform
