#include "tools/console/text/human.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

TEST(HumanSize, HasTwoDigitsAndTheRightUnit) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(1023), "1023 B");
  EXPECT_EQ(human_size(1024), "1.0 KiB");
  EXPECT_EQ(human_size(16 * 1024), "16 KiB");
  EXPECT_EQ(human_size(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(human_size(1503238553), "1.4 GiB");
  EXPECT_EQ(human_size(~0ull), "16 EiB");
}

TEST(HumanRate, NeverIsNegative) {
  EXPECT_EQ(human_rate(2048), "2.0 KiB/s");
  EXPECT_EQ(human_rate(-1), "0 B/s");
}

TEST(HumanTime, ShowsTheTwoLargestUnits) {
  EXPECT_EQ(human_time(-5), "0 s");
  EXPECT_EQ(human_time(59), "59 s");
  EXPECT_EQ(human_time(65), "1 min 05 s");
  EXPECT_EQ(human_time(2 * 3600 + 3 * 60 + 9), "2 h 03 min");
  EXPECT_EQ(human_time(3 * 86400 + 4 * 3600), "3 d 4 h");
}

TEST(HumanAgo, CountsInOneUnit) {
  EXPECT_EQ(human_ago(100, 90), "now");
  EXPECT_EQ(human_ago(100, 105), "5 s ago");
  EXPECT_EQ(human_ago(0, 180), "3 min ago");
  EXPECT_EQ(human_ago(0, 7200), "2 h ago");
  EXPECT_EQ(human_ago(0, 86400 * 4), "4 d ago");
}

TEST(ParseMinutes, TakesUnitsAndRefusesTheRest) {
  EXPECT_EQ(parse_minutes("90").value(), 90);
  EXPECT_EQ(parse_minutes("120s").value(), 2);
  EXPECT_EQ(parse_minutes("12h").value(), 720);
  EXPECT_EQ(parse_minutes("7d").value(), 10080);
  for (const char* bad : {"", "h", "-5m", "5w", "30s", "1.5h", "0", "99999999999"}) {
    EXPECT_FALSE(parse_minutes(bad)) << bad;
  }
}

TEST(ParseIso8601, IsTheInverseOfWriting) {
  for (const std::int64_t at : {0LL, 951782400LL, 1764000000LL}) {
    EXPECT_EQ(parse_iso8601(iso8601(at)).value(), at);
  }
}

TEST(ParseIso8601, KnowsFractionsAndOffsets) {
  EXPECT_EQ(parse_iso8601("1970-01-01T01:00:00.123+01:00").value(), 0);
  EXPECT_EQ(parse_iso8601("1969-12-31T23:30:00-0030").value(), 0);
  for (const char* bad : {"", "1970-01-01", "1970-13-01T00:00:00Z", "1970-02-30T00:00:00Z",
                          "1970-01-01T00:00:00", "1970-01-01T00:00:00Zx", "+970-01-01T00:00:00Z"}) {
    EXPECT_FALSE(parse_iso8601(bad)) << bad;
  }
}

}  // namespace
}  // namespace jump::console
