#include <winsock2.h>
#include <ws2tcpip.h>

#include <iphlpapi.h>
#include <netioapi.h>

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/windows/object_handle.hpp>

#include "common/base/clock.h"
#include "common/base/with_timeout.h"
#include "platform/net_interfaces.h"
#include "platform/windows/native.h"

namespace jump::platform {
namespace {

// What comes within this is one change: a cable that is put in makes a dozen notices.
constexpr auto kSettle = std::chrono::milliseconds(100);
// Nobody tells of neighbours, and so of a gateway's MAC.
constexpr auto kLookAgain = std::chrono::seconds(15);
constexpr auto kAskAgain = std::chrono::milliseconds(100);

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
  State state;
  state.interfaces = std::move(*interfaces);
  state.gateways = std::move(*gateways);
  return state;
}

// On a thread of the system's.
template <typename Row>
void WINAPI ring(PVOID event, Row*, MIB_NOTIFICATION_TYPE) {
  ::SetEvent(event);
}

}  // namespace

struct NetworkWatch::Impl {
  explicit Impl(asio::any_io_executor executor) : event(executor) {}
  ~Impl() {
    // Waits for a notice that is being given; after it nobody knows the event any more.
    for (HANDLE notice : notices) ::CancelMibChangeNotify2(notice);
  }

  asio::windows::object_handle event;  // reset by the wait that it ends
  std::vector<HANDLE> notices;
  State state;
  bool pending = false;  // something was heard that is not looked at yet; a cancelled wait keeps it

  Task<Result<void>> rung() {
    boost::system::error_code failed;
    co_await event.async_wait(asio::redirect_error(asio::use_awaitable, failed));
    if (failed == asio::error::operation_aborted) throw boost::system::system_error(failed);
    if (failed) co_return Error(failed, "wait for a change of the network");
    co_return Result<void>();
  }
};

NetworkWatch::NetworkWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NetworkWatch::NetworkWatch(NetworkWatch&&) noexcept = default;
NetworkWatch& NetworkWatch::operator=(NetworkWatch&&) noexcept = default;
NetworkWatch::~NetworkWatch() = default;

Result<NetworkWatch> NetworkWatch::create(asio::any_io_executor executor) {
  auto impl = std::make_unique<Impl>(executor);
  HANDLE event = ::CreateEventW(nullptr, FALSE, FALSE, nullptr);
  if (event == nullptr) return windows_error("make an event");
  boost::system::error_code failed;
  impl->event.assign(event, failed);
  if (failed) return Error(failed, "watch the network");
  HANDLE notice = nullptr;
  // Where one of them cannot be had, looking from time to time has to do.
  if (::NotifyIpInterfaceChange(AF_UNSPEC, &ring<MIB_IPINTERFACE_ROW>, event, FALSE, &notice) == NO_ERROR)
    impl->notices.push_back(notice);
  if (::NotifyUnicastIpAddressChange(AF_UNSPEC, &ring<MIB_UNICASTIPADDRESS_ROW>, event, FALSE, &notice) ==
      NO_ERROR) {
    impl->notices.push_back(notice);
  }
  if (::NotifyRouteChange2(AF_UNSPEC, &ring<MIB_IPFORWARD_ROW2>, event, FALSE, &notice) == NO_ERROR)
    impl->notices.push_back(notice);
  // After the notices are asked for: what changes from here on is told.
  Result<State> state = read_state();
  if (!state) return state.error();
  impl->state = std::move(*state);
  return NetworkWatch(std::move(impl));
}

Task<Result<void>> NetworkWatch::changed() {
  while (true) {
    if (!impl_->pending) {
      Task<Result<void>> hearing = impl_->rung();
      const Result<void> heard = co_await with_timeout(kLookAgain, "a notice", std::move(hearing));
      if (!heard && !heard.error().is(Fault::timed_out)) co_return heard.error();
      impl_->pending = true;
      if (heard) co_await sleep_for(kSettle);
    }
    Result<State> now = read_state();
    if (!now) co_return now.error();
    impl_->pending = false;
    const bool other = *now != impl_->state;
    impl_->state = std::move(*now);
    if (other) co_return Result<void>();
  }
}

Task<Result<std::vector<Gateway>>> gateways_with_macs(asio::any_io_executor, std::chrono::nanoseconds limit) {
  const Instant until = BootClock::now() + limit;
  while (true) {
    Result<std::vector<Gateway>> gateways = default_gateways();
    if (!gateways) co_return gateways.error();
    bool missing = false;
    for (const Gateway& gateway : *gateways) {
      if (gateway.mac || gateway.address.empty()) continue;
      missing = true;
      stir_neighbour(gateway);
    }
    const Duration left = until - BootClock::now();
    if (!missing || left <= Duration::zero()) co_return std::move(*gateways);
    co_await sleep_for(std::min<Duration>(left, kAskAgain));
  }
}

}  // namespace jump::platform
