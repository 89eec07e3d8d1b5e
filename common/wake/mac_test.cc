#include "common/wake/mac.h"

#include <gtest/gtest.h>

namespace jump::wake {
namespace {

TEST(Mac, ReadsEverySpellingAndWritesOne) {
  for (const char* text :
       {"02:77:01:00:0a:11", "02-77-01-00-0A-11", "0277.0100.0a11", "027701000A11", "2:77:1:0:a:11"}) {
    const std::optional<Mac> mac = parse_mac(text);
    ASSERT_TRUE(mac) << text;
    EXPECT_EQ(to_text(*mac), "02:77:01:00:0a:11");
  }
}

TEST(Mac, RefusesWhatIsNone) {
  for (const char* text :
       {"", "02:77:01:00:00", "02:77:01:00:00:11:22", "02:77:01:00:00:1g", "02:77:01:00:00:111",
        "02:77:01-00:00:11", "0277.0100.001", "2-77-1-0-0-11", "02770100001", "0277010000111",
        ":77:01:00:00:11", "02:77:01:00:00:", " 02:77:01:00:00:11", "0277:0100:0011"}) {
    EXPECT_FALSE(parse_mac(text)) << text;
  }
}

TEST(Mac, OfOneCardIsNeitherZeroNorAGroup) {
  EXPECT_TRUE(is_unicast(*parse_mac("02:77:01:00:00:11")));
  EXPECT_FALSE(is_unicast(Mac{}));
  EXPECT_FALSE(is_unicast(*parse_mac("ff:ff:ff:ff:ff:ff")));
  EXPECT_FALSE(is_unicast(*parse_mac("33:33:00:00:00:01")));
}

TEST(Mac, KnowsVirtualRoutersAndTakesNoOtherForOne) {
  for (const char* text : {"00:00:5e:00:01:01", "00:00:5e:00:02:ff", "00:00:0c:07:ac:0a", "00:00:0c:9f:f0:01",
                           "00:00:0c:9f:ff:ff", "00:05:73:a0:00:01", "00:05:73:a0:0f:ff", "00:07:b4:00:01:02",
                           "00:09:0f:09:00:00", "00:1b:17:00:01:13", "00:10:db:ff:10:00"}) {
    EXPECT_TRUE(is_virtual_router(*parse_mac(text))) << text;
  }
  for (const char* text :
       {"00:00:5e:00:00:01", "00:00:5e:00:03:01", "00:00:0c:07:ab:0a", "00:00:0c:9f:e0:01",
        "00:05:73:a0:10:00", "00:08:b4:00:01:02", "00:09:0f:08:00:00", "02:77:01:00:00:01"}) {
    EXPECT_FALSE(is_virtual_router(*parse_mac(text))) << text;
  }
}

}  // namespace
}  // namespace jump::wake
