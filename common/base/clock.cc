#include "common/base/clock.h"

#include <cstdio>
#include <ctime>

namespace jump {

Instant BootClock::now() noexcept {
  // CLOCK_BOOTTIME exists on Linux; elsewhere the steady clock is the best there is here, and
  // platform/windows corrects it on resume.
#ifdef CLOCK_BOOTTIME
  std::timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Instant(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
#else
  return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
#endif
}

std::int64_t wall_seconds() noexcept {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string iso8601(std::int64_t wall) {
  using namespace std::chrono;
  const sys_seconds at{seconds(wall)};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(at - day);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

}  // namespace jump
