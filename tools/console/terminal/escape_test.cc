#include "tools/console/terminal/escape.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

// Commands as {L D H S}, the rest as it is.
std::string run(EscapeParser& parser, std::string_view typed) {
  std::string seen;
  for (const EscapeParser::Part& part : parser.feed(typed)) {
    seen += part.bytes;
    if (part.has_command) seen += std::string("{") + "LDHS"[static_cast<int>(part.command)] + "}";
  }
  return seen;
}
std::string run(std::string_view typed) {
  EscapeParser parser;
  return run(parser, typed);
}

TEST(EscapeParser, CountsOnlyAtTheBeginningOfALine) {
  EXPECT_EQ(run("~."), "{L}");
  EXPECT_EQ(run("ls\r~."), "ls\r{L}");
  EXPECT_EQ(run("ls\n~d"), "ls\n{D}");
  EXPECT_EQ(run("ls ~."), "ls ~.");
  EXPECT_EQ(run("a~?"), "a~?");
}

TEST(EscapeParser, PassesOnWhatIsNoCommand) {
  EXPECT_EQ(run("~x"), "~x");
  EXPECT_EQ(run("~\r~?"), "~\r{H}");
  EXPECT_EQ(run("~~."), "~.");
  EXPECT_EQ(run("~~~."), "~~.");
  EXPECT_EQ(run("~/bin\r"), "~/bin\r");
}

TEST(EscapeParser, GoesOnAfterHelpAsAtALineStart) {
  EXPECT_EQ(run("~?~."), "{H}{L}");
  EXPECT_EQ(run("~\x1axy"), "{S}xy");
}

TEST(EscapeParser, DropsWhatStandsBehindLeaving) {
  EXPECT_EQ(run("~.rm -rf\r"), "{L}");
}

TEST(EscapeParser, FindsCommandsCutIntoSingleBytes) {
  EscapeParser parser;
  std::string result;
  for (const char* byte : {"\r", "~", "?", "~", "d"}) result += run(parser, byte);
  EXPECT_EQ(result, "\r{H}{D}");
}

TEST(EscapeParser, TakesNothingOutOfAPaste) {
  EXPECT_EQ(run("\x1b[200~\r~.\r~d\x1b[201~"), "\x1b[200~\r~.\r~d\x1b[201~");
  EXPECT_EQ(run("\x1b[200~a\x1b[201~\r~."), "\x1b[200~a\x1b[201~\r{L}");
  EXPECT_EQ(run("\x1b[200~\r~.\x1b[201\x1b[201~\r~?"), "\x1b[200~\r~.\x1b[201\x1b[201~\r{H}");
  EscapeParser parser;
  std::string result;
  for (const char c : std::string("\x1b[200~\r~.\x1b[201~\r~d")) result += run(parser, std::string(1, c));
  EXPECT_EQ(result, "\x1b[200~\r~.\x1b[201~\r{D}");
}

TEST(EscapeParser, DoesNothingWhenSwitchedOff) {
  EscapeParser parser(false);
  EXPECT_EQ(run(parser, "~.\r~d"), "~.\r~d");
}

}  // namespace
}  // namespace jump::console
