#include "platform/pty.h"

#include <gtest/gtest.h>

#include <windows.h>

#include <boost/asio/io_context.hpp>

#include "tests/support/run_task.h"

namespace jump::platform {
namespace {

using test::run_task;

bool under_wine() {
  return ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
}

PtySpec command(const std::string& line) {
  PtySpec spec;
  spec.argv = {"cmd", "/d", "/c", line};
  spec.env = service_environment();
  return spec;
}

TEST(Pty, SaysWhyAProgramCannotBeStarted) {
  asio::io_context io(1);
  PtySpec spec = command("");
  spec.argv = {"no-such-program-here"};
  const Result<Pty> pty = Pty::start(io.get_executor(), spec);
  ASSERT_FALSE(pty);
  EXPECT_TRUE(pty.error().message().starts_with("start no-such-program-here: ")) << pty.error().message();
}

TEST(Pty, ItsOutputEndsWithItsProgramAndTheStatusIsThere) {
  if (under_wine()) GTEST_SKIP() << "NOT TESTED: Wine's pseudo-console gives a program no handles";
  asio::io_context io(1);
  Result<Pty> pty = Pty::start(io.get_executor(), command("echo hel^lo& exit 3"));
  ASSERT_TRUE(pty) << pty.error().message();
  std::string all;
  std::array<std::uint8_t, 4096> piece;
  while (true) {
    const Result<std::size_t> got = run_task(io, pty->read(piece));
    ASSERT_TRUE(got) << got.error().message();
    if (*got == 0) break;
    all += as_text(ByteView(piece.data(), *got));
  }
  EXPECT_NE(all.find("hello"), std::string::npos) << all;
  EXPECT_EQ(run_task(io, pty->process().wait())->status, 3);
}

TEST(Pty, ClosingItEndsWhatRunsOnIt) {
  asio::io_context io(1);
  Result<Pty> pty = Pty::start(io.get_executor(), command("for /l %i in (1,0,2) do @rem"));
  ASSERT_TRUE(pty) << pty.error().message();
  EXPECT_TRUE(pty->signal("USR1").error().is(Fault::unsupported));
  EXPECT_TRUE(pty->signal("INT").error().is(Fault::unsupported));
  ASSERT_TRUE(pty->signal("KILL"));
  EXPECT_EQ(run_task(io, pty->process().wait())->signal, "KILL");
  pty->close();
  std::array<std::uint8_t, 16> piece;
  EXPECT_TRUE(run_task(io, pty->read(piece)).error().is(Fault::closed));
}

}  // namespace
}  // namespace jump::platform
