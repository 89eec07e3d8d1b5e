#include "common/endpoint/absence.h"

#include <gtest/gtest.h>

namespace jump::endpoint {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST(Absence, CountsTimeOfTryingOverSeveralStarts) {
  Absence absence(7000);
  absence.look(false, seconds(60));
  EXPECT_EQ(absence.seconds(), 7060u);
  EXPECT_FALSE(absence.over(118));
  absence.look(false, seconds(60));
  EXPECT_TRUE(absence.over(118));
  EXPECT_FALSE(absence.over(0));
}

TEST(Absence, AMachineThatSleptHasNotTried) {
  Absence absence(0);
  absence.look(false, hours(24 * 365));
  EXPECT_EQ(absence.seconds(), 120u);
  absence.look(false, -hours(1));
  EXPECT_EQ(absence.seconds(), 120u);
}

TEST(Absence, StartsAnewOnceTheApplianceAnswered) {
  Absence absence(99999);
  absence.look(true, seconds(60));
  EXPECT_EQ(absence.seconds(), 0u);
  EXPECT_TRUE(absence.unsaved());
  absence.saved();
  EXPECT_FALSE(absence.unsaved());
}

TEST(Absence, IsWrittenDownOnceAnHour) {
  Absence absence(0);
  for (int minute = 0; minute < 59; ++minute) absence.look(false, seconds(60));
  EXPECT_FALSE(absence.unsaved());
  absence.look(false, seconds(60));
  EXPECT_TRUE(absence.unsaved());
  absence.saved();
  absence.look(false, seconds(60));
  EXPECT_FALSE(absence.unsaved());
}

}  // namespace
}  // namespace jump::endpoint
