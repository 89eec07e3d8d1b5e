#include "platform/windows/native.h"

#include <gtest/gtest.h>

namespace jump::platform {
namespace {

TEST(Native, TextGoesBothWays) {
  EXPECT_EQ(to_utf8(to_wide("Grüße 😀")), "Grüße 😀");
  EXPECT_EQ(to_wide("\xff").size(), 1u);
  EXPECT_EQ(to_wide(""), L"");
}

TEST(Native, PathsGetAndLoseTheirPrefix) {
  EXPECT_EQ(native_path("C:/a/b"), L"\\\\?\\C:\\a\\b");
  EXPECT_EQ(native_path("C:\\a\\..\\b\\"), L"\\\\?\\C:\\b\\");
  EXPECT_EQ(native_path("//server/share/x"), L"\\\\?\\UNC\\server\\share\\x");
  EXPECT_EQ(plain_path(L"\\\\?\\C:\\a\\b"), "C:/a/b");
  EXPECT_EQ(plain_path(L"\\\\?\\UNC\\server\\share"), "//server/share");
  EXPECT_TRUE(native_path("x").ends_with(L"\\x"));
}

TEST(Native, ErrorsHaveWords) {
  const Error error = windows_error(5, "open x");
  EXPECT_TRUE(error.message().starts_with("open x: ")) << error.message();
  EXPECT_GT(error.message().size(), 10u);
}

}  // namespace
}  // namespace jump::platform
