#include "platform/net_interfaces.h"

#include <algorithm>

#include "common/base/clock.h"

namespace jump::platform {
namespace {

// Between two questions for a gateway's MAC. Systems do not tell of an answer, or only after a while.
constexpr auto kAskAgain = std::chrono::milliseconds(100);

}  // namespace

Task<Result<std::vector<Gateway>>> gateways_with_macs(std::chrono::nanoseconds limit) {
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
