// Flight: how much of a stream may be under way. The window of the receiver says what it can hold; this says
// what the path needs: twice the measured rate times the shortest round trip (offset sent to offset taken),
// so that a short path carries little and a long one fills. Never below 64 KiB, never above 16 MiB. A
// shortest trip that is 30 s old is measured anew with little under way: otherwise the stream would wait in
// its own queue, take that for the path, and double what it has under way every 30 s.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/base/clock.h"
#include "common/base/limits.h"

namespace jump::mux {

class Flight {
 public:
  static constexpr std::uint64_t kLeast = 64 * 1024;

  std::uint64_t limit() const { return limit_; }
  Duration round_trip() const { return shortest_; }
  double rate() const { return rate_; }  // bytes a second, the best of the last rounds

  // A frame was sent up to `cursor`; `acked` is the newest acknowledgement. Starts a round when none runs.
  void sent(std::uint64_t cursor, std::uint64_t acked, Instant now) {
    if (running_) return;
    running_ = true;
    round_end_ = cursor;
    round_acked_ = acked;
    round_start_ = now;
  }

  // The peer has taken everything below `acked`. A round is over when what was sent at its start was taken.
  void taken(std::uint64_t acked, Instant now) {
    if (!running_ || acked < round_end_) return;
    running_ = false;
    const Duration time = std::max<Duration>(now - round_start_, std::chrono::microseconds(20));
    if (time < shortest_ || probing_) {
      shortest_ = time;
      shortest_at_ = now;
      probing_ = false;
    } else if (now - shortest_at_ > std::chrono::seconds(30)) {
      probing_ = true;
    }
    const double seconds = std::chrono::duration<double>(time).count();
    const double rate = static_cast<double>(acked - round_acked_) / seconds;
    rate_ = std::max(rate, rate_ * 0.9);
    const double product = 2.0 * rate_ * std::chrono::duration<double>(shortest_).count();
    limit_ = probing_ ? kLeast : std::clamp(static_cast<std::uint64_t>(product), kLeast, limits::kWindowMost);
  }

  // A new attachment: another path. What is known of the old one may be wrong.
  void restart() { *this = Flight(); }

 private:
  std::uint64_t limit_ = limits::kWindowStart;
  bool running_ = false;
  std::uint64_t round_end_ = 0;
  std::uint64_t round_acked_ = 0;
  Instant round_start_{};
  Duration shortest_ = std::chrono::hours(1);
  Instant shortest_at_{};
  bool probing_ = false;
  double rate_ = 0;
};

}  // namespace jump::mux
