#include "tools/console/text/completion.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

CommandNode tree() {
  CommandNode shell{"shell", "A terminal", {"--wait"}, CommandNode::Words::assets, {}};
  CommandNode end{"end", "End it", {}, CommandNode::Words::none, {}};
  CommandNode session{"session", "Sessions", {}, CommandNode::Words::none, {end}};
  return {"jump", "", {"--version"}, CommandNode::Words::none, {shell, session}};
}

TEST(Completion, KnowsEveryCommandByItsWholePath) {
  for (const std::string& script : {bash_completion(tree()), zsh_completion(tree())}) {
    EXPECT_NE(script.find("'jump') commands_='shell session' options_='--version' words_=none"),
              std::string::npos);
    EXPECT_NE(script.find("'jump shell') commands_='' options_='--wait' words_=assets"), std::string::npos);
    EXPECT_NE(script.find("'jump session end')"), std::string::npos);
  }
}

TEST(Completion, QuotesWhatTheShellWouldRead) {
  CommandNode root = tree();
  root.options = {"--it's"};
  EXPECT_NE(bash_completion(root).find(R"(options_='--it'\''s')"), std::string::npos);
}

}  // namespace
}  // namespace jump::console
