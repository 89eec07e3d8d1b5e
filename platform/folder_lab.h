// A folder that a stranger may name things in, with a secret beside it, for tests.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "platform/folder.h"
#include "tests/support/temp_folder.h"

namespace jump::platform {

struct FolderTest : testing::Test {
  test::TempFolder outer;
  std::string outside = outer / "outside";
  std::string inside = outer / "inside";

  FolderTest() {
    std::filesystem::create_directories(outside);
    std::filesystem::create_directories(inside + "/sub/deep");
    test::put(outside + "/secret", "secret");
    test::put(inside + "/file", "content");
    test::put(inside + "/sub/deep/file", "deep");
  }
  Folder open() { return *Folder::open(inside); }
  void expect_nowhere(const char* path) {
    Folder folder = open();
    EXPECT_FALSE(folder.info(path)) << path;
    EXPECT_FALSE(folder.open_file(path)) << path;
    EXPECT_FALSE(folder.create_file(path)) << path;
    EXPECT_FALSE(folder.make_folder(path)) << path;
    EXPECT_FALSE(folder.remove(path)) << path;
    EXPECT_FALSE(folder.rename("file", path)) << path;
  }
  // "out" is a link to the folder of the secret.
  void expect_out_is_not_followed() {
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
    EXPECT_EQ(test::text_of(outside + "/secret"), "secret");
    EXPECT_EQ(test::count_in(outside), 1);
  }
};

}  // namespace jump::platform
