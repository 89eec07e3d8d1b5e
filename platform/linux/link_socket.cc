#include "platform/link_socket.h"

#include <net/if.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>

#include <boost/asio/ip/udp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/handle.h"

namespace jump::platform {
namespace {

constexpr std::size_t kDatagramBytes = 9000;  // the most of multicast DNS (RFC 6762 section 17)
constexpr int kMulticastHops = 255;           // RFC 6762 section 11; link-local destinations stay on the link

bool set_number(int socket, int level, int option, int value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

// Before Linux 5.7 binding to an interface needs a right; the option beside it does not.
Result<void> tie(int socket, const NetInterface& interface, bool ipv6) {
  if (::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, interface.name.c_str(),
                   static_cast<socklen_t>(interface.name.size())) == 0) {
    return {};
  }
  const std::uint32_t index = htonl(interface.index);
  if (::setsockopt(socket, ipv6 ? int{IPPROTO_IPV6} : int{IPPROTO_IP}, ipv6 ? IPV6_UNICAST_IF : IP_UNICAST_IF,
                   &index, sizeof index) == 0) {
    return {};
  }
  return system_error("tie a socket to " + printable(interface.name, 64));
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

std::optional<SocketAddress> to_socket_address(const std::string& text, std::uint16_t port, bool ipv6,
                                               std::uint32_t index) {
  SocketAddress result;
  if (ipv6) {
    auto* to = reinterpret_cast<sockaddr_in6*>(&result.storage);
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(port);
    if (::inet_pton(AF_INET6, text.c_str(), &to->sin6_addr) != 1) return std::nullopt;
    const bool on_link = IN6_IS_ADDR_LINKLOCAL(&to->sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&to->sin6_addr);
    to->sin6_scope_id = on_link ? index : 0;
    result.size = sizeof *to;
  } else {
    auto* to = reinterpret_cast<sockaddr_in*>(&result.storage);
    to->sin_family = AF_INET;
    to->sin_port = htons(port);
    if (::inet_pton(AF_INET, text.c_str(), &to->sin_addr) != 1) return std::nullopt;
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
  Handle socket(::socket(address.ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return system_error(what);
  if (Result<void> tied = tie(socket.get(), interface, address.ipv6); !tied) return tied.error();
  const auto index = static_cast<int>(interface.index);
  if (address.ipv6) {
    set_number(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
    set_number(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, kMulticastHops);
    set_number(socket.get(), IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
  } else {
    ip_mreqn here{};
    here.imr_ifindex = index;
    ::setsockopt(socket.get(), IPPROTO_IP, IP_MULTICAST_IF, &here, sizeof here);
    set_number(socket.get(), IPPROTO_IP, IP_MULTICAST_TTL, kMulticastHops);
    set_number(socket.get(), IPPROTO_IP, IP_MULTICAST_LOOP, 0);
    if (!set_number(socket.get(), SOL_SOCKET, SO_BROADCAST, 1))
      return system_error(what + ": allow broadcasts");
  }
  const auto own = to_socket_address(address.address, 0, address.ipv6, interface.index);
  if (!own) return Error(Fault::invalid, what + ": '" + printable(address.address, 64) + "' is no address");
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own->storage), own->size) != 0) {
    return system_error(what + ": use " + address.address);
  }
  auto impl = std::make_unique<Impl>(executor);
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
    const ssize_t sent = ::sendto(impl_->socket.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL,
                                  reinterpret_cast<const sockaddr*>(&address->storage), address->size);
    if (sent >= 0) return {};
    if (errno != ECONNREFUSED && errno != EHOSTUNREACH && errno != EINTR) break;
  }
  return system_error("send to " + to);
}

Task<Result<LinkSocket::Datagram>> LinkSocket::receive() {
  while (true) {
    asio::ip::udp::endpoint from;
    boost::system::error_code failed;
    const std::size_t got = co_await impl_->socket.async_receive_from(
        asio::buffer(impl_->buffer), from, asio::redirect_error(asio::use_awaitable, failed));
    if (failed == asio::error::operation_aborted) throw boost::system::system_error(failed);
    if (failed == asio::error::connection_refused || failed == asio::error::host_unreachable) continue;
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
