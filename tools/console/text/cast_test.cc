#include "tools/console/text/cast.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

using namespace std::chrono_literals;

TEST(CastReader, ReadsVersionThree) {
  CastReader reader;
  EXPECT_FALSE(
      reader.line(R"({"version":3,"term":{"cols":100,"rows":30,"type":"xterm"},"title":"web-01"})").value());
  EXPECT_EQ(reader.header()->columns, 100);
  EXPECT_EQ(reader.header()->rows, 30);
  EXPECT_EQ(reader.header()->title, "web-01");
  EXPECT_FALSE(reader.line("# offset 12").value());
  EXPECT_FALSE(reader.line("").value());
  const CastEvent first = reader.line(R"([0.5, "o", "hello\r\n"])").value().value();
  EXPECT_EQ(first.at, 500ms);
  EXPECT_EQ(first.code, 'o');
  EXPECT_EQ(first.data, "hello\r\n");
  const CastEvent second = reader.line(R"([1.25, "r", "80x24"])").value().value();
  EXPECT_EQ(second.at, 1750ms);
}

TEST(CastReader, ReadsVersionTwoWithItsAbsoluteTimes) {
  CastReader reader;
  EXPECT_FALSE(reader.line(R"({"version":2,"width":90,"height":20})").value());
  EXPECT_EQ(reader.header()->columns, 90);
  EXPECT_EQ(reader.line(R"([1, "o", "a"])").value()->at, 1s);
  EXPECT_EQ(reader.line(R"([2, "o", "b"])").value()->at, 2s);
}

TEST(CastReader, RefusesWhatIsNoRecording) {
  for (const char* bad : {"x", "[1,\"o\",\"a\"]", R"({"version":1})", R"({})", R"({"version":"3"})"}) {
    CastReader reader;
    EXPECT_FALSE(reader.line(bad)) << bad;
  }
  for (const char* bad : {R"([-1,"o","a"])", R"([1e300,"o","a"])", R"(["1","o","a"])", R"([1,"oo","a"])",
                          R"([1,"o"])", R"([1,"o",1])", R"({"a":1})"}) {
    CastReader reader;
    ASSERT_TRUE(reader.line(R"({"version":3})"));
    EXPECT_FALSE(reader.line(bad)) << bad;
  }
}

TEST(CastClock, CutsLongPausesAndGoesFaster) {
  CastClock plain(1, std::nullopt);
  EXPECT_EQ(plain.pause_before({1s, 'o', ""}), 1s);
  EXPECT_EQ(plain.pause_before({61s, 'o', ""}), 60s);
  EXPECT_EQ(plain.pause_before({10s, 'o', ""}), 0s);
  CastClock quick(2, 4s);
  EXPECT_EQ(quick.pause_before({1s, 'o', ""}), 500ms);
  EXPECT_EQ(quick.pause_before({61s, 'o', ""}), 2s);
}

}  // namespace
}  // namespace jump::console
