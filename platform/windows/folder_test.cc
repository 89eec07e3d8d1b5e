#include "platform/folder.h"

#include <gtest/gtest.h>

#include <windows.h>

#include <array>
#include <filesystem>
#include <fstream>

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
DWORD attributes_of(const std::string& path) {
  return ::GetFileAttributesW(native_path(path).c_str());
}

// Wine has no way to replace a file that is open.
bool is_wine() {
  return ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
}

// The names come from a stranger.
struct FolderTest : testing::Test {
  test::TempFolder outer;
  std::string outside = outer / "outside";
  std::string inside = outer / "inside";

  FolderTest() {
    fs::create_directories(outside);
    fs::create_directories(inside + "/sub/deep");
    put(outside + "/secret", "secret");
    put(inside + "/file", "content");
    put(inside + "/sub/deep/file", "deep");
  }
  Folder open() { return *Folder::open(inside); }
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

TEST_F(FolderTest, WalksToNamesBelow) {
  Folder folder = open();
  EXPECT_EQ(folder.info("")->kind, FileKind::folder);
  EXPECT_EQ(folder.info("sub/deep/file")->size, 4u);
  EXPECT_EQ(*folder.names("", 100), (std::vector<std::string>{"file", "sub"}));
  EXPECT_EQ(*folder.names("sub", 100), (std::vector<std::string>{"deep"}));
  EXPECT_TRUE(folder.names("", 1).error().is(Fault::too_large));
  std::array<std::uint8_t, 16> piece;
  EXPECT_EQ(*folder.open_file("sub/deep/file")->read_at(1, piece), 3u);
  EXPECT_EQ(*folder.open_file("sub/deep/file")->read_at(4, piece), 0u);
  EXPECT_TRUE(folder.info("none").error().is(Fault::not_found));
  EXPECT_FALSE(folder.open_file("sub"));
  EXPECT_FALSE(folder.names("file", 10));
  EXPECT_FALSE(Folder::open(inside + "/file"));
  EXPECT_FALSE(Folder::open(inside + "/none"));
}

TEST_F(FolderTest, ManyNamesAreAllListed) {
  Folder folder = open();
  for (int i = 0; i < 1200; ++i)
    ASSERT_TRUE(folder.create_file("sub/a name of some length " + std::to_string(i)));
  EXPECT_EQ(folder.names("sub", 5000)->size(), 1201u);
}

TEST_F(FolderTest, NoNameLeadsOutside) {
  Folder folder = open();
  for (const char* path : {"..", "../outside/secret", "sub/../../outside/secret", "C:/Windows/win.ini", "\\",
                           "..\\outside\\secret", "sub\\deep\\file", "sub//deep/file", "sub/", ".", "./file",
                           "sub/./deep", "file:stream", "CON", "sub/nul.txt", "file.", "file "}) {
    EXPECT_FALSE(folder.info(path)) << path;
    EXPECT_FALSE(folder.open_file(path)) << path;
    EXPECT_FALSE(folder.create_file(path)) << path;
    EXPECT_FALSE(folder.make_folder(path)) << path;
    EXPECT_FALSE(folder.remove(path)) << path;
    EXPECT_FALSE(folder.rename("file", path)) << path;
  }
  EXPECT_FALSE(folder.info(std::string("file\0x", 6)));
  EXPECT_EQ(text_of(outside + "/secret"), "secret");
}

TEST_F(FolderTest, NoJunctionIsFollowedAnywhere) {
  if (!junction()) GTEST_SKIP() << "NOT TESTED: no junctions here (Wine)";
  Folder folder = open();
  EXPECT_EQ(folder.info("out")->kind, FileKind::link);
  EXPECT_EQ(folder.open_file("out/secret").error().message(), "out: a link is not followed");
  EXPECT_FALSE(folder.create_file("out/new"));
  EXPECT_FALSE(folder.make_folder("out"));
  EXPECT_FALSE(folder.make_folder("out/new"));
  EXPECT_FALSE(folder.remove("out/secret"));
  EXPECT_FALSE(folder.names("out", 10));
  EXPECT_FALSE(folder.set_folder("out", 0777, {}));
  EXPECT_FALSE(folder.rename("file", "out/file"));
  EXPECT_TRUE(folder.link_target("out")->ends_with("/outside"));
  EXPECT_EQ(text_of(outside + "/secret"), "secret");
  EXPECT_TRUE(folder.remove("out"));
  EXPECT_EQ(text_of(outside + "/secret"), "secret");
}

TEST_F(FolderTest, LinksAreNotMade) {
  EXPECT_TRUE(open().make_link("sub/link", "x").error().is(Fault::unsupported));
}

TEST_F(FolderTest, MakesFillsAndReplaces) {
  Folder folder = open();
  EXPECT_TRUE(*folder.make_folder("sub/new"));
  EXPECT_FALSE(*folder.make_folder("sub/new"));
  EXPECT_TRUE(folder.make_folder("file").error().is(Fault::already_exists));
  Result<File> file = folder.create_file("sub/new/temp");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_TRUE(folder.create_file("sub/new/temp").error().is(Fault::already_exists));
  ASSERT_TRUE(file->write_at(0, as_bytes("hello")));
  ASSERT_TRUE(file->truncate(4));
  ASSERT_TRUE(file->set_modified({1'000'000'000, 123'456'700}));
  ASSERT_TRUE(file->sync());
  const Result<void> renamed = folder.rename("sub/new/temp", "sub/deep/file");
  ASSERT_TRUE(renamed) << renamed.error().message();
  const Result<FileInfo> info = folder.info("sub/deep/file");
  EXPECT_EQ(info->mode, 0644u);
  EXPECT_EQ(info->modified, as_stored({1'000'000'000, 123'456'789}));
  file = Error(Fault::closed, "");
  EXPECT_EQ(text_of(inside + "/sub/deep/file"), "hell");
  EXPECT_TRUE(folder.rename("file", "sub/new").error().is(Fault::already_exists));
  EXPECT_TRUE(folder.set_folder("sub/new", 0755, {1'000'000'000, 0}));
  EXPECT_EQ(folder.info("sub/new")->modified.seconds, 1'000'000'000);
  EXPECT_TRUE(folder.set_folder("", 0755, {1'000'000'001, 0}));
  EXPECT_EQ(folder.info("")->modified.seconds, 1'000'000'001);
  EXPECT_TRUE(folder.remove_folder("sub/new"));
  EXPECT_FALSE(folder.remove_folder("sub/deep"));  // not empty
  EXPECT_FALSE(folder.remove("sub"));
  EXPECT_TRUE(folder.remove("sub/deep/file"));
  EXPECT_TRUE(folder.remove_folder("sub/deep"));
  EXPECT_TRUE(folder.sync("sub"));
}

TEST_F(FolderTest, ReadOnlyAndHiddenAreKeptAndDoNotStandInTheWay) {
  Folder folder = open();
  {
    Result<File> file = folder.create_file("new");
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

TEST_F(FolderTest, AFileInUseIsReplaced) {
  if (is_wine()) GTEST_SKIP() << "NOT TESTED: Wine replaces no open file";
  Folder folder = open();
  const Result<File> reader = folder.open_file("file");
  ASSERT_TRUE(folder.create_file("new"));
  const Result<void> renamed = folder.rename("new", "file");
  EXPECT_TRUE(renamed) << renamed.error().message();
}

TEST_F(FolderTest, AFileWithASecondNameIsNotOursAlone) {
  if (::CreateHardLinkW(native_path(inside + "/hard").c_str(), native_path(outside + "/secret").c_str(),
                        nullptr) == 0)
    GTEST_SKIP() << "NOT TESTED: no hard links here";
  Folder folder = open();
  EXPECT_TRUE(folder.open_own_file("hard").error().is(Fault::refused));
  EXPECT_TRUE(folder.open_own_file("file"));
  EXPECT_TRUE(folder.open_own_file("none").error().is(Fault::not_found));
}

TEST_F(FolderTest, OneLockForEachFile) {
  Folder folder = open();
  Result<File> first = folder.open_own_file("file");
  Result<File> second = folder.open_own_file("file");
  EXPECT_TRUE(first->try_lock());
  EXPECT_FALSE(second->try_lock());
  std::array<std::uint8_t, 8> piece;
  EXPECT_EQ(*second->read_at(0, piece), 7u);
}

TEST_F(FolderTest, NamesDifferOnlyByCaseAreOne) {
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
