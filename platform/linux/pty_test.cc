#include "platform/pty.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "tests/support/run_task.h"

namespace jump::platform {
namespace {

using test::run_task;

PtySpec on_pty(std::vector<std::string> argv) {
  PtySpec spec;
  spec.argv = std::move(argv);
  spec.env = {"PATH=/usr/bin:/bin", "TERM=xterm", "LANG=C.UTF-8", "PS1=$ "};
  return spec;
}

PtySpec script(const std::string& text) {
  return on_pty({"sh", "-c", text});
}

// The text up to and with `mark`, or all until the terminal ends. What comes behind it stays in `pending`.
Task<std::string> read_until(Pty& pty, std::string mark, std::string& pending) {
  std::array<std::uint8_t, 4096> piece;
  while (mark.empty() || pending.find(mark) == std::string::npos) {
    const Result<std::size_t> got = co_await pty.read(piece);
    if (!got || *got == 0) co_return std::exchange(pending, {});
    pending += as_text(ByteView(piece.data(), *got));
  }
  const std::size_t end = pending.find(mark) + mark.size();
  const std::string text = pending.substr(0, end);
  pending.erase(0, end);
  co_return text;
}

Task<> type(Pty& pty, std::string text) {
  const Result<void> written = co_await pty.write(as_bytes(text));
  EXPECT_TRUE(written);
}

struct PtyTest : testing::Test {
  asio::io_context io{1};
  std::string pending;

  Pty start(const PtySpec& spec) {
    Result<Pty> pty = Pty::start(io.get_executor(), spec);
    if (!pty) ADD_FAILURE() << pty.error().message();
    CHECK(pty.has_value());
    return std::move(*pty);
  }
  std::string until(Pty& pty, const std::string& mark) {
    return run_task(io, read_until(pty, mark, pending));
  }
  void write(Pty& pty, const std::string& text) { run_task(io, type(pty, text)); }
  ExitStatus exit_of(Pty& pty) { return *run_task(io, pty.process().wait()); }
};

TEST_F(PtyTest, TheProgramSeesATerminalOfTheGivenSize) {
  PtySpec spec = script("test -t 0 && test -t 1 && test -t 2 && stty size && tty && exit 3");
  spec.columns = 132;
  spec.rows = 43;
  Pty pty = start(spec);
  const std::string text = until(pty, "");
  EXPECT_TRUE(text.starts_with("43 132\r\n/dev/pts/")) << text;
  EXPECT_EQ(exit_of(pty).status, 3);
}

TEST_F(PtyTest, EchoesAndCooksLines) {
  Pty pty = start(script("read line; echo got:$line"));
  write(pty,
        "abX\x7f"
        "c\r");
  EXPECT_EQ(until(pty, "").substr(0, 6), "abX\b \b");
  EXPECT_EQ(exit_of(pty).status, 0);
}

TEST_F(PtyTest, ErasingTakesAWholeCharacter) {
  Pty pty = start(script("read line; echo got:$line."));
  write(pty, "a漢\x7f\r");
  EXPECT_NE(until(pty, "").find("got:a."), std::string::npos);
}

TEST_F(PtyTest, AResizeReachesTheProgramAsASignal) {
  Pty pty = start(script("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.01; done"));
  until(pty, "ready");
  ASSERT_TRUE(pty.resize(100, 50));
  EXPECT_NE(until(pty, "").find("50 100"), std::string::npos);
  EXPECT_EQ(exit_of(pty).status, 0);
}

TEST_F(PtyTest, ControlCInterruptsTheForegroundJobOnly) {
  Pty pty = start(on_pty({"bash", "--norc", "-i"}));
  until(pty, "$ ");
  write(pty, "sh -c 'echo armed:; exec cat'\r");
  until(pty, "armed:\r\n");
  write(pty, "one\r");
  until(pty, "one\r\none\r\n");  // echoed, and said by cat
  write(pty, "\x03");
  until(pty, "$ ");
  write(pty, "echo status:$?\r");
  EXPECT_NE(until(pty, "status:130\r\n").find("status:130"), std::string::npos);
  write(pty, "exit 5\r");
  EXPECT_EQ(exit_of(pty).status, 5);
}

TEST_F(PtyTest, JobControlStopsAndContinues) {
  Pty pty = start(on_pty({"bash", "--norc", "-i"}));
  until(pty, "$ ");
  write(pty, "sh -c 'echo armed:; exec cat'\r");
  until(pty, "armed:\r\n");
  write(pty, "one\r");
  until(pty, "one\r\none\r\n");
  write(pty, "\x1a");
  until(pty, "Stopped");
  until(pty, "$ ");
  write(pty, "fg\r");
  until(pty, "exec cat'\r\n");
  write(pty, "two\r");
  until(pty, "two\r\ntwo\r\n");
  write(pty, "\x04");
  until(pty, "$ ");
  write(pty, "exit\r");
  EXPECT_EQ(exit_of(pty).status, 0);
}

TEST_F(PtyTest, SignalsGoToTheForegroundJob) {
  Pty pty = start(on_pty({"bash", "--norc", "-i"}));
  until(pty, "$ ");
  write(pty, "sh -c 'trap \"echo caught; exit 9\" USR1; echo armed:; while :; do sleep 0.01; done'\r");
  until(pty, "armed:\r\n");
  ASSERT_TRUE(pty.signal("USR1"));
  until(pty, "caught\r\n");
  EXPECT_TRUE(pty.signal("WINCH").error().is(Fault::unsupported));
  write(pty, "exit\r");
  EXPECT_EQ(exit_of(pty).status, 9);
}

TEST_F(PtyTest, ClosingItHangsTheProgramUp) {
  Pty pty = start(script("echo ready; sleep 1000"));
  until(pty, "ready");
  pty.close();
  EXPECT_EQ(exit_of(pty).signal, "HUP");
}

TEST_F(PtyTest, AskedToHangUpAProgramCanStillSayWhy) {
  Pty pty = start(script("trap 'echo bye; exit 4' HUP; echo ready; while :; do sleep 0.01; done"));
  until(pty, "ready");
  pty.ask_to_hang_up();
  EXPECT_NE(until(pty, "").find("bye"), std::string::npos);
  EXPECT_EQ(exit_of(pty).status, 4);
}

Task<std::size_t> count_all(Pty& pty) {
  std::size_t total = 0;
  Bytes piece(65536);
  while (true) {
    const Result<std::size_t> got = co_await pty.read(piece);
    if (!got || *got == 0) co_return total;
    total += *got;
  }
}

TEST_F(PtyTest, NothingOfMuchOutputIsLostAtTheEnd) {
  Pty pty = start(script("stty raw; head -c 5000000 /dev/zero"));
  EXPECT_EQ(run_task(io, count_all(pty)), 5000000u);
  EXPECT_EQ(exit_of(pty).status, 0);
}

TEST_F(PtyTest, SaysWhyTheShellCannotBeStarted) {
  PtySpec spec = on_pty({"/no/such/shell"});
  const Result<Pty> pty = Pty::start(io.get_executor(), spec);
  ASSERT_FALSE(pty);
  EXPECT_EQ(pty.error().message(), "start /no/such/shell: No such file or directory");
}

TEST_F(PtyTest, ALoginShellKnowsThatItIsOne) {
  PtySpec spec = on_pty({});
  spec.user = *current_user();
  spec.user->shell = "/bin/bash";
  spec.user->home = "/";
  spec.env = login_environment(*spec.user, {"TERM=xterm"});
  Pty pty = start(spec);
  write(pty, "echo name:$0; shopt -q login_shell && echo yes-login; exit\r");
  const std::string text = until(pty, "");
  EXPECT_NE(text.find("name:-bash"), std::string::npos) << text;
  EXPECT_NE(text.find("\nyes-login"), std::string::npos) << text;
}

TEST_F(PtyTest, TheTerminalBelongsToTheUserOnIt) {
  if (!may_become_users()) GTEST_SKIP() << "NOT TESTED: becoming another user needs root";
  PtySpec spec = script("id -un; stat -c '%U %G %a' $(tty); : > $(tty) && echo can-open");
  spec.user = *find_user("nobody");
  Pty pty = start(spec);
  EXPECT_EQ(until(pty, ""), "nobody\r\nnobody tty 620\r\ncan-open\r\n");
}

}  // namespace
}  // namespace jump::platform
