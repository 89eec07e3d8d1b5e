// What is promised on each system.
#include "platform/files.h"

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace jump::platform {
namespace {

using test::count_in;
using test::put;
using test::text_of;

TEST(Files, WritesAtomically) {
  test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "a", as_bytes("one"), 0644));
  ASSERT_TRUE(write_file(folder / "a", as_bytes("two"), 0600));
  EXPECT_EQ(text_of(folder / "a"), "two");
  EXPECT_EQ(count_in(folder.path().string()), 1) << "a temporary file was left";
}

TEST(Files, AFailedWriteLeavesTheOldOneAndNothingElse) {
  test::TempFolder folder;
  ASSERT_TRUE(make_folder(folder / "taken"));
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

TEST(Files, MakesPrivateFoldersWithParents) {
  test::TempFolder folder;
  ASSERT_TRUE(make_private_folder(folder / "x/y/"));
  EXPECT_TRUE(make_private_folder(folder / "x/y"));
  EXPECT_TRUE(make_folder(folder / "x/z"));
  put(folder / "file", "");
  EXPECT_TRUE(make_private_folder(folder / "file").error().is(Fault::refused));
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

}  // namespace
}  // namespace jump::platform
