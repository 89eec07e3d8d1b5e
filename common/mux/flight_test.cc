#include "common/mux/flight.h"

#include <gtest/gtest.h>

#include <deque>

namespace jump::mux {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A stream that always has more, over a path of `trip` there and back whose narrowest place lets `rate` bytes
// a second through and queues the rest.
class Path {
 public:
  Path(Flight& flight, Instant& now) : flight_(flight), now_(now) {}

  void run(Duration time, Duration trip, double rate) {
    const Instant until = now_ + time;
    while (now_ < until) {
      while (cursor_ - acked_ < flight_.limit()) {
        cursor_ += kFrame;
        through_ = std::max(through_, now_) +
                   std::chrono::duration_cast<Duration>(std::chrono::duration<double>(kFrame / rate));
        under_way_.emplace_back(through_ + trip, cursor_);
        flight_.sent(cursor_, acked_, now_);
      }
      now_ = under_way_.front().first;
      acked_ = under_way_.front().second;
      under_way_.pop_front();
      flight_.taken(acked_, now_);
    }
  }
  std::uint64_t acked() const { return acked_; }

 private:
  static constexpr std::uint64_t kFrame = 16384;
  Flight& flight_;
  Instant& now_;
  std::uint64_t cursor_ = 0;
  std::uint64_t acked_ = 0;
  Instant through_{};
  std::deque<std::pair<Instant, std::uint64_t>> under_way_;
};

TEST(Flight, IsTwiceWhatThePathHolds) {
  Flight flight;
  Instant now{seconds(100)};
  Path path(flight, now);
  // 20 ms at 20 MB/s: 400 KB.
  path.run(seconds(20), milliseconds(20), 20e6);
  EXPECT_GE(flight.limit(), 750'000u);
  EXPECT_LE(flight.limit(), 900'000u);
  EXPECT_GE(path.acked(), 19u * 20'000'000);
}

TEST(Flight, DoesNotGrowByItsOwnQueue) {
  Flight flight;
  Instant now{seconds(100)};
  Path path(flight, now);
  path.run(seconds(300), milliseconds(20), 20e6);
  EXPECT_LE(flight.limit(), 1'000'000u);
  EXPECT_GE(path.acked(), 295u * 20'000'000);
}

TEST(Flight, FillsALongPathUpToItsMost) {
  Flight flight;
  Instant now{seconds(100)};
  Path path(flight, now);
  path.run(seconds(10), milliseconds(200), 1e9);
  EXPECT_EQ(flight.limit(), limits::kWindowMost);
}

TEST(Flight, NeverFallsBelowItsLeast) {
  Flight flight;
  Instant now{seconds(100)};
  Path path(flight, now);
  path.run(seconds(20), microseconds(100), 1e5);
  EXPECT_EQ(flight.limit(), Flight::kLeast);
}

TEST(Flight, ForgetsAnEarlierPath) {
  Flight flight;
  Instant now{seconds(100)};
  Path path(flight, now);
  path.run(seconds(5), milliseconds(200), 1e9);
  flight.restart();
  EXPECT_EQ(flight.limit(), limits::kWindowStart);
  EXPECT_EQ(flight.rate(), 0);
}

TEST(Flight, FollowsAPathThatBecameLonger) {
  Flight flight;
  Instant now{seconds(100)};
  Path path(flight, now);
  path.run(seconds(5), milliseconds(1), 20e6);
  EXPECT_LE(flight.limit(), 100'000u);
  path.run(seconds(120), milliseconds(100), 20e6);
  EXPECT_GE(flight.limit(), 3'000'000u);
}

TEST(Flight, AcknowledgementsOfNothingSentChangeNothing) {
  Flight flight;
  flight.taken(1 << 30, Instant(seconds(5)));
  EXPECT_EQ(flight.limit(), limits::kWindowStart);
}

}  // namespace
}  // namespace jump::mux
