// Pacer: when the next packet of a sweep may go, so that all of them together keep to one rate.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/clock.h"
#include "common/base/task_group.h"

namespace jump::browse {

class Pacer {
 public:
  explicit Pacer(std::uint32_t packets_per_second)
      : gap_(std::chrono::nanoseconds(std::chrono::seconds(1)) / packets_per_second) {}

  // Waits for the caller's turn to send one packet. First come, first served.
  Task<> turn() {
    const Instant now = BootClock::now();
    const Instant mine = std::max(next_, now);
    next_ = mine + gap_;
    ++packets_;
    // Timers are not finer than this; a few packets may go together.
    if (mine - now > kCoarse) co_await sleep_for(mine - now);
  }
  std::uint64_t packets() const { return packets_; }

 private:
  static constexpr Duration kCoarse = std::chrono::milliseconds(4);

  Duration gap_;
  Instant next_{};
  std::uint64_t packets_ = 0;
};

}  // namespace jump::browse
