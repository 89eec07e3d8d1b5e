#include "platform/local_stream.h"

#include <gtest/gtest.h>

#include <windows.h>

#include <boost/asio/io_context.hpp>

#include "tests/support/temp_folder.h"

namespace jump::platform {
namespace {

bool under_wine() {
  return ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
}

TEST(LocalListener, ASecondServerIsRefused) {
  if (under_wine()) GTEST_SKIP() << "NOT TESTED: Wine gives the same pipe to everybody";
  asio::io_context io{1};
  test::TempFolder folder;
  const Result<LocalListener> first = LocalListener::bind(io.get_executor(), folder / "s", 0600);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_TRUE(LocalListener::bind(io.get_executor(), folder / "s", 0600).error().is(Fault::already_exists));
  EXPECT_TRUE(connect_local(folder / "s"));
}

TEST(LocalListener, HasOneNameForEachWayToWriteAPath) {
  asio::io_context io{1};
  const Result<LocalListener> listener = LocalListener::bind(io.get_executor(), "C:/Some Where/x.sock", 0600);
  ASSERT_TRUE(listener) << listener.error().message();
  EXPECT_TRUE(connect_local("c:\\some where\\X.sock"));
  EXPECT_TRUE(connect_local("C:/Some Where/y.sock").error().is(Fault::not_found));
  EXPECT_TRUE(connect_local("").error().is(Fault::invalid));
}

}  // namespace
}  // namespace jump::platform
