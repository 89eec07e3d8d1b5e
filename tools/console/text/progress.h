// What a progress line of a transfer says: rate over the last seconds, time left. Pure: the time is an
// argument.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace jump::console {

// Bytes a second over the last ten seconds.
class RateMeter {
 public:
  void add(std::uint64_t total, Instant now);
  // Nothing before the first second.
  std::optional<double> rate() const;

 private:
  struct Point {
    Instant at;
    std::uint64_t total;
  };
  std::deque<Point> points_;
};

struct ProgressView {
  std::string name;  // of the present file; made printable here
  std::uint64_t done = 0;
  std::uint64_t total = 0;    // 0: not known
  std::uint64_t resumed = 0;  // of `done`, what did not travel
  std::uint64_t files = 0;    // entries so far
  std::uint64_t files_total = 0;
  std::optional<double> rate;
  bool waiting = false;  // no connection
};

// " 42 %  1.2 GiB of 2.8 GiB  11 MiB/s  2 min 20 s left  logs/a.log", cut to `columns` cells.
std::string progress_line(const ProgressView& view, std::size_t columns);
// "3 files, 1.2 GiB in 1 min 05 s (19 MiB/s), 200 MiB of it were there already"
std::string transfer_summary(std::uint64_t files, std::uint64_t bytes, std::uint64_t resumed, Duration time);

}  // namespace jump::console
