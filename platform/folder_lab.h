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
};

}  // namespace jump::platform
