#include "platform/link_socket.h"

#include <array>
#include <optional>

#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/sockets.h"
#include "platform/tied_socket.h"

namespace jump::platform {
namespace {

using asio::ip::udp;

constexpr std::size_t kDatagramBytes = 9000;  // the most of multicast DNS (RFC 6762 section 17)
constexpr int kMulticastHops = 255;           // RFC 6762 section 11; link-local destinations stay on the link

std::optional<udp::endpoint> to_endpoint(const std::string& text, std::uint16_t port, bool ipv6,
                                         std::uint32_t index) {
  boost::system::error_code failed;
  if (!ipv6) {
    const asio::ip::address_v4 address = asio::ip::make_address_v4(text, failed);
    return failed ? std::nullopt : std::optional(udp::endpoint(address, port));
  }
  asio::ip::address_v6 address = asio::ip::make_address_v6(text, failed);
  address.scope_id(address.is_link_local() || address.is_multicast_link_local() ? index : 0);
  return failed ? std::nullopt : std::optional(udp::endpoint(address, port));
}

// What an earlier datagram met (port unreachable and the like) is reported by a later call.
bool is_of_earlier(const boost::system::error_code& failed) {
  return failed == asio::error::connection_refused || failed == asio::error::connection_reset ||
         failed == asio::error::network_reset || failed == asio::error::host_unreachable;
}

}  // namespace

struct LinkSocket::Impl {
  explicit Impl(asio::any_io_executor executor) : socket(executor) {}
  udp::socket socket;
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
  const auto own = to_endpoint(address.address, 0, address.ipv6, interface.index);
  if (!own) return Error(Fault::invalid, what + ": '" + printable(address.address, 64) + "' is no address");
  // Before the first socket: on Windows it is Asio that starts the network.
  auto impl = std::make_unique<Impl>(executor);
  impl->ipv6 = address.ipv6;
  impl->index = interface.index;
  const Result<int> number = open_tied_socket(interface, address.ipv6, what);
  if (!number) return number.error();
  udp::socket& socket = impl->socket;
  boost::system::error_code failed;
  socket.assign(own->protocol(), static_cast<udp::socket::native_handle_type>(*number), failed);
  if (failed) {
    close_socket(*number);
    return Error(failed, what);
  }
  boost::system::error_code ignored;
  socket.set_option(asio::ip::multicast::hops(kMulticastHops), ignored);
  socket.set_option(asio::ip::multicast::enable_loopback(false), ignored);
  socket.non_blocking(true, failed);
  if (!failed && !address.ipv6) socket.set_option(udp::socket::broadcast(true), failed);
  if (failed) return Error(failed, what + ": allow broadcasts");
  socket.bind(*own, failed);
  if (failed) return Error(failed, what + ": use " + address.address);
  return LinkSocket(std::move(impl));
}

Result<void> LinkSocket::send(const std::string& to, std::uint16_t port, ByteView bytes) {
  const auto address = to_endpoint(to, port, impl_->ipv6, impl_->index);
  if (!address)
    return Error(Fault::invalid, "send to '" + printable(to, 64) + "': no address of this family");
  boost::system::error_code failed;
  impl_->socket.send_to(asio::buffer(bytes.data(), bytes.size()), *address, 0, failed);
  // This one was not sent then.
  if (is_of_earlier(failed))
    impl_->socket.send_to(asio::buffer(bytes.data(), bytes.size()), *address, 0, failed);
  if (failed) return Error(failed, "send to " + to);
  return {};
}

Task<Result<LinkSocket::Datagram>> LinkSocket::receive() {
  while (true) {
    udp::endpoint from;
    boost::system::error_code failed;
    const std::size_t got = co_await impl_->socket.async_receive_from(
        asio::buffer(impl_->buffer), from, asio::redirect_error(asio::use_awaitable, failed));
    if (failed == asio::error::operation_aborted) throw boost::system::system_error(failed);
    // Windows says so of one that is too large, and keeps nothing of it.
    if (is_of_earlier(failed) || failed == asio::error::message_size) continue;
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
