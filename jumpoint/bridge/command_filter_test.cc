#include "jumpoint/bridge/command_filter.h"

#include <gtest/gtest.h>

#include "jumpoint/bridge/ssh_bridge.h"
#include "jumpoint/bridge/target_address.h"

namespace jump::bridge {
namespace {

CommandFilter filter(session::FilterMode mode, std::vector<std::string> allow,
                     std::vector<std::string> deny) {
  session::CommandFilter rules;
  rules.mode = mode;
  rules.allow = std::move(allow);
  rules.deny = std::move(deny);
  Result<CommandFilter> made = CommandFilter::create(rules);
  EXPECT_TRUE(made) << made.error().message();
  return std::move(*made);
}

constexpr auto kEnforce = session::FilterMode::enforce;

TEST(CommandFilter, DenyWinsOverAllowAndOthersNeedAllow) {
  const CommandFilter rules = filter(kEnforce, {"show .*", "ping [0-9.]+"}, {"show secrets.*"});
  EXPECT_TRUE(rules.judge("show version").allowed);
  EXPECT_FALSE(rules.judge("show secrets now").allowed);
  EXPECT_FALSE(rules.judge("reload").allowed);
  EXPECT_TRUE(rules.judge("   ").allowed) << "an empty line is no command";
}

TEST(CommandFilter, TakesARefusedLineBackFromTheShell) {
  CommandFilter rules = filter(kEnforce, {}, {"rm .*"});
  rules.output("Welcome\r\nroot@host:~# ");
  EXPECT_EQ(rules.input("ls\r").bytes, "ls\r");
  rules.output("ls\r\nfile\r\nroot@host:~# ");
  const CommandFilter::Passed passed = rules.input("rm file\r");
  EXPECT_EQ(passed.bytes, "rm file\x15\x03");
  ASSERT_EQ(passed.judgements.size(), 1u);
  EXPECT_EQ(passed.judgements[0].line, "rm file");
}

TEST(CommandFilter, ReportsAndLetsPassInADryRun) {
  CommandFilter rules = filter(session::FilterMode::report, {}, {"rm .*"});
  rules.output("$ ");
  const CommandFilter::Passed passed = rules.input("rm x\r");
  EXPECT_EQ(passed.bytes, "rm x\r");
  EXPECT_EQ(passed.judgements.size(), 1u);
}

TEST(CommandFilter, FollowsTheLineEditor) {
  CommandFilter rules = filter(kEnforce, {}, {"rm .*"});
  rules.output("$ ");
  EXPECT_EQ(rules.input("lx\x7fs; \x15rm\x17rm x\r").judgements.size(), 1u);
  rules.output("\r\n\x1b[1m$\x1b[0m ");
  EXPECT_TRUE(rules.input("rm x\x03ls\r").judgements.empty());
}

TEST(CommandFilter, EveryLineOfAPasteIsJudged) {
  CommandFilter rules = filter(kEnforce, {}, {"rm .*"});
  rules.output("$ ");
  EXPECT_EQ(rules.input("ls\rrm x\r").judgements.size(), 1u);
}

TEST(CommandFilter, HistoryIsRefusedWhereOnlyListedCommandsMayRun) {
  CommandFilter listed = filter(kEnforce, {"ls"}, {});
  listed.output("$ ");
  EXPECT_EQ(listed.input("\x1b[A\r").judgements.size(), 1u);
  CommandFilter denied = filter(kEnforce, {}, {"rm .*"});
  denied.output("$ ");
  EXPECT_TRUE(denied.input("\x1b[A\r").judgements.empty());
}

TEST(CommandFilter, EachLineOfACommandIsJudged) {
  const CommandFilter denied = filter(kEnforce, {}, {".*rm .*"});
  EXPECT_TRUE(denied.judge("ls\nls\n").allowed);
  EXPECT_FALSE(denied.judge("ls\nrm x").allowed);
  EXPECT_FALSE(denied.judge("ls\r\nsudo rm x\n").allowed);
  EXPECT_EQ(denied.judge("ls\nrm x").line, "rm x");
  const CommandFilter listed = filter(kEnforce, {"ls[^;]*"}, {});
  EXPECT_TRUE(listed.judge("ls x\n").allowed);
  EXPECT_FALSE(listed.judge("ls x\nrm x").allowed);
}

TEST(CommandFilter, WhatAProgramAsksForIsLeftAlone) {
  CommandFilter rules = filter(kEnforce, {"passwd"}, {});
  rules.output("$ ");
  rules.input("passwd\r");
  rules.output("passwd\r\nNew password: ");
  EXPECT_EQ(rules.input("rm x\r").bytes, "rm x\r");
}

TEST(CommandFilter, NamesAnExpressionThatCannotBeRead) {
  session::CommandFilter rules;
  rules.mode = kEnforce;
  rules.deny = {"("};
  const Result<CommandFilter> made = CommandFilter::create(rules);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message().find("'('"), std::string::npos);
}

TEST(CommandLine, OneArgumentIsALineAndSeveralAreQuoted) {
  EXPECT_EQ(command_line({"show version | include up"}), "show version | include up");
  EXPECT_EQ(command_line({"sh", "-c", "it's $HOME"}), "sh -c 'it'\\''s $HOME'");
  EXPECT_EQ(command_line({"a", ""}), "a ''");
}

TEST(TargetAddress, TheNodesOwnMachineNeedsAnEntryOfItsOwn) {
  const auto address = [](const char* text) { return asio::ip::make_address(text); };
  const endpoint::AllowList all = *endpoint::AllowList::parse({"*:*"});
  const std::vector<asio::ip::address> own{address("10.0.0.7"), address("fd00::7")};
  EXPECT_FALSE(refusal("x", address("10.0.0.8"), 22, all, own));
  for (const char* special : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "169.254.169.254",
                              "fe80::1", "10.0.0.7", "fd00::7", "0.0.0.0", "0.1.2.3", "224.0.0.1"}) {
    EXPECT_TRUE(refusal("x", address(special), 22, all, own)) << special;
  }
  const endpoint::AllowList named =
      *endpoint::AllowList::parse({"127.0.0.1:22", "myself:22", "10.0.0.0/8:443"});
  EXPECT_FALSE(refusal("x", address("127.0.0.1"), 22, named, own));
  EXPECT_TRUE(refusal("x", address("127.0.0.1"), 23, named, own));
  EXPECT_FALSE(refusal("myself", address("10.0.0.7"), 22, named, own));
  EXPECT_FALSE(refusal("x", address("10.0.0.7"), 443, named, own));
  EXPECT_TRUE(refusal("x", address("192.0.2.1"), 443, named, own)) << "nothing allows it";
}

}  // namespace
}  // namespace jump::bridge
