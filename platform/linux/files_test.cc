#include "platform/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "platform/folder.h"
#include "platform/paths.h"
#include "tests/support/temp_folder.h"

namespace jump::platform {
namespace {

namespace fs = std::filesystem;

unsigned mode_of(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

void put(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Files, WritesAtomicallyWithTheExactMode) {
  test::TempFolder folder;
  const mode_t before = ::umask(077);
  ASSERT_TRUE(write_file(folder / "a", as_bytes("one"), 0644));
  ::umask(before);
  EXPECT_EQ(mode_of(folder / "a"), 0644u);
  ASSERT_TRUE(write_file(folder / "a", as_bytes("two"), 0600));
  EXPECT_EQ(text_of(folder / "a"), "two");
  EXPECT_EQ(mode_of(folder / "a"), 0600u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1) << "a temporary file was left";
}

TEST(Files, AFailedWriteLeavesTheOldOneAndNothingElse) {
  test::TempFolder folder;
  ::mkdir((folder / "taken").c_str(), 0700);
  EXPECT_FALSE(write_file(folder / "taken", as_bytes("x"), 0600));
  EXPECT_FALSE(write_file(folder / "missing/a", as_bytes("x"), 0600));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(Files, ReadsWithALimit) {
  test::TempFolder folder;
  put(folder / "a", "12345");
  EXPECT_EQ(read_file(folder / "a", 5)->size(), 5u);
  EXPECT_TRUE(read_file(folder / "a", 4).error().is(Fault::too_large));
  EXPECT_TRUE(read_file(folder / "b", 4).error().is(Fault::not_found));
}

TEST(Files, ASecretThatOthersMayReadIsRefused) {
  test::TempFolder folder;
  put(folder / "key", "secret");
  ::chmod((folder / "key").c_str(), 0640);
  EXPECT_TRUE(read_private_file(folder / "key", 100).error().is(Fault::refused));
  ::chmod((folder / "key").c_str(), 0600);
  EXPECT_TRUE(read_private_file(folder / "key", 100));
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown((folder / "key").c_str(), 65534, 65534), 0);
    EXPECT_TRUE(read_private_file(folder / "key", 100).error().is(Fault::refused));
  }
}

TEST(Files, APrivateFolderIsNarrowedAndALinkIsNoFolder) {
  test::TempFolder folder;
  ASSERT_TRUE(make_private_folder(folder / "x/y/"));
  EXPECT_EQ(mode_of(folder / "x/y"), 0700u);
  ::chmod((folder / "x/y").c_str(), 0777);
  ASSERT_TRUE(make_private_folder(folder / "x/y"));
  EXPECT_EQ(mode_of(folder / "x/y"), 0700u);
  ASSERT_EQ(::symlink("x", (folder / "link").c_str()), 0);
  EXPECT_TRUE(make_private_folder(folder / "link").error().is(Fault::refused));
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown((folder / "x").c_str(), 65534, 65534), 0);
    EXPECT_TRUE(make_private_folder(folder / "x").error().is(Fault::refused));
  }
}

TEST(Files, RemovingWhatIsNotThereIsFine) {
  test::TempFolder folder;
  EXPECT_TRUE(remove_file(folder / "none"));
  EXPECT_FALSE(remove_file(folder.path().string()));
}

TEST(Paths, SystemdsWordWinsAndABaseStandsForItself) {
  ::setenv("STATE_DIRECTORY", "/var/lib/elsewhere:/var/lib/second", 1);
  EXPECT_EQ(program_paths("jump-client").data, "/var/lib/elsewhere");
  ::unsetenv("STATE_DIRECTORY");
  EXPECT_EQ(program_paths("jump-client").data, "/var/lib/jump-client");
  EXPECT_EQ(program_paths("jump-client", "/tmp/x").run, "/tmp/x/run");
  ::setenv("JUMP_HOME", "/tmp/jump-home", 1);
  EXPECT_EQ(person_state_folder(), "/tmp/jump-home");
  ::unsetenv("JUMP_HOME");
  EXPECT_EQ(fs::path(own_program()).filename(), "jump_platform_linux_test");
}

// --- Folder: the names come from a stranger -----------------------------------------------------------

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
    fs::create_symlink("../outside", inside + "/out");
    fs::create_symlink("sub", inside + "/in");
    fs::create_symlink("/etc/passwd", inside + "/passwd");
  }
  Folder open() { return *Folder::open(inside); }
};

TEST_F(FolderTest, WalksToNamesBelow) {
  Folder folder = open();
  EXPECT_EQ(folder.info("")->kind, FileKind::folder);
  EXPECT_EQ(folder.info("sub/deep/file")->size, 4u);
  EXPECT_EQ(*folder.names("", 100), (std::vector<std::string>{"file", "in", "out", "passwd", "sub"}));
  EXPECT_EQ(*folder.names("sub", 100), (std::vector<std::string>{"deep"}));
  EXPECT_TRUE(folder.names("", 4).error().is(Fault::too_large));
  std::array<std::uint8_t, 16> piece;
  EXPECT_EQ(*folder.open_file("sub/deep/file")->read_at(1, piece), 3u);
  EXPECT_TRUE(folder.info("none").error().is(Fault::not_found));
}

TEST_F(FolderTest, NoNameLeadsOutside) {
  Folder folder = open();
  for (const char* path : {"..", "../outside/secret", "sub/../../outside/secret", "/etc/passwd",
                           "sub//deep/file", "sub/", ".", "./file", "sub/./deep"}) {
    EXPECT_FALSE(folder.info(path)) << path;
    EXPECT_FALSE(folder.open_file(path)) << path;
    EXPECT_FALSE(folder.create_file(path)) << path;
    EXPECT_FALSE(folder.make_folder(path)) << path;
    EXPECT_FALSE(folder.remove(path)) << path;
  }
  EXPECT_FALSE(folder.info(std::string("file\0x", 6)));
}

TEST_F(FolderTest, NoLinkIsFollowedAnywhere) {
  Folder folder = open();
  EXPECT_EQ(folder.open_file("passwd").error().message(), "passwd: a link is not followed");
  EXPECT_EQ(folder.open_file("out/secret").error().message(), "out: a link is not followed");
  EXPECT_FALSE(folder.open_file("in/deep/file"));
  EXPECT_FALSE(folder.create_file("out/new"));
  EXPECT_TRUE(folder.create_file("passwd").error().is(Fault::already_exists));
  EXPECT_FALSE(folder.make_folder("out"));
  EXPECT_FALSE(folder.make_folder("out/new"));
  EXPECT_FALSE(folder.remove("out/secret"));
  EXPECT_FALSE(folder.names("out", 10));
  EXPECT_FALSE(folder.set_folder("out", 0777, {}));
  EXPECT_FALSE(folder.rename("file", "out/file"));
  EXPECT_FALSE(folder.open_own_file("passwd"));
  EXPECT_EQ(folder.info("out")->kind, FileKind::link);
  EXPECT_EQ(*folder.link_target("out"), "../outside");
  EXPECT_EQ(text_of(outside + "/secret"), "secret");
  EXPECT_EQ(std::distance(fs::directory_iterator(outside), {}), 1);
}

TEST_F(FolderTest, AFolderThatBecomesALinkMeanwhileIsNotFollowed) {
  Folder folder = open();
  ASSERT_TRUE(folder.make_folder("target"));
  fs::remove(inside + "/target");
  fs::create_symlink("../outside", inside + "/target");
  EXPECT_FALSE(folder.create_file("target/evil"));
  EXPECT_FALSE(fs::exists(outside + "/evil"));
}

TEST_F(FolderTest, APipeInTheWayIsRefusedAndNotWaitedFor) {
  ASSERT_EQ(::mkfifo((inside + "/pipe").c_str(), 0600), 0);
  Folder folder = open();
  EXPECT_EQ(folder.open_file("pipe").error().message(), "pipe: not a regular file");
  EXPECT_FALSE(folder.open_own_file("pipe"));
}

TEST_F(FolderTest, AFileWithASecondNameIsNotOursAlone) {
  fs::create_hard_link(outside + "/secret", inside + "/hard");
  Folder folder = open();
  EXPECT_TRUE(folder.open_own_file("hard").error().is(Fault::refused));
  EXPECT_TRUE(folder.open_own_file("file"));
}

TEST_F(FolderTest, MakesFillsAndReplaces) {
  Folder folder = open();
  EXPECT_TRUE(*folder.make_folder("sub/new"));
  EXPECT_FALSE(*folder.make_folder("sub/new"));
  Result<File> file = folder.create_file("sub/new/temp");
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->write_at(0, as_bytes("hello")));
  ASSERT_TRUE(file->truncate(4));
  ASSERT_TRUE(file->set_mode(0751));
  ASSERT_TRUE(file->set_modified({1'000'000'000, 123'456'789}));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(folder.rename("sub/new/temp", "sub/deep/file"));
  const Result<FileInfo> info = folder.info("sub/deep/file");
  EXPECT_EQ(info->mode, 0751u);
  EXPECT_EQ(info->modified, (FileTime{1'000'000'000, 123'456'789}));
  EXPECT_EQ(text_of(inside + "/sub/deep/file"), "hell");
  EXPECT_TRUE(folder.rename("file", "sub/new").error().is(Fault::already_exists));
  EXPECT_TRUE(folder.remove_folder("sub/new"));
  EXPECT_FALSE(folder.remove_folder("sub/deep"));  // not empty
  EXPECT_TRUE(folder.make_link("sub/link", "../../anywhere"));
  EXPECT_TRUE(folder.set_link_time("sub/link", {5, 0}));
  EXPECT_EQ(folder.info("sub/link")->modified.seconds, 5);
}

TEST_F(FolderTest, OneLockForEachFile) {
  Folder folder = open();
  Result<File> first = folder.open_own_file("file");
  Result<File> second = folder.open_own_file("file");
  EXPECT_TRUE(first->try_lock());
  EXPECT_FALSE(second->try_lock());
}

}  // namespace
}  // namespace jump::platform
