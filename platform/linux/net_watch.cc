#include <fcntl.h>

#include <array>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/linux/netlink.h"
#include "platform/net_interfaces.h"

namespace jump::platform {
namespace {

// What comes within this is one change: a cable that is put in makes a dozen messages.
constexpr auto kSettle = std::chrono::milliseconds(100);

struct State {
  std::vector<NetInterface> interfaces;
  std::vector<Gateway> gateways;
  bool operator==(const State&) const = default;
};

Result<State> read_state() {
  Result<std::vector<NetInterface>> interfaces = net_interfaces();
  if (!interfaces) return interfaces.error();
  Result<std::vector<Gateway>> gateways = default_gateways();
  if (!gateways) return gateways.error();
  return State{std::move(*interfaces), std::move(*gateways)};
}

}  // namespace

struct NetworkWatch::Impl {
  explicit Impl(asio::any_io_executor executor) : descriptor(executor), buffer(netlink::kReceiveBytes) {}

  asio::posix::stream_descriptor descriptor;
  std::vector<std::uint8_t> buffer;
  State state;
  bool pending = false;  // something was heard that is not looked at yet; a cancelled wait keeps it

  Task<Result<void>> readable() {
    boost::system::error_code failed;
    co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                   asio::redirect_error(asio::use_awaitable, failed));
    if (failed == asio::error::operation_aborted) throw boost::system::system_error(failed);
    if (failed) co_return Error(failed, "wait for rtnetlink");
    co_return Result<void>();
  }

  // Takes what is there; true when something in it may matter.
  Result<bool> drain() {
    bool matters = false;
    while (true) {
      const Result<std::size_t> got = netlink::receive(descriptor.native_handle(), buffer);
      if (!got && got.error().code.value() == EAGAIN) return matters;
      // More happened than the kernel keeps for us.
      if (!got && got.error().code.value() == ENOBUFS) matters = true;
      if (!got && got.error().code.value() != ENOBUFS) return got.error();
      if (!got) continue;
      netlink::each_message(ByteView(buffer).first(*got), [&](const nlmsghdr& header, ByteView rest) {
        matters = matters || is_of_interest(header.nlmsg_type, rest);
        return true;
      });
    }
  }

  // Neighbours come and go all day; only the gateways among them count.
  bool is_of_interest(std::uint16_t type, ByteView message) const {
    if (type != RTM_NEWNEIGH && type != RTM_DELNEIGH) return true;
    const auto parts = netlink::split<ndmsg>(message);
    if (!parts) return false;
    const std::string address = netlink::to_address(parts->second.bytes(NDA_DST));
    return std::ranges::any_of(state.gateways, [&](const Gateway& gateway) {
      return gateway.address == address &&
             gateway.interface_index == static_cast<std::uint32_t>(parts->first.ndm_ifindex);
    });
  }
};

NetworkWatch::NetworkWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NetworkWatch::NetworkWatch(NetworkWatch&&) noexcept = default;
NetworkWatch& NetworkWatch::operator=(NetworkWatch&&) noexcept = default;
NetworkWatch::~NetworkWatch() = default;

Result<NetworkWatch> NetworkWatch::create(asio::any_io_executor executor) {
  Result<Handle> socket = netlink::open(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                        RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH);
  if (!socket) return socket.error();
  auto impl = std::make_unique<Impl>(executor);
  boost::system::error_code failed;
  impl->descriptor.assign(socket->release(), failed);
  if (!failed) impl->descriptor.native_non_blocking(true, failed);
  if (failed) return Error(failed, "watch rtnetlink");
  // After the socket hears: what changes from here on is told.
  Result<State> state = read_state();
  if (!state) return state.error();
  impl->state = std::move(*state);
  return NetworkWatch(std::move(impl));
}

Task<Result<void>> NetworkWatch::changed() {
  while (true) {
    const Result<bool> matters = impl_->drain();
    if (!matters) co_return matters.error();
    impl_->pending = impl_->pending || *matters;
    if (!impl_->pending) {
      const Result<void> ready = co_await impl_->readable();
      if (!ready) co_return ready;
      continue;
    }
    co_await sleep_for(kSettle);
    const Result<bool> more = impl_->drain();
    if (!more) co_return more.error();
    Result<State> now = read_state();
    if (!now) co_return now.error();
    impl_->pending = false;
    const bool other = *now != impl_->state;
    impl_->state = std::move(*now);
    if (other) co_return Result<void>();
  }
}

}  // namespace jump::platform
