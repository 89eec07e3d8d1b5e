#include "platform/files.h"

#include <gtest/gtest.h>

#include <windows.h>

#include <filesystem>
#include <fstream>

#include "platform/folder.h"
#include "platform/paths.h"
#include "platform/windows/native.h"
#include "tests/support/temp_folder.h"

namespace jump::platform {
namespace {

namespace fs = std::filesystem;

void put(const std::string& path, std::string_view text) {
  std::ofstream(fs::path(to_wide(path)), std::ios::binary) << text;
}
std::string text_of(const std::string& path) {
  std::ifstream file(fs::path(to_wide(path)), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
std::ptrdiff_t count_in(const std::string& folder) {
  return std::distance(fs::directory_iterator(fs::path(to_wide(folder))), {});
}

// Wine has no way to replace a file that is open.
bool is_wine() {
  return ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
}

TEST(Files, WritesAtomically) {
  test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "a", as_bytes("one"), 0644));
  ASSERT_TRUE(write_file(folder / "a", as_bytes("two"), 0600));
  EXPECT_EQ(text_of(folder / "a"), "two");
  EXPECT_EQ(count_in(folder.path().string()), 1) << "a temporary file was left";
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

TEST(Files, AFailedWriteLeavesTheOldOneAndNothingElse) {
  test::TempFolder folder;
  fs::create_directory(folder / "taken");
  EXPECT_FALSE(write_file(folder / "taken", as_bytes("x"), 0600));
  EXPECT_FALSE(write_file(folder / "missing/a", as_bytes("x"), 0600));
  EXPECT_EQ(count_in(folder.path().string()), 1);
}

TEST(Files, ReadsWithALimit) {
  test::TempFolder folder;
  put(folder / "a", "12345");
  EXPECT_EQ(read_file(folder / "a", 5)->size(), 5u);
  EXPECT_TRUE(read_file(folder / "a", 4).error().is(Fault::too_large));
  EXPECT_TRUE(read_file(folder / "b", 4).error().is(Fault::not_found));
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

TEST(Files, MakesPrivateFoldersWithParents) {
  test::TempFolder folder;
  ASSERT_TRUE(make_private_folder(folder / "x/y/"));
  EXPECT_TRUE(make_private_folder(folder / "x/y"));
  EXPECT_TRUE(make_folder(folder / "x/z"));
  put(folder / "file", "");
  EXPECT_TRUE(make_private_folder(folder / "file").error().is(Fault::refused));
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

TEST(Files, LongPathsAndOddNamesWork) {
  test::TempFolder folder;
  std::string deep = folder.path().generic_string();
  while (deep.size() < 300) deep += "/a long name that is repeated Grüße";
  ASSERT_TRUE(make_private_folder(deep));
  ASSERT_TRUE(write_file(deep + "/f", as_bytes("x"), 0600));
  EXPECT_EQ(as_text(*read_file(deep + "/f", 1)), "x");
  EXPECT_GT(disk_space(deep)->total, 0u);
}

TEST(Files, RemovingWhatIsNotThereIsFine) {
  test::TempFolder folder;
  EXPECT_TRUE(remove_file(folder / "none"));
  EXPECT_FALSE(remove_file(folder.path().string()));
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
