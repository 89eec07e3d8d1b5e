#include "platform/folder.h"

#include <gtest/gtest.h>

#include <windows.h>

#include "platform/folder_lab.h"
#include "platform/windows/native.h"

namespace jump::platform {
namespace {

using test::text_of;

DWORD attributes_of(const std::string& path) {
  return ::GetFileAttributesW(native_path(path).c_str());
}

// Wine has no way to replace a file that is open.
bool is_wine() {
  return ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
}

struct WindowsFolderTest : FolderTest {
  // A junction needs no right of its own. False where the system has none (Wine shows none of its own).
  bool junction() {
    const std::string command = "cmd /c mklink /J \"" + plain_path(native_path(inside + "/out")) + "\" \"" +
                                plain_path(native_path(outside)) + "\" >NUL 2>NUL";
    std::wstring wide = to_wide(command);
    for (wchar_t& c : wide) c = c == L'/' ? L'\\' : c;
    for (const std::wstring_view option : {L"\\c ", L"\\J "}) wide[wide.find(option)] = L'/';
    return ::_wsystem(wide.c_str()) == 0 &&
           (attributes_of(inside + "/out") & FILE_ATTRIBUTE_REPARSE_POINT) != 0 &&
           attributes_of(inside + "/out") != INVALID_FILE_ATTRIBUTES;
  }
};

TEST_F(WindowsFolderTest, NamesThatMeanSomethingElseLeadNowhere) {
  for (const char* path : {"C:/Windows/win.ini", "\\", "..\\outside\\secret", "sub\\deep\\file",
                           "file:stream", "CON", "sub/nul.txt", "file.", "file "}) {
    expect_nowhere(path);
  }
}

TEST_F(WindowsFolderTest, NoJunctionIsFollowedAnywhere) {
  if (!junction()) GTEST_SKIP() << "NOT TESTED: no junctions here (Wine)";
  expect_out_is_not_followed();
  Folder folder = open();
  EXPECT_TRUE(folder.link_target("out")->ends_with("/outside"));
  EXPECT_TRUE(folder.remove("out"));
  EXPECT_EQ(text_of(outside + "/secret"), "secret");
}

TEST_F(WindowsFolderTest, LinksAreNotMade) {
  EXPECT_TRUE(open().make_link("sub/link", "x").error().is(Fault::unsupported));
}

TEST_F(WindowsFolderTest, ReadOnlyAndHiddenAreKeptAndDoNotStandInTheWay) {
  Folder folder = open();
  {
    Result<File> file = folder.create_file("new");
    EXPECT_EQ(folder.info("new")->mode, 0644u);
    ASSERT_TRUE(file->set_mode(0444));
    ASSERT_TRUE(file->set_hidden(true));
  }
  EXPECT_EQ(folder.info("new")->mode, 0444u);
  EXPECT_TRUE(folder.info("new")->hidden);
  EXPECT_NE(attributes_of(inside + "/new") & FILE_ATTRIBUTE_READONLY, 0u);
  ASSERT_TRUE(folder.rename("new", "sub/other"));
  EXPECT_EQ(folder.info("sub/other")->mode, 0444u);
  const Result<void> replaced = folder.rename("file", "sub/other");
  EXPECT_TRUE(replaced) << replaced.error().message();
  EXPECT_EQ(text_of(inside + "/sub/other"), "content");
  ASSERT_TRUE(folder.open_own_file("sub/other")->set_mode(0400));
  const Result<void> removed = folder.remove("sub/other");
  EXPECT_TRUE(removed) << removed.error().message();
}

TEST_F(WindowsFolderTest, AFileInUseIsReplaced) {
  if (is_wine()) GTEST_SKIP() << "NOT TESTED: Wine replaces no open file";
  Folder folder = open();
  const Result<File> reader = folder.open_file("file");
  ASSERT_TRUE(folder.create_file("new"));
  const Result<void> renamed = folder.rename("new", "file");
  EXPECT_TRUE(renamed) << renamed.error().message();
}

TEST_F(WindowsFolderTest, NamesDifferOnlyByCaseAreOne) {
  Folder folder = open();
  EXPECT_TRUE(folder.create_file("FILE").error().is(Fault::already_exists));
}

TEST(FolderErrors, AFullDiskConcernsAllFiles) {
  EXPECT_TRUE(concerns_all_files(windows_error(ERROR_DISK_FULL, "x")));
  EXPECT_FALSE(concerns_all_files(windows_error(ERROR_ACCESS_DENIED, "x")));
  EXPECT_FALSE(concerns_all_files(Error(Fault::refused, "x")));
}

}  // namespace
}  // namespace jump::platform
