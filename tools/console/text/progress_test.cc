#include "tools/console/text/progress.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

using namespace std::chrono_literals;

TEST(RateMeter, MeasuresTheLastSecondsOnly) {
  RateMeter meter;
  const Instant start(100s);
  meter.add(0, start);
  EXPECT_FALSE(meter.rate());
  meter.add(100, start + 500ms);
  EXPECT_FALSE(meter.rate());
  meter.add(1000, start + 1s);
  EXPECT_DOUBLE_EQ(meter.rate().value(), 1000);
  for (int second = 2; second <= 60; ++second) meter.add(1000, start + std::chrono::seconds(second));
  EXPECT_DOUBLE_EQ(meter.rate().value(), 0);
}

TEST(RateMeter, HoldsFewPointsHoweverOftenItIsAsked) {
  RateMeter meter;
  const Instant start(100s);
  for (int i = 0; i <= 20000; ++i) meter.add(static_cast<std::uint64_t>(i), start + i * 1ms);
  EXPECT_NEAR(meter.rate().value(), 1000, 20);
}

TEST(RateMeter, SaysNothingWhenTheTotalGoesBack) {
  RateMeter meter;
  meter.add(100, Instant(1s));
  meter.add(50, Instant(3s));
  EXPECT_FALSE(meter.rate());
}

TEST(ProgressLine, ShowsPercentRateAndTimeLeft) {
  ProgressView view;
  view.name = "a\nb";
  view.done = 512 * 1024;
  view.total = 2 * 1024 * 1024;
  view.rate = 128.0 * 1024;
  EXPECT_EQ(progress_line(view, 200), " 25 %  512 KiB of 2.0 MiB  128 KiB/s  12 s left  a\\x0ab");
  EXPECT_EQ(progress_line(view, 10), " 25 %  51…");
}

TEST(ProgressLine, IsNeverAtHundredBeforeTheEnd) {
  ProgressView view;
  view.total = 1'000'000;
  view.done = 999'999;
  EXPECT_TRUE(progress_line(view, 200).starts_with(" 99 %"));
  view.done = view.total;
  EXPECT_TRUE(progress_line(view, 200).starts_with("100 %"));
  view.done = view.total * 2;  // more came than the first look had found
  EXPECT_TRUE(progress_line(view, 200).starts_with("100 %"));
}

TEST(ProgressLine, WorksWithoutATotal) {
  ProgressView view;
  view.done = 10;
  view.waiting = true;
  EXPECT_EQ(progress_line(view, 200), "10 B  waiting for the connection");
}

TEST(TransferSummary, CountsWhatTravelled) {
  EXPECT_EQ(transfer_summary(1, 2048, 0, 2s), "1 file, 2.0 KiB in 2 s (1.0 KiB/s)");
  EXPECT_EQ(transfer_summary(3, 4096, 2048, 2s),
            "3 files, 4.0 KiB in 2 s (1.0 KiB/s), 2.0 KiB of it were there already");
  EXPECT_EQ(transfer_summary(0, 0, 0, 0s), "0 files, 0 B in 0 s");
}

}  // namespace
}  // namespace jump::console
