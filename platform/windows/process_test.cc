#include "platform/process.h"

#include <gtest/gtest.h>

#include <windows.h>

#include <shellapi.h>

#include <filesystem>

#include <boost/asio/io_context.hpp>

#include "platform/independent.h"
#include "platform/paths.h"
#include "platform/windows/native.h"
#include "platform/windows/spawn.h"
#include "tests/support/run_task.h"
#include "tests/support/temp_folder.h"

namespace jump::platform {
namespace {

using test::run_task;

// This program itself, as a child that copies its input: to its output, or to the file that is named.
struct Child {
  Child() {
    std::wstring place(1024, L'\0');
    place.resize(::GetEnvironmentVariableW(L"JUMP_TEST_COPY", place.data(), 1024));
    if (place.empty()) return;
    const HANDLE to = place == L"-"
                          ? ::GetStdHandle(STD_OUTPUT_HANDLE)
                          : ::CreateFileW(place.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_NEW, 0, nullptr);
    char piece[4096];
    DWORD size = 0;
    while (::ReadFile(::GetStdHandle(STD_INPUT_HANDLE), piece, sizeof piece, &size, nullptr) && size > 0)
      ::WriteFile(to, piece, size, &size, nullptr);
    ::ExitProcess(0);
  }
};
const Child child;

std::vector<std::string> copying_to(const std::string& place) {
  std::vector<std::string> env = service_environment();
  env.push_back("JUMP_TEST_COPY=" + place);
  return env;
}

ProcessSpec shell(const std::string& line) {
  ProcessSpec spec;
  spec.argv = {"cmd", "/d", "/c", line};
  spec.env = service_environment();
  return spec;
}

Result<Captured> run(const ProcessSpec& spec, std::size_t limit = 65536,
                     std::chrono::nanoseconds time = std::chrono::seconds(20)) {
  asio::io_context io(1);
  return run_task(io, run_and_capture(spec, limit, time), std::chrono::seconds(40));
}

TEST(CommandLine, IsTakenApartAsItWasMeant) {
  const std::vector<std::string> words = {
      "C:\\a b\\p.exe", "", "a b", "a\"b", "\\", "a\\\\\"b\\", "a b\\\\", "%PATH%", "\xc3\xa4 \xe2\x82\xac"};
  int count = 0;
  wchar_t** parts = ::CommandLineToArgvW(command_line(words).c_str(), &count);
  ASSERT_EQ(static_cast<std::size_t>(count), words.size());
  for (std::size_t i = 0; i < words.size(); ++i) EXPECT_EQ(to_utf8(parts[i]), words[i]);
  ::LocalFree(parts);
}

TEST(Process, GivesTheExitStatusAndBothOutputs) {
  const Result<Captured> result = run(shell("echo out& echo err>&2& exit 42"));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->exit.status, 42);
  EXPECT_FALSE(result->exit.signal);
  EXPECT_EQ(result->output, "out\r\n");
  EXPECT_EQ(result->error_output, "err\r\n");
}

TEST(Process, GivesAllBitsOfTheExitStatus) {
  const Result<Captured> result = run(shell("exit -1073741510"));  // 0xC000013A: ended by Ctrl-C
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit.signal, "INT");
  EXPECT_EQ(run(shell("exit -7"))->exit.status, -7);
}

TEST(Process, SaysWhyAProgramCannotBeStarted) {
  ProcessSpec spec = shell("");
  spec.argv = {"no-such-program-here"};
  EXPECT_TRUE(run(spec).error().message().starts_with("start no-such-program-here: "))
      << run(spec).error().message();
  spec.argv = {};
  EXPECT_EQ(run(spec).error().message(), "no program is named");
  spec.argv = {"cmd", std::string("a\0b", 3)};
  EXPECT_EQ(run(spec).error().message(), "an argument contains a NUL byte");
}

TEST(Process, ABatchFileGetsNoArgumentsThatItsInterpreterWouldRun) {
  test::TempFolder folder;
  const std::string file = folder / "hello.bat";
  const Handle made =
      own_handle(::CreateFileW(native_path(file).c_str(), GENERIC_WRITE, 0, nullptr, CREATE_NEW, 0, nullptr));
  const std::string_view text = "@echo [%1]\r\n";
  DWORD gone = 0;
  ASSERT_TRUE(::WriteFile(native_handle(made), text.data(), static_cast<DWORD>(text.size()), &gone, nullptr));
  const_cast<Handle&>(made).close();
  ProcessSpec spec = shell("");
  spec.argv = {file, "word"};
  const Result<Captured> fine = run(spec);
  ASSERT_TRUE(fine) << fine.error().message();
  EXPECT_EQ(fine->output, "[word]\r\n");
  spec.argv = {file, "x&calc"};
  EXPECT_TRUE(run(spec).error().is(Fault::refused));
}

TEST(Process, OutputAboveTheLimitAndTimeAboveTheLimitAreErrors) {
  EXPECT_TRUE(run(shell("for /l %i in (1,1,500) do @echo 0123456789"), 1000).error().is(Fault::too_large));
  const Result<Captured> slow =
      run(shell("for /l %i in (1,0,2) do @rem"), 1000, std::chrono::milliseconds(300));
  EXPECT_TRUE(slow.error().is(Fault::timed_out)) << slow.error().message();
}

TEST(Process, ReadsItsInputToTheEnd) {
  asio::io_context io(1);
  ProcessSpec spec = shell("");
  spec.argv = {own_program()};
  spec.env = copying_to("-");
  Result<PipedProcess> piped = start_with_pipes(io.get_executor(), spec);
  ASSERT_TRUE(piped) << piped.error().message();
  ASSERT_TRUE(run_task(io, piped->input.write(as_bytes("abc\r\nxyz\r\nb\r\n"))));
  piped->input.close();
  std::string all;
  std::array<std::uint8_t, 256> piece;
  while (true) {
    const Result<std::size_t> got = run_task(io, piped->output.read(piece));
    ASSERT_TRUE(got) << got.error().message();
    if (*got == 0) break;
    all += as_text(ByteView(piece.data(), *got));
  }
  EXPECT_EQ(all, "abc\r\nxyz\r\nb\r\n");
}

TEST(Process, KillingItEndsTheWholeJobAndIsToldAsASignal) {
  asio::io_context io(1);
  Result<PipedProcess> piped = start_with_pipes(io.get_executor(), shell("cmd /d /c pause"));
  ASSERT_TRUE(piped);
  piped->process.kill();
  const Result<ExitStatus> exit = run_task(io, piped->process.wait());
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, "KILL");
  // Nobody is left to hold the pipe open.
  std::array<std::uint8_t, 4096> piece;
  Result<std::size_t> got = run_task(io, piped->output.read(piece));
  while (got && *got > 0) got = run_task(io, piped->output.read(piece));
  EXPECT_TRUE(got) << got.error().message();
  EXPECT_TRUE(piped->process.signal("TERM").error().is(Fault::not_found));
  EXPECT_TRUE(piped->process.signal("USR1").error().is(Fault::unsupported));
}

TEST(Process, AnInterruptIsHeardOrEndsIt) {
  asio::io_context io(1);
  Result<PipedProcess> piped = start_with_pipes(io.get_executor(), shell("for /l %i in (1,0,2) do @rem"));
  ASSERT_TRUE(piped);
  ASSERT_TRUE(piped->process.signal("INT"));
  const Result<ExitStatus> exit = run_task(io, piped->process.wait());
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, "INT");
}

TEST(Independent, ReadsItsInputAndOutlivesWhoStartedIt) {
  asio::io_context io(1);
  test::TempFolder folder;
  const std::string mark = folder / "mark.txt";
  IndependentSpec spec;
  spec.name = "test";
  spec.argv = {own_program()};
  spec.env = copying_to(std::filesystem::absolute(mark).string());
  spec.input = Secret(std::string_view("axb\r\n"));
  const Result<void> started = run_task(io, start_independent(std::move(spec)));
  ASSERT_TRUE(started) << started.error().message();
  for (int i = 0; i < 100; ++i) {
    WIN32_FILE_ATTRIBUTE_DATA info{};
    if (::GetFileAttributesExW(native_path(mark).c_str(), GetFileExInfoStandard, &info) &&
        info.nFileSizeLow > 0)
      return;
    ::Sleep(100);
  }
  FAIL() << "it did not write what it was given";
}

}  // namespace
}  // namespace jump::platform
