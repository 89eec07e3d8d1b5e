#include "tools/console/terminal/query_filter.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

std::string whole(std::string_view output) {
  QueryFilter filter;
  const std::string shown = filter.feed(output);
  return shown + filter.rest();
}

TEST(QueryFilter, TakesOutWhatATerminalAnswers) {
  for (const char* question : {"\x1b[6n", "\x1b[?6n", "\x1b[5n", "\x1b[c", "\x1b[>c", "\x1b[=0c", "\x1b[>0q",
                               "\x1b[?2026$p", "\x1b[18t", "\x1b[?u", "\x1bP$qm\x1b\\", "\x1bP+q544e\x1b\\",
                               "\x1b]11;?\x07", "\x1b]10;?\x1b\\", "\x05", "\x1bZ", "\x1b_Gi=31;\x1b\\"}) {
    EXPECT_EQ(whole("a" + std::string(question) + "b"), "ab") << question + 1;
  }
}

TEST(QueryFilter, LeavesEverythingElse) {
  for (const char* output :
       {"plain\r\n", "\x1b[31mred\x1b[0m", "\x1b[?1049h", "\x1b[2J\x1b[H", "\x1b]0;title\x07",
        "\x1b"
        "7\x1b"
        "8",
        "\x1b[22;0;0t", "\x1b[2 q", "\x1b[!p", "\x1b[>1u", "ä日",
        "\x1b"
        "c",
        "\x1b(B"}) {
    EXPECT_EQ(whole(output), output);
  }
}

TEST(QueryFilter, SeesThroughAnyCutting) {
  const std::string output = "x\x1b[31m\x1b[6ny\x1b]11;?\x1b\\z\x1b]0;t\x07";
  QueryFilter filter;
  std::string shown;
  for (const char c : output) shown += filter.feed(std::string_view(&c, 1));
  EXPECT_EQ(shown, "x\x1b[31myz\x1b]0;t\x07");
}

TEST(QueryFilter, HoldsNoMoreThanALittle) {
  QueryFilter filter;
  const std::string image = "\x1b]1337;File=" + std::string(100000, 'A') + "\x07";
  EXPECT_EQ(filter.feed(image) + filter.rest(), image);
}

}  // namespace
}  // namespace jump::console
