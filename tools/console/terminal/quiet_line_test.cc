#include "tools/console/terminal/quiet_line.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

TEST(ScreenTracker, FollowsTheAlternateScreen) {
  ScreenTracker screen;
  screen.feed("plain \x1b[31mred\x1b[0m text");
  EXPECT_FALSE(screen.alternate());
  screen.feed("\x1b[?1049h\x1b[2J");
  EXPECT_TRUE(screen.alternate());
  screen.feed("\x1b[?25l\x1b[?1;47l");
  EXPECT_FALSE(screen.alternate());
  screen.feed("\x1b[?12;1047h");
  EXPECT_TRUE(screen.alternate());
  screen.feed(
      "\x1b"
      "c");
  EXPECT_FALSE(screen.alternate());
}

TEST(ScreenTracker, SeesThroughAnyCutting) {
  const std::string output = "x\x1b[?1049hvi\x1b\x1b[?1049l\x1b[1049hy\x1b[?1049h";
  ScreenTracker whole;
  whole.feed(output);
  ScreenTracker bytes;
  for (const char c : output) bytes.feed(std::string_view(&c, 1));
  EXPECT_TRUE(whole.alternate());
  EXPECT_TRUE(bytes.alternate());
}

TEST(ScreenTracker, SurvivesEndlessParameters) {
  ScreenTracker screen;
  screen.feed("\x1b[?" + std::string(100000, '1') + "h\x1b[?1049h");
  EXPECT_TRUE(screen.alternate());
}

TEST(ReportFilter, TakesTheAnswerOutOfWhatIsTyped) {
  ReportFilter filter;
  std::optional<std::uint16_t> row;
  filter.expect();
  EXPECT_EQ(filter.feed("ls\x1b[24;17Rx", row), "lsx");
  EXPECT_EQ(row, 24);
  EXPECT_FALSE(filter.expecting());
}

TEST(ReportFilter, PutsTheAnswerTogetherFromPieces) {
  ReportFilter filter;
  std::optional<std::uint16_t> row;
  filter.expect();
  std::string rest;
  for (const char c : std::string("a\x1b[A\x1b[7;1Rb")) rest += filter.feed(std::string_view(&c, 1), row);
  EXPECT_EQ(rest, "a\x1b[Ab");
  EXPECT_EQ(row, 7);
}

TEST(ReportFilter, LeavesTypingAloneWhenNothingIsExpected) {
  ReportFilter filter;
  std::optional<std::uint16_t> row;
  EXPECT_EQ(filter.feed("\x1b[1;2R", row), "\x1b[1;2R");
  EXPECT_FALSE(row);
}

TEST(ReportFilter, GivesBackWhatItHeldWhenNoAnswerComes) {
  ReportFilter filter;
  std::optional<std::uint16_t> row;
  filter.expect();
  EXPECT_EQ(filter.feed("\x1b", row), "");
  EXPECT_EQ(filter.give_up(), "\x1b");
  EXPECT_EQ(filter.feed("x", row), "x");
}

TEST(QuietLine, MovesEverythingUpWhenTheCursorIsOnTheLastLine) {
  QuietLine line;
  EXPECT_EQ(line.show("lost", {80, 24}, false, 24),
            "\x1b"
            "7\x1b[24;1H\x1b"
            "D\x1b[0m\x1b[2K\x1b[7mlost\x1b[0m\x1b"
            "8\x1b[A");
  // Only once; afterwards the seconds change in place.
  EXPECT_EQ(line.show("lost 2", {80, 24}, false, 24),
            "\x1b"
            "7\x1b[24;1H\x1b[0m\x1b[2K\x1b[7mlost 2\x1b[0m\x1b"
            "8");
  EXPECT_EQ(line.hide(),
            "\x1b"
            "7\x1b[24;1H\x1b[0m\x1b[2K\x1b"
            "8");
  EXPECT_FALSE(line.redraw_due());
  EXPECT_EQ(line.hide(), "");
}

TEST(QuietLine, MovesNothingOtherwise) {
  QuietLine line;
  EXPECT_EQ(line.show("lost", {80, 24}, false, 3)
                .find("\x1b"
                      "D"),
            std::string::npos);
  line.hide();
  EXPECT_EQ(line.show("lost", {80, 24}, false, std::nullopt)
                .find("\x1b"
                      "D"),
            std::string::npos);
}

TEST(QuietLine, MakesAFullScreenProgramRedrawOnce) {
  QuietLine line;
  EXPECT_EQ(line.show("lost", {80, 24}, true, 24)
                .find("\x1b"
                      "D"),
            std::string::npos);
  line.hide();
  EXPECT_TRUE(line.redraw_due());
  EXPECT_FALSE(line.redraw_due());
}

TEST(QuietLine, IsCutToTheTerminal) {
  QuietLine line;
  EXPECT_NE(line.show("lost connection", {10, 5}, false, 1).find("\x1b[7mlost con…\x1b[0m"),
            std::string::npos);
}

TEST(FullText, NamesNoLimitBecauseNoneRuns) {
  EXPECT_EQ(full_text(12), "jump: no space for the recording for 12 s, the session waits for it. ~. leaves");
}

TEST(LostText, SaysForHowLongAndHowMuchLonger) {
  EXPECT_EQ(lost_text("the appliance", "", 12, 600),
            "jump: no connection to the appliance for 12 s, waits up to 10 min. ~. leaves");
  EXPECT_EQ(lost_text("web-01", "the endpoint is away\x07", 1, 86400),
            "jump: no connection to web-01 for 1 s, waits up to 1 d. ~. leaves (the endpoint is away\\x07)");
  EXPECT_EQ(lost_text("web-01", "", 1, 90),
            "jump: no connection to web-01 for 1 s, waits up to 1 min 30 s. ~. leaves");
}

}  // namespace
}  // namespace jump::console
