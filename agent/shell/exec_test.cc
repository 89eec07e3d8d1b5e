#include "agent/shell/exec.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>

#include "common/session/codec.h"
#include "tests/support/memory_session.h"
#include "tests/support/run_task.h"

namespace jump::agent {
namespace {

using namespace asio::experimental::awaitable_operators;
using test::MemorySessionPair;
using test::run_task;

struct Outcome {
  std::string output;
  std::string error_output;
  std::optional<session::Exit> exit;
  std::string failure;
};

std::unique_ptr<session::Stream> announce(session::Session& session, const std::string& purpose) {
  Result<std::unique_ptr<session::Stream>> stream = session.open_stream();
  CHECK(stream.has_value());
  session::StreamOpen open;
  open.stream = (*stream)->number();
  open.purpose = purpose;
  session.send(session::encode(open));
  return std::move(*stream);
}

Task<> read_all(session::Stream& from, std::string& to) {
  std::array<std::uint8_t, 65536> piece;
  while (true) {
    const Result<std::size_t> got = co_await from.read(piece);
    if (!got || *got == 0) co_return;
    to += as_text(ByteView(piece.data(), *got));
    from.taken(*got);
  }
}

Task<> feed(session::Stream& to, std::string input) {
  ByteView rest = as_bytes(input);
  while (!rest.empty()) {
    const ByteView piece = rest.first(std::min<std::size_t>(rest.size(), 65536));
    const Result<void> written = co_await to.write(piece);
    if (!written) co_return;
    rest = rest.subspan(piece.size());
  }
  to.end();
}

Task<> read_messages(session::Session& session, Outcome& outcome) {
  while (!outcome.exit) {
    const Result<session::Message> message =
        co_await session::receive_message(session, session::End::endpoint);
    if (!message) {
      outcome.failure = "LOST: " + message.error().message();
      co_return;
    }
    if (const auto* fail = std::get_if<session::Fail>(&*message)) {
      outcome.failure = fail->text;
      co_return;
    }
    if (const auto* exit = std::get_if<session::Exit>(&*message)) outcome.exit = *exit;
  }
}

// A console that signals once it has seen `mark` in the output, if one is given.
struct Script {
  std::string input;
  bool end_input = true;
  std::string mark;
  session::Message then = session::Hangup();
};

Task<> read_and_act(session::Session& session, session::Stream& from, std::string& to, Script script) {
  std::array<std::uint8_t, 65536> piece;
  bool acted = script.mark.empty();
  while (true) {
    const Result<std::size_t> got = co_await from.read(piece);
    if (!got || *got == 0) co_return;
    to += as_text(ByteView(piece.data(), *got));
    from.taken(*got);
    if (!acted && to.find(script.mark) != std::string::npos) {
      acted = true;
      session.send(session::encode(script.then));
    }
  }
}

Task<> feed_script(session::Stream& to, Script script) {
  if (script.end_input || !script.input.empty()) co_await feed(to, script.input);
}

Task<Outcome> run_console(session::Session& session, Script script) {
  Outcome outcome;
  const std::unique_ptr<session::Stream> error_output = announce(session, "stderr");
  const std::unique_ptr<session::Stream> stdio = announce(session, "stdio");
  error_output->end();
  co_await (read_and_act(session, *stdio, outcome.output, script) &&
            read_all(*error_output, outcome.error_output) && feed_script(*stdio, script) &&
            read_messages(session, outcome));
  co_return outcome;
}

Task<> keep_result(Task<Result<void>> work, std::optional<Result<void>>& to) {
  to = co_await std::move(work);
}

struct ExecTest : testing::Test {
  asio::io_context io{1};
  MemorySessionPair pair{io.get_executor()};
  TaskGroup endpoint{io.get_executor()};
  std::optional<Result<void>> result;

  ~ExecTest() override {
    pair.close("the test is over");
    test::run_to_end(io, endpoint);
  }
  void begin(std::vector<std::string> argv) {
    session::ExecStart start;
    start.argv = std::move(argv);
    endpoint.spawn("exec", keep_result(run_exec(pair.endpoint(), start, RunAs()), result));
  }
  Outcome run(std::vector<std::string> argv, Script script = {}) {
    begin(std::move(argv));
    Outcome outcome = run_task(io, run_console(pair.console(), std::move(script)));
    test::run_to_end(io, endpoint);
    return outcome;
  }
  Outcome shell(const std::string& text, Script script = {}) {
    return run({"sh", "-c", text}, std::move(script));
  }
};

TEST_F(ExecTest, KeepsOutputAndErrorOutputApart) {
  const Outcome outcome = shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(outcome.output, "out\n");
  EXPECT_EQ(outcome.error_output, "err\n");
  EXPECT_EQ(outcome.exit->status, 3);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(*result);
}

TEST_F(ExecTest, ArgumentsAreNoShellText) {
  const Outcome outcome = run({"printf", "[%s]", "a b", "$(id)", "*", ""});
  EXPECT_EQ(outcome.output, "[a b][$(id)][*][]");
}

TEST_F(ExecTest, MuchGoesThroughBothWays) {
  Script script;
  script.input = std::string(8 * 1024 * 1024, 'z');
  for (std::size_t i = 0; i < script.input.size(); i += 4096)
    script.input[i] = static_cast<char>('a' + i / 4096 % 26);
  const Outcome outcome = run({"cat"}, script);
  EXPECT_TRUE(outcome.output == script.input) << outcome.output.size();
  EXPECT_EQ(outcome.exit->status, 0);
  EXPECT_LE(pair.most_untaken(), 256u * 1024);
}

TEST_F(ExecTest, AProgramThatReadsNothingDoesNotHoldTheConsole) {
  Script script;
  script.input = std::string(2 * 1024 * 1024, 'z');
  const Outcome outcome = shell("exec <&-; echo done", script);
  EXPECT_EQ(outcome.output, "done\n");
  EXPECT_EQ(outcome.exit->status, 0);
}

TEST_F(ExecTest, TellsTheSignalThatKilledIt) {
  const Outcome outcome = shell("kill -9 $$");
  EXPECT_FALSE(outcome.exit->status);
  EXPECT_EQ(outcome.exit->signal, "KILL");
}

TEST_F(ExecTest, PassesASignalOn) {
  Script script;
  script.end_input = false;
  script.mark = "ready";
  session::Signal signal;
  signal.name = "TERM";
  script.then = signal;
  const Outcome outcome =
      shell("trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.01; done", script);
  EXPECT_EQ(outcome.output, "ready\ncaught\n");
  EXPECT_EQ(outcome.exit->status, 9);
}

TEST_F(ExecTest, AHangupReachesTheWholeGroup) {
  Script script;
  script.end_input = false;
  script.mark = "ready";
  const Outcome outcome = shell("sleep 1000 & echo ready; wait", script);
  EXPECT_EQ(outcome.exit->signal, "HUP");
}

TEST_F(ExecTest, LateOutputOfAProgramsChildIsStillPassedOn) {
  const Outcome outcome = shell("(sleep 0.2; echo late) & echo early");
  EXPECT_EQ(outcome.output, "early\nlate\n");
  EXPECT_EQ(outcome.exit->status, 0);
}

TEST_F(ExecTest, ADaemonThatHoldsTheOutputDoesNotHoldTheSession) {
  const Outcome outcome = shell("sleep 1000 & echo $!");
  EXPECT_EQ(outcome.exit->status, 0);
  const int pid = std::atoi(outcome.output.c_str());
  ASSERT_GT(pid, 1);
  EXPECT_EQ(::kill(pid, SIGKILL), 0) << "it should have been left alone";
}

TEST_F(ExecTest, WhatCannotStartIsToldInOneSentence) {
  begin({"no-such-command"});
  Outcome outcome;
  const std::unique_ptr<session::Stream> stdio = announce(pair.console(), "stdio");
  const std::unique_ptr<session::Stream> error_output = announce(pair.console(), "stderr");
  run_task(io, read_messages(pair.console(), outcome));
  EXPECT_EQ(outcome.failure, "start no-such-command: No such file or directory");
}

TEST_F(ExecTest, ATerminalTakesTheStreamsPlaces) {
  session::ExecStart start;
  start.argv = {"sh", "-c", "test -t 0 && test -t 1 && test -t 2 && stty size; echo $TERM; exit 4"};
  start.terminal.emplace();
  start.terminal->term = "vt100";
  start.terminal->columns = 100;
  endpoint.spawn("exec", keep_result(run_exec(pair.endpoint(), start, RunAs()), result));
  const std::unique_ptr<session::Stream> tty = announce(pair.console(), "tty");
  Outcome outcome;
  run_task(io, read_all(*tty, outcome.output));
  run_task(io, read_messages(pair.console(), outcome));
  EXPECT_EQ(outcome.output, "24 100\r\nvt100\r\n");
  ASSERT_TRUE(outcome.exit);
  EXPECT_EQ(outcome.exit->status, 4);
}

TEST_F(ExecTest, ASecondStdioIsRefused) {
  begin({"cat"});
  Outcome outcome;
  const std::unique_ptr<session::Stream> stdio = announce(pair.console(), "stdio");
  const std::unique_ptr<session::Stream> again = announce(pair.console(), "stdio");
  run_task(io, read_messages(pair.console(), outcome));
  EXPECT_EQ(outcome.failure, "a command has no further stream 'stdio'");
}

TEST_F(ExecTest, AnEndlessProgramDiesWithItsSession) {
  begin({"sh", "-c", "while :; do echo x; done"});
  const std::unique_ptr<session::Stream> stdio = announce(pair.console(), "stdio");
  const std::unique_ptr<session::Stream> error_output = announce(pair.console(), "stderr");
  std::array<std::uint8_t, 4> piece;
  EXPECT_TRUE(run_task(io, stdio->read(piece)));
  pair.close("ended by an administrator");
  test::run_to_end(io, endpoint);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->error().message(), "ended by an administrator");
}

}  // namespace
}  // namespace jump::agent
