// What is promised on each system.
#include "platform/folder.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "platform/folder_lab.h"

namespace jump::platform {
namespace {

using test::text_of;

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
  for (const char* path : {"..", "../outside/secret", "sub/../../outside/secret", "/etc/passwd",
                           "sub//deep/file", "sub/", ".", "./file", "sub/./deep"}) {
    expect_nowhere(path);
  }
  EXPECT_FALSE(open().info(std::string("file\0x", 6)));
  EXPECT_EQ(text_of(outside + "/secret"), "secret");
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
  ASSERT_TRUE(file->set_modified({1'000'000'000, 123'456'789}));
  ASSERT_TRUE(file->sync());
  const Result<void> renamed = folder.rename("sub/new/temp", "sub/deep/file");
  ASSERT_TRUE(renamed) << renamed.error().message();
  const Result<FileInfo> info = folder.info("sub/deep/file");
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

TEST_F(FolderTest, AFileWithASecondNameIsNotOursAlone) {
  std::error_code none;
  std::filesystem::create_hard_link(outside + "/secret", inside + "/hard", none);
  if (none) GTEST_SKIP() << "NOT TESTED: no hard links here";
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

}  // namespace
}  // namespace jump::platform
