#include "common/session/codec.h"

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace jump::session {
namespace {

TEST(SessionCodec, WritesWhatTheSpecificationShows) {
  Resize resize;
  resize.columns = 132;
  EXPECT_EQ(encode(resize), R"({"kind":"resize","body":{"columns":132,"rows":24}})");
  EXPECT_EQ(encode(Hangup()), R"({"kind":"hangup","body":{}})");
  Exit exit;
  exit.signal = "SEGV";
  exit.core_dumped = true;
  EXPECT_EQ(encode(exit), R"({"kind":"exit","body":{"signal":"SEGV","core_dumped":true}})");
  StreamOpen open;
  open.stream = 2;
  open.purpose = "put";
  open.arguments = {{"path", "x"}};
  EXPECT_EQ(encode(open),
            R"({"kind":"stream_open","body":{"stream":2,"purpose":"put","arguments":{"path":"x"}}})");
}

TEST(SessionCodec, ReadsBackEachKind) {
  Signal signal;
  signal.name = "INT";
  Fail fail;
  fail.text = "no such shell";
  for (const Message& message :
       {Message(Resize()), Message(signal), Message(StreamOpen()), Message(Exit()), Message(fail),
        Message(Hangup()), Message(Prompt()), Message(PromptAnswer()), Message(Remark())}) {
    const Result<Message> back = decode(encode(message));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(encode(*back), encode(message));
  }
}

TEST(SessionCodec, SaysWhatIsWrong) {
  const auto complaint = [](std::string_view text) { return decode(text).error().message(); };
  EXPECT_EQ(complaint(R"({"kind":"resize","body":{"columns":70000,"rows":1}})"),
            "resize: columns: 70000 is out of range, 0 to 65535");
  EXPECT_EQ(complaint(R"({"kind":"resize"})"), "body: missing");
  EXPECT_EQ(complaint(R"({"kind":"later","body":{}})"), "message kind 'later' is not known");
  EXPECT_TRUE(decode(R"({"kind":"later","body":{}})").error().is(Fault::unsupported));
  EXPECT_TRUE(decode(R"({"kind":"resize","body":{)").error().is(Fault::malformed));
  EXPECT_TRUE(decode(std::string(limits::kSessionMessageBytes + 1, ' ')).error().is(Fault::too_large));
  for (std::size_t cut = 0; cut < encode(Resize()).size(); ++cut)
    EXPECT_FALSE(decode(encode(Resize()).substr(0, cut)));
}

TEST(SessionCodec, AMessageThatIsTooLongBecomesAFailure) {
  Fail fail;
  fail.text = std::string(20'000, 'x');
  const Result<Message> back = decode(encode(fail));
  ASSERT_TRUE(back);
  EXPECT_NE(std::get<Fail>(*back).text.find("cannot be sent"), std::string::npos);
}

TEST(SessionCodec, EachEndMaySendItsOwn) {
  EXPECT_TRUE(may_send(End::console, Resize()));
  EXPECT_TRUE(may_send(End::console, Hangup()));
  EXPECT_FALSE(may_send(End::console, Exit()));
  EXPECT_FALSE(may_send(End::console, Fail()));
  EXPECT_TRUE(may_send(End::endpoint, Exit()));
  EXPECT_FALSE(may_send(End::endpoint, Signal()));
  EXPECT_TRUE(may_send(End::endpoint, Prompt()));
  EXPECT_FALSE(may_send(End::console, Prompt()));
  EXPECT_TRUE(may_send(End::console, PromptAnswer()));
  EXPECT_FALSE(may_send(End::endpoint, PromptAnswer()));
  EXPECT_TRUE(may_send(End::endpoint, Remark()));
  EXPECT_TRUE(may_send(End::endpoint, StreamOpen()));
}

TEST(SessionStart, ACommandMayHaveATerminal) {
  ExecStart exec;
  exec.argv = {"top"};
  EXPECT_EQ(to_json_text(exec), R"({"argv":["top"]})");
  EXPECT_FALSE(terminal_of("exec", to_json(exec)));
  exec.terminal.emplace();
  exec.terminal->columns = 100;
  const json::value arguments = to_json(exec);
  EXPECT_EQ(json::serialize(arguments),
            R"({"argv":["top"],"terminal":{"term":"xterm-256color","columns":100,"rows":24}})");
  ASSERT_TRUE(terminal_of("exec", arguments));
  EXPECT_EQ(terminal_of("exec", arguments)->columns, 100);
  EXPECT_FALSE(terminal_of("files", arguments));
  EXPECT_TRUE(terminal_of("shell", to_json(ShellStart())));
}

TEST(SessionStart, RulesAreChecked) {
  ShellStart shell;
  EXPECT_TRUE(check(shell));
  shell.term = "xterm;rm";
  EXPECT_EQ(check(shell).error().message(), "terminal type 'xterm;rm': [A-Za-z0-9._+-]{1,64} is meant");
  shell.term = "vt100";
  shell.locale = "de_DE.UTF-8@euro";
  EXPECT_TRUE(check(shell));
  shell.locale = "../../evil";
  EXPECT_FALSE(check(shell));
  shell.locale.reset();
  shell.columns = 0;
  EXPECT_FALSE(check(shell));
  shell.columns = 1001;
  EXPECT_FALSE(check(shell));

  ExecStart exec;
  EXPECT_FALSE(check(exec));
  exec.argv = {"echo", ""};
  EXPECT_TRUE(check(exec));
  exec.argv = {"echo", std::string("a\0", 2)};
  EXPECT_FALSE(check(exec));
  exec.argv.assign(1025, "a");
  EXPECT_TRUE(check(exec).error().is(Fault::too_large));
  exec.argv = {"echo", std::string(40 * 1024 - 4, 'x')};
  EXPECT_TRUE(check(exec));
  exec.argv.back() += 'x';
  EXPECT_TRUE(check(exec).error().is(Fault::too_large));
  exec.argv = {"top"};
  exec.terminal.emplace();
  EXPECT_TRUE(check(exec));
  exec.terminal->rows = 0;
  EXPECT_FALSE(check(exec));

  ForwardStart forward;
  forward.host = "db.internal";
  EXPECT_FALSE(check(forward));
  forward.port = 5432;
  EXPECT_TRUE(check(forward));
  forward.host = "fe80::1%eth0";
  EXPECT_TRUE(check(forward));
  forward.host = "a b";
  EXPECT_FALSE(check(forward));
}

}  // namespace
}  // namespace jump::session
