// Full-jitter exponential backoff: how long to wait after so many failures, so that thousands who lost the
// same appliance come back spread over the time (PRODUCT.md 1.4).
#pragma once

#include <cstdint>
#include <functional>

#include "common/base/clock.h"
#include "common/base/limits.h"

namespace jump::tunnel {

// Any whole number below `bound` (bound > 0), each as likely. Injected, so that tests know it.
using Random = std::function<std::uint64_t(std::uint64_t bound)>;
// Seeded by the operating system; not for secrets.
Random make_random();

struct BackoffLimits {
  Duration first = limits::kBackoffFirst;
  Duration cap = limits::kBackoffCap;
};

// 0 … min(cap, first · 2^failures), evenly.
Duration full_jitter(unsigned failures, const BackoffLimits& limits, const Random& random);

}  // namespace jump::tunnel
