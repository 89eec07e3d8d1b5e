#include "agent/shell/shell.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "common/session/codec.h"
#include "platform/users.h"
#include "tests/support/memory_session.h"
#include "tests/support/processes.h"
#include "tests/support/run_task.h"

namespace jump::agent {
namespace {

using test::MemorySessionPair;
using test::run_task;

// A console without a screen: what it does in one test is a coroutine over this.
struct Console {
  session::Session& session;
  std::unique_ptr<session::Stream> stream;
  std::string pending;

  explicit Console(session::Session& s) : session(s) {}

  void open(const std::string& purpose = "tty") {
    Result<std::unique_ptr<session::Stream>> opened = session.open_stream();
    CHECK(opened.has_value());
    stream = std::move(*opened);
    session::StreamOpen message;
    message.stream = stream->number();
    message.purpose = purpose;
    send(message);
  }
  void send(const session::Message& message) { session.send(session::encode(message)); }
  void signal(const std::string& name) {
    session::Signal message;
    message.name = name;
    send(message);
  }

  Task<> type(std::string text) {
    const Result<void> written = co_await stream->write(as_bytes(text));
    EXPECT_TRUE(written);
  }

  // The text up to and with `mark`; empty mark: all up to the end.
  Task<std::string> until(std::string mark) {
    std::array<std::uint8_t, 4096> piece;
    while (mark.empty() || pending.find(mark) == std::string::npos) {
      const Result<std::size_t> got = co_await stream->read(piece);
      if (!got || *got == 0) co_return std::exchange(pending, {});
      stream->taken(*got);
      pending += as_text(ByteView(piece.data(), *got));
    }
    const std::size_t end = pending.find(mark) + mark.size();
    const std::string text = pending.substr(0, end);
    pending.erase(0, end);
    co_return text;
  }

  Task<session::Message> message() {
    Result<session::Message> got = co_await session::receive_message(session, session::End::endpoint);
    if (!got) {
      session::Fail fail;
      fail.text = "LOST: " + got.error().message();
      co_return fail;
    }
    co_return *got;
  }
  Task<session::Exit> exit() {
    const session::Message got = co_await message();
    const auto* exit = std::get_if<session::Exit>(&got);
    if (exit == nullptr) {
      ADD_FAILURE() << "no exit but " << session::encode(got);
      co_return session::Exit();
    }
    co_return *exit;
  }
};

Task<> keep_result(Task<Result<void>> work, std::optional<Result<void>>& to) {
  to = co_await std::move(work);
}

struct ShellTest : testing::Test {
  asio::io_context io{1};
  MemorySessionPair pair{io.get_executor()};
  TaskGroup endpoint{io.get_executor()};
  std::optional<Result<void>> result;
  Console console{pair.console()};
  session::ShellStart start;
  RunAs as;

  ShellTest() {
    as.user = *platform::current_user();
    as.user->shell = "/bin/sh";
    as.user->home = "/";
  }
  ~ShellTest() override {
    console.stream.reset();
    pair.close("the test is over");
    test::run_to_end(io, endpoint);
  }
  void begin() { endpoint.spawn("shell", keep_result(run_shell(pair.endpoint(), start, as), result)); }
  void run(Task<> console_work) { run_task(io, std::move(console_work)); }
};

Task<> simple(Console& console) {
  console.open();
  co_await console.type("echo a$((20+3))b; stty size; echo $TERM $LANG; exit 7\r");
  const std::string text = co_await console.until("");
  EXPECT_NE(text.find("a23b\r\n43 132\r\nvt100 de_DE.UTF-8\r\n"), std::string::npos) << text;
  const session::Exit exit = co_await console.exit();
  EXPECT_EQ(exit.status, 7);
  EXPECT_FALSE(exit.signal);
}

TEST_F(ShellTest, RunsAndTellsTheExitStatusAfterTheOutput) {
  start.term = "vt100";
  start.locale = "de_DE.UTF-8";
  start.columns = 132;
  start.rows = 43;
  begin();
  run(simple(console));
  test::run_to_end(io, endpoint);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(*result) << result->error().message();
}

Task<> resize(Console& console) {
  session::Resize size;
  size.columns = 100;
  size.rows = 30;
  console.send(size);  // before the terminal is open
  console.open();
  // A script of its own, so that the loop and what it starts are one foreground job.
  co_await console.type(
      "exec sh -c 'stty size; trap \"echo new; stty size; exit\" WINCH; echo rea\"\"dy; while :; do sleep "
      "0.01; done'\r");
  EXPECT_NE((co_await console.until("ready\r\n")).find("30 100\r\n"), std::string::npos);
  size.columns = 0;  // refused, and nothing happens
  console.send(size);
  size.columns = 101;
  size.rows = 31;
  console.send(size);
  EXPECT_NE((co_await console.until("")).find("new\r\n31 101\r\n"), std::string::npos);
}

TEST_F(ShellTest, SizesReachTheProgram) {
  begin();
  run(resize(console));
}

Task<> control_c(Console& console, bool as_message) {
  console.open();
  co_await console.type("PS1=''; echo rea''dy; exec cat\r");
  co_await console.until("ready\r\n");
  co_await console.type("one\r");
  co_await console.until("one\r\none\r\n");
  if (as_message) {
    console.signal("INT");
  } else {
    co_await console.type("\x03");
  }
  co_await console.until("");
  const session::Exit exit = co_await console.exit();
  EXPECT_EQ(exit.signal, "INT");
  EXPECT_FALSE(exit.status);
}

TEST_F(ShellTest, ControlCAndASignalMessageInterrupt) {
  for (const bool as_message : {false, true}) {
    MemorySessionPair other(io.get_executor());
    Console end(other.console());
    endpoint.spawn("shell", keep_result(run_shell(other.endpoint(), start, as), result));
    run(control_c(end, as_message));
    end.stream.reset();
    other.close("over");
    test::run_to_end(io, endpoint);
  }
}

Task<> hold_back(Console& console) {
  console.open();
  // More than a window: the program must wait, and nothing may be lost.
  co_await console.type(
      "stty raw -echo; echo go; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo done; exit\r");
  const std::string text = co_await console.until("");
  const std::size_t first = text.find("go\n");
  EXPECT_EQ(text.substr(first + 3), std::string(3'000'000, 'x') + "\ndone\n");
}

TEST_F(ShellTest, MoreThanIsKeptIsHeldAndNothingIsLost) {
  begin();
  run(hold_back(console));
  EXPECT_LE(pair.most_untaken(), 256u * 1024);
}

Task<> paste(Console& console) {
  console.open();
  co_await console.type("stty raw -echo; echo go; head -c 1048576 | cksum; exit\r");
  co_await console.until("go\n");
  const std::string piece(65536, 'p');
  for (int i = 0; i < 16; ++i) co_await console.type(piece);
  const std::string text = co_await console.until("");
  EXPECT_NE(text.find("1517427533 1048576"), std::string::npos) << text;
}

TEST_F(ShellTest, AMebibytePastedArrivesWhole) {
  begin();
  run(paste(console));
}

Task<> hangup(Console& console) {
  console.open();
  co_await console.type("trap 'echo bye; exit 5' HUP; echo rea''dy; while :; do sleep 0.01; done\r");
  co_await console.until("ready");
  console.send(session::Hangup());
  EXPECT_NE((co_await console.until("")).find("bye"), std::string::npos);
  const session::Exit exit = co_await console.exit();
  EXPECT_EQ(exit.status, 5);
}

TEST_F(ShellTest, AHangupEndsTheShellAndItsExitIsTold) {
  begin();
  run(hangup(console));
  test::run_to_end(io, endpoint);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(*result);
}

Task<> start_sleeper(Console& console, int& pid) {
  console.open();
  co_await console.type("stty -echo; echo p''id:$$:; sleep 1000\r");
  co_await console.until("pid:");
  pid = std::atoi((co_await console.until(":")).c_str());
}

TEST_F(ShellTest, TheEndOfTheSessionHangsTheShellUp) {
  int pid = 0;
  begin();
  run(start_sleeper(console, pid));
  ASSERT_GT(pid, 1);
  pair.close("the wait limit of 600 s is over");
  test::run_to_end(io, endpoint);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->error().message(), "the wait limit of 600 s is over");
  test::wait_until_gone(pid);
}

TEST_F(ShellTest, CancellingItEndsTheShellToo) {
  int pid = 0;
  begin();
  run(start_sleeper(console, pid));
  ASSERT_GT(pid, 1);
  endpoint.cancel();
  test::run_to_end(io, endpoint);
  EXPECT_TRUE(endpoint.empty());
  test::wait_until_gone(pid);
}

Task<> expect_fail(Console& console, std::string purpose, std::string text) {
  console.open(purpose);
  const session::Message message = co_await console.message();
  const auto* fail = std::get_if<session::Fail>(&message);
  EXPECT_NE(fail, nullptr);
  if (fail != nullptr) EXPECT_EQ(fail->text, text);
}

TEST_F(ShellTest, WhatCannotStartIsToldInOneSentence) {
  as.user->shell = "/no/such/shell";
  begin();
  const std::string user = as.user->name;
  run(expect_fail(console, "tty", "start /no/such/shell as " + user + ": No such file or directory"));
}

TEST_F(ShellTest, AStreamOfAnotherKindIsRefused) {
  begin();
  run(expect_fail(console, "put", "a terminal has no stream 'put'"));
}

TEST_F(ShellTest, AStartThatBreaksARuleIsRefused) {
  start.term = "x\x1b[2J";
  begin();
  run(expect_fail(console, "tty", "terminal type 'x\\x1b[2J': [A-Za-z0-9._+-]{1,64} is meant"));
}

Task<> second_stream(Console& console) {
  console.open();
  co_await console.type("echo rea''dy\r");
  co_await console.until("ready");
  std::unique_ptr<session::Stream> first = std::move(console.stream);
  console.open();
  std::array<std::uint8_t, 16> piece;
  const Result<std::size_t> refused = co_await console.stream->read(piece);
  EXPECT_EQ(refused.error().message(), "a terminal has one stream");
  console.stream = std::move(first);
  co_await console.type("exit 3\r");
  co_await console.until("");
  const session::Exit exit = co_await console.exit();
  EXPECT_EQ(exit.status, 3);
}

TEST_F(ShellTest, ASecondStreamIsResetAndTheFirstGoesOn) {
  begin();
  run(second_stream(console));
}

Task<> as_nobody(Console& console) {
  console.open();
  co_await console.type("id -un; pwd; exit\r");
  EXPECT_NE((co_await console.until("")).find("nobody\r\n/\r\n"), std::string::npos);
}

TEST_F(ShellTest, RunsAsTheConfiguredUser) {
  if (!platform::may_become_users()) GTEST_SKIP() << "NOT TESTED: becoming another user needs root";
  as.user = *platform::find_user("nobody");
  as.user->shell = "/bin/sh";
  as.user->home = "/root";  // which nobody cannot enter
  begin();
  run(as_nobody(console));
}

}  // namespace
}  // namespace jump::agent
