#include "platform/files.h"

#include <gtest/gtest.h>

#include <windows.h>

#include "platform/folder.h"
#include "platform/paths.h"
#include "platform/windows/native.h"
#include "tests/support/temp_folder.h"

namespace jump::platform {
namespace {

using test::put;
using test::text_of;

// Wine has no way to replace a file that is open.
bool is_wine() {
  return ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
}

TEST(Files, ReplacesAFileThatSomebodyReads) {
  if (is_wine()) GTEST_SKIP() << "NOT TESTED: Wine replaces no open file";
  test::TempFolder folder;
  put(folder / "a", "old");
  const Handle reader = own_handle(::CreateFileW(native_path(folder / "a").c_str(), GENERIC_READ,
                                                 FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                                 nullptr, OPEN_EXISTING, 0, nullptr));
  ASSERT_TRUE(reader.valid());
  const Result<void> written = write_file(folder / "a", as_bytes("new"), 0600);
  EXPECT_TRUE(written) << written.error().message();
  EXPECT_EQ(text_of(folder / "a"), "new");
}

TEST(Files, ASecretIsEncryptedOnDiskAndLimitedInPlain) {
  test::TempFolder folder;
  ASSERT_TRUE(make_private_folder(folder / "private"));
  const std::string path = folder / "private/key";
  ASSERT_TRUE(write_private_file(path, as_bytes("top secret")));
  EXPECT_EQ(text_of(path).find("top secret"), std::string::npos);
  const Result<Bytes> read = read_private_file(path, 10);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(as_text(*read), "top secret");
  EXPECT_TRUE(read_private_file(path, 9).error().is(Fault::too_large));
  ASSERT_TRUE(write_file(path, as_bytes("plain"), 0600));
  EXPECT_EQ(as_text(*read_private_file(path, 10)), "plain");
}

TEST(Files, ASecretThatOthersMayReadIsRefused) {
  test::TempFolder folder;
  put(folder / "key", "secret");
  const std::wstring command =
      L"icacls \"" + native_path(folder / "key").substr(4) + L"\" /grant *S-1-1-0:R >NUL 2>NUL";
  if (::_wsystem(command.c_str()) != 0) GTEST_SKIP() << "NOT TESTED: no icacls here (Wine has none)";
  EXPECT_TRUE(read_private_file(folder / "key", 100).error().is(Fault::refused));
}

TEST(Files, OneThatOthersMayChangeIsNotBelieved) {
  test::TempFolder folder;
  EXPECT_TRUE(refuse_foreign_file(folder / "none"));
  ASSERT_TRUE(write_file(folder / "mine", as_bytes("x"), 0600));
  EXPECT_TRUE(refuse_foreign_file(folder / "mine"));
  put(folder / "everybodys", "x");
  const std::wstring command =
      L"icacls \"" + native_path(folder / "everybodys").substr(4) + L"\" /grant *S-1-1-0:M >NUL 2>NUL";
  if (is_wine() || ::_wsystem(command.c_str()) != 0)
    GTEST_SKIP() << "NOT TESTED: no rights of others here (Wine)";
  EXPECT_TRUE(refuse_foreign_file(folder / "everybodys").error().is(Fault::refused));
}

TEST(Paths, AreWhereWindowsHasThem) {
  // Whoever starts us has no say in it.
  ::SetEnvironmentVariableW(L"ProgramData", L"D:\\Data\\");
  EXPECT_EQ(program_paths("jump-client").data, "C:/ProgramData/Jump Client/data");
  EXPECT_EQ(program_paths("jumpoint").config, "C:/ProgramData/Jumpoint/config");
  EXPECT_EQ(program_paths("jump-client", "C:/x").run, "C:/x/run");
  ::SetEnvironmentVariableW(L"JUMP_HOME", L"C:\\me");
  EXPECT_EQ(person_state_folder(), "C:/me");
  ::SetEnvironmentVariableW(L"JUMP_HOME", nullptr);
  EXPECT_TRUE(person_state_folder().ends_with("/jump"));
  EXPECT_TRUE(own_program().ends_with("_test.exe")) << own_program();
}

}  // namespace
}  // namespace jump::platform
