#include "platform/net_interfaces.h"

#include <algorithm>

#include <boost/asio/this_coro.hpp>

#include "common/base/clock.h"
#include "common/base/with_timeout.h"

namespace jump::platform {
namespace {

// Between two questions for a gateway's MAC. Linux tells of the answer and asks three times by itself, a
// second apart; Windows does not tell.
constexpr auto kAskAgain = std::chrono::milliseconds(500);

}  // namespace

Task<Result<std::vector<Gateway>>> gateways_with_macs(std::chrono::nanoseconds limit) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  Result<NetworkWatch> watch = NetworkWatch::create(executor);
  if (!watch) co_return watch.error();
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
    Task<Result<void>> heard = watch->changed();
    const Result<void> ignored =
        co_await with_timeout(std::min<Duration>(left, kAskAgain), "a gateway", std::move(heard));
    static_cast<void>(ignored);  // it is looked again either way
  }
}

}  // namespace jump::platform
