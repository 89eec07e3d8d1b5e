// Time. State machines take `now` as an argument; only coroutines ask the clock.
//
// BootClock runs in standby (CLOCK_BOOTTIME), so that a wait limit and a period of absence are
// counted even while a laptop sleeps. Wall time is for people, certificates and recordings only:
// it may jump.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace jump {

using Duration = std::chrono::nanoseconds;

struct BootClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept;
};
using Instant = BootClock::time_point;

// Seconds since 1970-01-01 UTC.
std::int64_t wall_seconds() noexcept;
// "2026-11-21T20:45:00Z"
std::string iso8601(std::int64_t wall);

// Milliseconds as a number for logs and JSON.
inline std::int64_t milliseconds(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

}  // namespace jump
