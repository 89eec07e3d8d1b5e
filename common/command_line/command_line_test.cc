#include "common/command_line/command_line.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace jump::command_line {
namespace {

// What is said on standard error; "" when the words are fine.
std::string said(std::vector<const char*> words) {
  CLI::App app("For tests", "prog");
  app.require_subcommand(1);
  app.fallthrough();
  bool json = false;
  app.add_flag("--json", json);
  std::string file;
  auto* install = app.add_subcommand("install");
  install->add_option("--key-info-file", file)->required();
  auto* ca = app.add_subcommand("ca");
  ca->require_subcommand(1);
  ca->add_subcommand("prepare");
  ca->add_subcommand("promote");
  app.add_subcommand("status");
  words.insert(words.begin(), "/usr/bin/prog");
  testing::internal::CaptureStderr();
  const std::optional<int> status = parse(app, static_cast<int>(words.size()), words.data());
  const std::string text = testing::internal::GetCapturedStderr();
  if (status) EXPECT_EQ(*status, kWrongUse);
  EXPECT_EQ(status.has_value(), !text.empty());
  return text;
}

TEST(CommandLine, TakesWhatIsRight) {
  EXPECT_EQ(said({"status", "--json"}), "");
  EXPECT_EQ(said({"install", "--key-info-file", "-"}), "");
  EXPECT_EQ(said({"ca", "prepare"}), "");
}

TEST(CommandLine, SaysWhichWordNobodyKnowsAndWhatResemblesIt) {
  EXPECT_EQ(said({"instal"}), "prog: 'instal' is no command; did you mean 'install'?; see `prog --help`\n");
  EXPECT_EQ(said({"zzz"}), "prog: 'zzz' is no command; known here: install, ca, status; see `prog --help`\n");
  EXPECT_EQ(said({"ca", "promot"}),
            "prog: 'promot' is no command; did you mean 'promote'?; see `prog ca --help`\n");
  EXPECT_EQ(said({"install", "--key-info-fil", "x"}),
            "prog: there is no option --key-info-fil; did you mean '--key-info-file'?; see `prog install "
            "--help`\n");
  EXPECT_EQ(said({"status", "--jsn"}),
            "prog: there is no option --jsn; did you mean '--json'?; see `prog status --help`\n");
  EXPECT_EQ(said({"--wrong=1"}), "prog: there is no option --wrong; see `prog --help`\n");
  EXPECT_EQ(said({"status", "more", "words"}),
            "prog: 'more' is one word too many; see `prog status --help`\n");
}

TEST(CommandLine, SaysWhatIsMissing) {
  EXPECT_EQ(said({}), "prog: a command is missing; see `prog --help`\n");
  EXPECT_EQ(said({"ca"}), "prog: a command is missing; see `prog ca --help`\n");
  EXPECT_EQ(said({"install"}), "prog: --key-info-file is required; see `prog install --help`\n");
  EXPECT_EQ(said({"install", "--key-info-file"}).substr(0, 5), "prog:");
}

TEST(CommandLine, IsOneLineWhateverWasTyped) {
  EXPECT_EQ(said({"a\nb\x1b[2J"}),
            "prog: 'a\\x0ab\\x1b[2J' is no command; known here: install, ca, status; see `prog --help`\n");
}

}  // namespace
}  // namespace jump::command_line
