#include <winsock2.h>
#include <ws2tcpip.h>

#include <iphlpapi.h>
#include <netioapi.h>

#include <utility>

#include "common/base/with_timeout.h"
#include "platform/net_interfaces.h"
#include "platform/windows/native.h"
#include "platform/windows/object_wait.h"

namespace jump::platform {
namespace {

// What comes within this is one change: a cable that is put in makes a dozen notices.
constexpr auto kSettle = std::chrono::milliseconds(100);
// Nobody tells of neighbours, and so of a gateway's MAC.
constexpr auto kLookAgain = std::chrono::seconds(15);

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
  Impl(asio::any_io_executor executor, Handle ring)
      : event(std::move(ring)), wait(executor, native_handle(event)) {}
  ~Impl() {
    // Waits for a notice that is being given; after it nobody knows the event any more.
    for (HANDLE notice : notices) ::CancelMibChangeNotify2(notice);
  }

  Handle event;  // stays rung until somebody looks, also when a wait was cancelled
  ObjectWait wait;
  std::vector<HANDLE> notices;
  State state;

  Task<Result<void>> rung() {
    co_await wait.signalled();
    co_return Result<void>();
  }
};

NetworkWatch::NetworkWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NetworkWatch::NetworkWatch(NetworkWatch&&) noexcept = default;
NetworkWatch& NetworkWatch::operator=(NetworkWatch&&) noexcept = default;
NetworkWatch::~NetworkWatch() = default;

Result<NetworkWatch> NetworkWatch::create(asio::any_io_executor executor) {
  Handle made = own_handle(::CreateEventW(nullptr, TRUE, FALSE, nullptr));
  if (!made.valid()) return windows_error("make an event");
  auto impl = std::make_unique<Impl>(executor, std::move(made));
  HANDLE event = native_handle(impl->event);
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
    Task<Result<void>> hearing = impl_->rung();
    const Result<void> heard = co_await with_timeout(kLookAgain, "a notice", std::move(hearing));
    if (heard) co_await sleep_for(kSettle);
    // Before it is looked: what happens from here on rings again.
    ::ResetEvent(native_handle(impl_->event));
    Result<State> now = read_state();
    if (!now) co_return now.error();
    const bool other = *now != impl_->state;
    impl_->state = std::move(*now);
    if (other) co_return Result<void>();
  }
}

}  // namespace jump::platform
