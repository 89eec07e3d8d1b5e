// When to dial again: full jitter over a doubling range (PRODUCT.md 1.4). A person waits in front of a
// console and consoles are few, so the range ends at ten seconds, not at sixty.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/clock.h"
#include "common/base/limits.h"

namespace jump::console {

class Backoff {
 public:
  static constexpr Duration kCap = std::chrono::seconds(10);
  explicit Backoff(Duration first = limits::kBackoffFirst) : first_(first), range_(first) {}

  // `random` is any number; `asked` is what the appliance named, or zero.
  Duration next(std::uint64_t random, Duration asked) {
    const Duration range = range_;
    range_ = std::min(range_ * 2, kCap);
    // With `asked` all come back within the range after it, not at once.
    return std::clamp(asked, Duration(0), Duration(limits::kRetryAfterCap)) +
           Duration(static_cast<Duration::rep>(random % static_cast<std::uint64_t>(range.count())));
  }
  void succeeded() { range_ = first_; }

 private:
  Duration first_;
  Duration range_;
};

}  // namespace jump::console
