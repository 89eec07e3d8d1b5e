#include "tools/console/session/backoff.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, TriesFirstWithinASecondAndNeverWaitsLongerThanTen) {
  Backoff backoff;
  EXPECT_LT(backoff.next(~0ull, Duration(0)), Duration(1s));
  for (int i = 0; i < 20; ++i)
    EXPECT_LT(backoff.next(~0ull - static_cast<unsigned>(i), Duration(0)), Duration(10s));
  EXPECT_EQ(backoff.next(0, Duration(0)), Duration(0));
}

TEST(Backoff, BeginsAnewAfterASuccess) {
  Backoff backoff;
  for (int i = 0; i < 20; ++i) backoff.next(0, Duration(0));
  backoff.succeeded();
  EXPECT_LT(backoff.next(~0ull, Duration(0)), Duration(1s));
}

TEST(Backoff, WaitsAsLongAsTheApplianceAskedButNoLongerThanTheLimit) {
  Backoff backoff;
  EXPECT_EQ(backoff.next(0, Duration(5s)), Duration(5s));
  EXPECT_EQ(backoff.next(0, Duration(24h)), Duration(10min));
  EXPECT_EQ(backoff.next(0, Duration(-5s)), Duration(0));
}

}  // namespace
}  // namespace jump::console
