#include "platform/folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "platform/folder_lab.h"

namespace jump::platform {
namespace {

namespace fs = std::filesystem;
using test::text_of;

struct LinuxFolderTest : FolderTest {
  LinuxFolderTest() {
    fs::create_symlink("../outside", inside + "/out");
    fs::create_symlink("sub", inside + "/in");
    fs::create_symlink("/etc/passwd", inside + "/passwd");
  }
};

TEST_F(LinuxFolderTest, NoLinkIsFollowedAnywhere) {
  expect_out_is_not_followed();
  Folder folder = open();
  EXPECT_EQ(folder.open_file("passwd").error().message(), "passwd: a link is not followed");
  EXPECT_FALSE(folder.open_file("in/deep/file"));
  EXPECT_TRUE(folder.create_file("passwd").error().is(Fault::already_exists));
  EXPECT_FALSE(folder.open_own_file("passwd"));
  EXPECT_EQ(*folder.link_target("out"), "../outside");
}

TEST_F(LinuxFolderTest, AFolderThatBecomesALinkMeanwhileIsNotFollowed) {
  Folder folder = open();
  ASSERT_TRUE(folder.make_folder("target"));
  fs::remove(inside + "/target");
  fs::create_symlink("../outside", inside + "/target");
  EXPECT_FALSE(folder.create_file("target/evil"));
  EXPECT_FALSE(fs::exists(outside + "/evil"));
}

TEST_F(LinuxFolderTest, APipeInTheWayIsRefusedAndNotWaitedFor) {
  ASSERT_EQ(::mkfifo((inside + "/pipe").c_str(), 0600), 0);
  Folder folder = open();
  EXPECT_EQ(folder.open_file("pipe").error().message(), "pipe: not a regular file");
  EXPECT_FALSE(folder.open_own_file("pipe"));
}

TEST_F(LinuxFolderTest, ModesAndTimesAreExactAndLinksAreMade) {
  Folder folder = open();
  Result<File> file = folder.create_file("new");
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->set_mode(0751));
  ASSERT_TRUE(file->set_modified({1'000'000'000, 123'456'789}));
  EXPECT_EQ(folder.info("new")->mode, 0751u);
  EXPECT_EQ(folder.info("new")->modified, (FileTime{1'000'000'000, 123'456'789}));
  EXPECT_TRUE(folder.make_link("sub/link", "../../anywhere"));
  EXPECT_TRUE(folder.set_link_time("sub/link", {5, 0}));
  EXPECT_EQ(folder.info("sub/link")->modified.seconds, 5);
}

}  // namespace
}  // namespace jump::platform
