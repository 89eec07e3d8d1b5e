#include "tools/console/text/table.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

TEST(Table, AlignsColumnsAndLeavesNoBlanksAtLineEnds) {
  Table table({"ID", "NAME", "STATE"});
  table.add({"1", "web-01", "online"});
  table.add({"1234", "db", ""});
  EXPECT_EQ(table.text(),
            "ID    NAME    STATE\n"
            "1     web-01  online\n"
            "1234  db\n");
}

TEST(Table, WithoutRowsIsNothing) {
  EXPECT_EQ(Table({"ID"}).text(), "");
}

TEST(Table, CountsWideCharactersTwiceAndMarksNotAtAll) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
  Table table({"A", "B"});
  table.add({"日本", "x"});
  table.add({"y", "z"});
  EXPECT_EQ(table.text(), "A     B\n日本  x\ny     z\n");
}

TEST(Table, EscapesWhatPeersWrote) {
  Table table({"NAME"});
  table.add({"evil\x1b[2J"});
  EXPECT_EQ(table.text(), "NAME\nevil\\x1b[2J\n");
}

TEST(CutToWidth, NeverTakesMoreCellsThanThere) {
  EXPECT_EQ(cut_to_width("hello", 5), "hello");
  EXPECT_EQ(cut_to_width("hello", 4), "hel…");
  EXPECT_EQ(cut_to_width("日本語", 4), "日…");
  EXPECT_EQ(cut_to_width("hello", 0), "");
}

TEST(Details, LeavesOutWhatIsNotKnown) {
  Details details;
  details.add("name", "web-01");
  details.add("tag", "");
  details.add("last seen", "now");
  EXPECT_EQ(details.text(), "name:       web-01\nlast seen:  now\n");
}

}  // namespace
}  // namespace jump::console
