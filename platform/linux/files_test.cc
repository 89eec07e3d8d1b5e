#include "platform/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "platform/paths.h"
#include "tests/support/temp_folder.h"

namespace jump::platform {
namespace {

namespace fs = std::filesystem;
using test::put;
using test::text_of;

unsigned mode_of(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
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

}  // namespace
}  // namespace jump::platform
