#include "tools/console/terminal/dialogue.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

Dialogue password() {
  return Dialogue("web-01 asks\n", {{"Password: ", false}});
}

std::string answer(Dialogue& dialogue, std::size_t which = 0) {
  const std::vector<Secret> answers = dialogue.take_answers();
  return which < answers.size() ? std::string(answers[which].reveal_text()) : "none";
}

TEST(Dialogue, ShowsTheOpeningAndTheFirstQuestionInRawLines) {
  Dialogue dialogue = password();
  EXPECT_EQ(dialogue.begin(), "web-01 asks\r\nPassword: ");
}

TEST(Dialogue, ShowsNothingOfASecret) {
  Dialogue dialogue = password();
  std::string typed = "hunter2\r";
  EXPECT_EQ(dialogue.feed(typed), "\r\n");
  EXPECT_TRUE(dialogue.over());
  EXPECT_EQ(answer(dialogue), "hunter2");
}

TEST(Dialogue, EchoesWhatMayBeSeen) {
  Dialogue dialogue("", {{"User name:", true}});
  EXPECT_EQ(dialogue.begin(), "User name: ");
  std::string typed = "anna\n";
  EXPECT_EQ(dialogue.feed(typed), "anna\r\n");
  EXPECT_EQ(answer(dialogue), "anna");
}

TEST(Dialogue, LeavesWhatComesBehindTheLastAnswer) {
  Dialogue dialogue = password();
  std::string typed = "pw\r\nls\r";
  static_cast<void>(dialogue.feed(typed));
  EXPECT_EQ(typed, "ls\r");
}

TEST(Dialogue, AsksOneAfterTheOther) {
  Dialogue dialogue("", {{"First:", true}, {"Second:", false}});
  std::string typed = "1\r2\r";
  EXPECT_EQ(dialogue.feed(typed), "1\r\nSecond: \r\n");
  EXPECT_EQ(answer(dialogue, 1), "2");
}

TEST(Dialogue, ErasesWholeCharacters) {
  Dialogue dialogue("", {{"Name:", true}});
  std::string typed =
      "a\xc3\xbc\x7f\x7f"
      "b\r";
  EXPECT_EQ(dialogue.feed(typed), "a\xc3\xbc\b \b\b \bb\r\n");
  EXPECT_EQ(answer(dialogue), "b");
}

TEST(Dialogue, ErasingWithControlUStartsAgain) {
  Dialogue dialogue = password();
  std::string typed = "wrong\x15right\r";
  static_cast<void>(dialogue.feed(typed));
  EXPECT_EQ(answer(dialogue), "right");
}

TEST(Dialogue, ControlCCancels) {
  Dialogue dialogue = password();
  std::string typed = "half\x03ls";
  EXPECT_EQ(dialogue.feed(typed), "\r\n");
  EXPECT_TRUE(dialogue.cancelled());
  EXPECT_EQ(typed, "ls");
}

TEST(Dialogue, ControlDCancelsOnlyAnEmptyLine) {
  Dialogue dialogue = password();
  std::string typed = "x\x04";
  static_cast<void>(dialogue.feed(typed));
  EXPECT_FALSE(dialogue.cancelled());
  typed = "\x7f\x04";
  static_cast<void>(dialogue.feed(typed));
  EXPECT_TRUE(dialogue.cancelled());
}

TEST(Dialogue, CursorKeysAreNoPartOfAnAnswer) {
  Dialogue dialogue = password();
  std::string typed = "a\x1b[D\x1bOAb\x1b[1;5Cc\r";
  static_cast<void>(dialogue.feed(typed));
  EXPECT_EQ(answer(dialogue), "abc");
}

TEST(Dialogue, RefusesMoreThanAKilobyte) {
  Dialogue dialogue = password();
  std::string typed(Dialogue::kAnswerBytes + 3, 'x');
  EXPECT_EQ(dialogue.feed(typed), "\a\a\a");
  typed = "\r";
  static_cast<void>(dialogue.feed(typed));
  EXPECT_EQ(answer(dialogue).size(), Dialogue::kAnswerBytes);
}

TEST(Dialogue, AQuestionCannotDriveTheTerminal) {
  Dialogue dialogue("", {{"\x1b]0;owned\aPassword:", false}});
  EXPECT_EQ(dialogue.begin().find('\x1b'), std::string::npos);
  EXPECT_EQ(dialogue.begin().find('\a'), std::string::npos);
}

TEST(Dialogue, WithoutQuestionsItIsOver) {
  const Dialogue dialogue("only words\n", {});
  EXPECT_TRUE(dialogue.over());
}

}  // namespace
}  // namespace jump::console
