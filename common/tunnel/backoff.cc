#include "common/tunnel/backoff.h"

#include <algorithm>
#include <memory>
#include <random>

namespace jump::tunnel {

Random make_random() {
  std::random_device seed;
  auto engine = std::make_shared<std::mt19937_64>((std::uint64_t{seed()} << 32) ^ seed());
  return [engine](std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(*engine);
  };
}

Duration full_jitter(unsigned failures, const BackoffLimits& limits, const Random& random) {
  Duration most = limits.first;
  for (unsigned i = 0; i < failures && most < limits.cap; ++i) most *= 2;
  most = std::clamp(most, Duration(0), limits.cap);
  return Duration(static_cast<Duration::rep>(random(static_cast<std::uint64_t>(most.count()) + 1)));
}

}  // namespace jump::tunnel
