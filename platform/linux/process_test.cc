#include "platform/process.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>

#include "platform/independent.h"
#include "platform/privileges.h"
#include "tests/support/processes.h"
#include "tests/support/run_task.h"
#include "tests/support/temp_folder.h"

namespace jump::platform {
namespace {

using test::is_running;
using test::run_task;
using test::wait_until_gone;

std::vector<std::string> plain_env() {
  return {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
}

ProcessSpec shell(const std::string& script) {
  ProcessSpec spec;
  spec.argv = {"sh", "-c", script};
  spec.env = plain_env();
  return spec;
}

Result<Captured> run(const ProcessSpec& spec, std::size_t limit = 65536,
                     std::chrono::nanoseconds time = std::chrono::seconds(10)) {
  asio::io_context io(1);
  return run_task(io, run_and_capture(spec, limit, time));
}

TEST(Process, GivesTheExitStatusAndBothOutputs) {
  const Result<Captured> result = run(shell("echo out; echo err >&2; exit 42"));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->exit.status, 42);
  EXPECT_FALSE(result->exit.signal);
  EXPECT_EQ(result->output, "out\n");
  EXPECT_EQ(result->error_output, "err\n");
}

TEST(Process, NamesTheSignalThatKilledIt) {
  const Result<Captured> result = run(shell("kill -SEGV $$"));
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->exit.status);
  EXPECT_EQ(result->exit.signal, "SEGV");
}

TEST(Process, SaysWhyAProgramCannotBeStarted) {
  ProcessSpec spec = shell("");
  spec.argv = {"no-such-program-here"};
  EXPECT_EQ(run(spec).error().message(), "start no-such-program-here: No such file or directory");
  spec.argv = {"/etc/passwd"};
  EXPECT_EQ(run(spec).error().message(), "start /etc/passwd: Permission denied");
  spec.argv = {};
  EXPECT_EQ(run(spec).error().message(), "no program is named");
  spec.argv = {"echo", std::string("a\0b", 3)};
  EXPECT_EQ(run(spec).error().message(), "an argument contains a NUL byte");
}

TEST(Process, ArgumentsReachTheProgramUntouched) {
  ProcessSpec spec = shell("");
  spec.argv = {"printf", "%s|", "a b", "$HOME", "'\"", "", "*"};
  const Result<Captured> result = run(spec);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "a b|$HOME|'\"||*|");
}

TEST(Process, InheritsNothingButTheStandardHandlesAndNoEnvironment) {
  const int leaked = ::dup(0);  // without close-on-exec
  ::setenv("JUMP_TEST_LEAK", "1", 1);
  ProcessSpec spec = shell("");
  spec.argv = {"ls", "/proc/self/fd"};  // 3 is the folder that it lists
  const Result<Captured> handles = run(spec);
  const Result<Captured> others = run(shell("env | grep JUMP; umask"));
  ::close(leaked);
  ::unsetenv("JUMP_TEST_LEAK");
  ASSERT_TRUE(handles && others);
  EXPECT_EQ(handles->output, "0\n1\n2\n3\n");
  EXPECT_EQ(others->output, "0022\n");
}

TEST(Process, StartsWithDefaultSignalsWhateverWeIgnoreOrBlock) {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, nullptr);
  const Result<Captured> result = run(shell("grep -E 'SigBlk|SigIgn' /proc/self/status"));
  ::pthread_sigmask(SIG_UNBLOCK, &term, nullptr);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Process, OutputAboveTheLimitAndTimeAboveTheLimitAreErrors) {
  EXPECT_TRUE(run(shell("yes | head -c 100000"), 1000).error().is(Fault::too_large));
  const Result<Captured> slow = run(shell("sleep 60"), 1000, std::chrono::milliseconds(50));
  EXPECT_EQ(slow.error().message(), "sh: no answer within 0.05 s");
}

Task<int> first_number(Pipe& from) {
  std::string text;
  std::array<std::uint8_t, 64> piece;
  while (text.find('\n') == std::string::npos) {
    const Result<std::size_t> got = co_await from.read(piece);
    if (!got || *got == 0) break;
    text += as_text(ByteView(piece.data(), *got));
  }
  co_return std::atoi(text.c_str());
}

TEST(Process, DestroyingOneKillsItsWholeGroup) {
  asio::io_context io(1);
  int grandchild = 0;
  {
    Result<PipedProcess> piped = start_with_pipes(io.get_executor(), shell("sleep 1000 & echo $!; wait"));
    ASSERT_TRUE(piped);
    grandchild = run_task(io, first_number(piped->output));
    ASSERT_GT(grandchild, 0);
    EXPECT_TRUE(is_running(grandchild));
  }
  wait_until_gone(grandchild);
}

TEST(Process, WhatAnEndedProgramLeftRunningIsLeftAlone) {
  asio::io_context io(1);
  int grandchild = 0;
  {
    Result<PipedProcess> piped =
        start_with_pipes(io.get_executor(), shell("sleep 1000 >/dev/null 2>&1 </dev/null & echo $!"));
    ASSERT_TRUE(piped);
    grandchild = run_task(io, first_number(piped->output));
    const Result<ExitStatus> exit = run_task(io, piped->process.wait());
    EXPECT_EQ(exit->status, 0);
    // A second time at once.
    EXPECT_EQ(run_task(io, piped->process.wait())->status, 0);
  }
  EXPECT_TRUE(is_running(grandchild));
  ::kill(grandchild, SIGKILL);
  wait_until_gone(grandchild);
}

TEST(Process, PassesOnKnownSignalsOnly) {
  asio::io_context io(1);
  Result<PipedProcess> piped = start_with_pipes(
      io.get_executor(), shell("trap 'echo usr1; exit 7' USR1; echo 1; while :; do sleep 0.01; done"));
  ASSERT_TRUE(piped);
  run_task(io, first_number(piped->output));
  EXPECT_TRUE(piped->process.signal("STOP").error().is(Fault::unsupported));
  EXPECT_TRUE(piped->process.signal("KILL; rm").error().is(Fault::unsupported));
  ASSERT_TRUE(piped->process.signal("USR1"));
  EXPECT_EQ(run_task(io, piped->process.wait())->status, 7);
}

Task<std::size_t> feed_and_count(PipedProcess& piped, std::size_t size) {
  using namespace asio::experimental::awaitable_operators;
  struct Work {
    static Task<> feed(Pipe& to, std::size_t bytes) {
      const Bytes piece(65536, 'x');
      for (std::size_t sent = 0; sent < bytes; sent += piece.size()) {
        if (!co_await to.write(piece)) co_return;
      }
      to.close();
    }
    static Task<std::size_t> count(Pipe& from) {
      std::size_t total = 0;
      Bytes piece(65536);
      while (true) {
        const Result<std::size_t> got = co_await from.read(piece);
        if (!got || *got == 0) co_return total;
        total += *got;
      }
    }
  };
  co_return co_await (Work::feed(piped.input, size) && Work::count(piped.output));
}

TEST(Pipe, CarriesMuchInBothDirectionsAtOnce) {
  asio::io_context io(1);
  ProcessSpec spec = shell("");
  spec.argv = {"cat"};
  Result<PipedProcess> piped = start_with_pipes(io.get_executor(), spec);
  ASSERT_TRUE(piped);
  constexpr std::size_t kMuch = 32u * 1024 * 1024;
  EXPECT_EQ(run_task(io, feed_and_count(*piped, kMuch)), kMuch);
}

Task<Error> write_until_failed(Pipe& to) {
  const Bytes piece(65536, 'x');
  while (true) {
    const Result<void> written = co_await to.write(piece);
    if (!written) co_return written.error();
  }
}

TEST(Pipe, WritingToAProgramThatHasGoneIsAnErrorAndNotADeath) {
  asio::io_context io(1);
  Result<PipedProcess> piped = start_with_pipes(io.get_executor(), shell("exec <&-; exit 0"));
  ASSERT_TRUE(piped);
  EXPECT_TRUE(run_task(io, write_until_failed(piped->input)).is(Fault::closed));
}

// --- other users; these need root --------------------------------------------------------------------

TEST(Process, BecomesAnotherUserWithItsGroups) {
  if (!may_become_users()) GTEST_SKIP() << "NOT TESTED: becoming another user needs root";
  ProcessSpec spec = shell("id -un; id -Gn; grep -E '^(Uid|CapEff)' /proc/self/status; pwd");
  const Result<User> user = find_user("nobody");
  ASSERT_TRUE(user) << user.error().message();
  spec.user = *user;
  spec.folder = "/root";  // nobody cannot enter it
  const Result<Captured> result = run(spec);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->output,
            "nobody\nnogroup\nUid:\t65534\t65534\t65534\t65534\nCapEff:\t0000000000000000\n/\n");
}

TEST(Process, WithoutRootAnotherUserIsRefusedBeforeAnythingStarts) {
  if (!may_become_users()) GTEST_SKIP() << "NOT TESTED: needs root to give root up";
  // A process of its own: rights do not come back.
  const pid_t child = ::fork();
  if (child == 0) {
    Confinement confinement;
    confinement.user = *find_user("nobody");
    bool fine = confine(confinement).has_value();
    ProcessSpec spec = shell("true");
    spec.user = *find_user("root");
    asio::io_context io(1);
    const Result<Process> process = Process::start(io.get_executor(), spec);
    fine = fine && !process && process.error().is(Fault::refused);
    ::_exit(fine ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Independent, IsNoChildOfOursAndReadsItsSecretFromStandardInput) {
  if (systemd_runs()) GTEST_SKIP() << "NOT TESTED: the way without systemd, as systemd runs here";
  asio::io_context io(1);
  test::TempFolder folder;
  IndependentSpec spec;
  spec.name = "jump-test";
  spec.argv = {"/bin/sh", "-c",
               "{ cat; echo; cut -d' ' -f4-6 /proc/$$/stat; echo $$; } > result; exec sleep 1000"};
  spec.env = plain_env();
  spec.folder = folder.path();
  spec.input = Secret("the secret");
  spec.private_folder = folder.path();
  // Opening a pipe by its name waits for the program to open it too.
  ASSERT_EQ(::mkfifo((folder / "result").c_str(), 0600), 0);
  ASSERT_TRUE(run_task(io, start_independent(spec)));
  std::ifstream result(folder / "result");
  std::string secret;
  int parent = 0, group = 0, session = 0, pid = 0;
  std::getline(result, secret);
  result >> parent >> group >> session >> pid;
  EXPECT_EQ(secret, "the secret");
  EXPECT_NE(parent, ::getpid());
  EXPECT_NE(session, ::getsid(0));
  ASSERT_GT(pid, 1);
  EXPECT_TRUE(is_running(pid));
  ::kill(pid, SIGKILL);
  wait_until_gone(pid);
}

TEST(Independent, RefusesWhatCouldMeanSomethingElse) {
  asio::io_context io(1);
  IndependentSpec spec;
  spec.name = "a b";
  spec.argv = {"/bin/true"};
  EXPECT_TRUE(run_task(io, start_independent(spec)).error().is(Fault::invalid));
  spec.name = "a";
  spec.argv = {"true"};
  EXPECT_TRUE(run_task(io, start_independent(spec)).error().is(Fault::invalid));
  spec.argv = {"/bin/true"};
  spec.input = Secret(Bytes(60'001));
  EXPECT_TRUE(run_task(io, start_independent(spec)).error().is(Fault::too_large));
  spec.input = Secret();
  spec.argv = {"/no/such/program"};
  EXPECT_FALSE(run_task(io, start_independent(spec)));
}

TEST(Independent, TheUnitCommandShowsNoSecret) {
  IndependentSpec spec;
  spec.name = "jump-session-1f";
  spec.argv = {"/usr/bin/jump-client", "session"};
  spec.env = {"LANG=C.UTF-8"};
  spec.user = User{"alice", 1000, 1000, "/srv/alice", "/bin/bash"};
  spec.folder = "/srv/alice";
  spec.input = Secret("hunter2");
  spec.slice = "jump-sessions.slice";
  spec.pam_service = "login";
  std::string all;
  for (const std::string& word : unit_command(spec, "/run/jump-client/start-x")) all += word + "\n";
  EXPECT_EQ(all.find("hunter2"), std::string::npos);
  EXPECT_NE(all.find("--uid=alice\n"), std::string::npos);
  EXPECT_NE(all.find("--property=StandardInput=file:/run/jump-client/start-x\n"), std::string::npos);
  EXPECT_NE(all.find("--\n/usr/bin/jump-client\nsession\n"), std::string::npos);
}

// Runs `work` in a process of its own and gives its answer back.
template <typename Work>
bool in_a_process(Work work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0;
}

TEST(Confine, TakesUserCapabilitiesAndLimitsAway) {
  if (!may_become_users()) GTEST_SKIP() << "NOT TESTED: giving rights up needs root";
  EXPECT_TRUE(in_a_process([] {
    Confinement confinement;
    confinement.user = *find_user("nobody");
    confinement.limits.open_files = 64;
    if (!confine(confinement)) return false;
    std::ifstream status("/proc/self/status");
    const std::string text((std::istreambuf_iterator<char>(status)), {});
    const auto has = [&](const char* line) { return text.find(line) != std::string::npos; };
    return has("Uid:\t65534\t65534\t65534\t65534") && has("CapEff:\t0000000000000000") &&
           has("CapPrm:\t0000000000000000") && has("CapBnd:\t0000000000000000") && has("NoNewPrivs:\t1") &&
           ::setuid(0) != 0 && ::sysconf(_SC_OPEN_MAX) == 64;
  }));
}

TEST(Confine, KeepsTheNamedRightOnly) {
  if (!may_become_users()) GTEST_SKIP() << "NOT TESTED: giving rights up needs root";
  EXPECT_TRUE(in_a_process([] {
    Confinement confinement;
    confinement.user = *find_user("nobody");
    confinement.keep = {Right::raw_network};
    if (!confine(confinement)) return false;
    std::ifstream status("/proc/self/status");
    const std::string text((std::istreambuf_iterator<char>(status)), {});
    return text.find("CapEff:\t0000000000002000") != std::string::npos &&
           text.find("CapBnd:\t0000000000002000") != std::string::npos && ::setuid(0) != 0;
  }));
}

}  // namespace
}  // namespace jump::platform
