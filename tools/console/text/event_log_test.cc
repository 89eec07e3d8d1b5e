#include "tools/console/text/event_log.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

TEST(EventLog, ShowsWhatWasAskedAndPrinted) {
  EventLog log;
  EXPECT_EQ(log.line(R"({"recording":1,"kind":"exec","title":"web-01 by anna","timestamp":0})").value(),
            "1970-01-01T00:00:00Z exec web-01 by anna");
  EXPECT_FALSE(log.line("# zero console 12").value());
  EXPECT_EQ(
      log.line(R"({"after":0.5,"from":"console","message":{"kind":"signal","body":{"name":"INT"}}})").value(),
      R"(     0.500  console: signal {"name":"INT"})");
  EXPECT_EQ(log.line(R"({"after":1,"stream":2,"text":"a\u001b[2Jb\n"})").value(),
            R"(     1.500  output: a\x1b[2Jb\x0a)");
  EXPECT_EQ(log.line(R"({"stream":4,"bytes":20000000})").value(),
            "     1.500  error output: 20000000 bytes in all");
}

TEST(EventLog, RefusesWhatIsNoLine) {
  EventLog log;
  EXPECT_FALSE(log.line("nonsense"));
  EXPECT_FALSE(log.line("[]"));
}

TEST(RecordingKind, IsToldByTheFirstLine) {
  EXPECT_EQ(kind_of_recording(R"({"version":3})"), RecordingKind::cast);
  EXPECT_EQ(kind_of_recording(R"({"recording":1})"), RecordingKind::events);
  EXPECT_EQ(kind_of_recording("hello"), RecordingKind::unknown);
  EXPECT_EQ(kind_of_recording(""), RecordingKind::unknown);
}

}  // namespace
}  // namespace jump::console
