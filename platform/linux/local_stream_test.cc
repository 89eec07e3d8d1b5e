#include "platform/local_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include <boost/asio/io_context.hpp>

#include "tests/support/run_task.h"
#include "tests/support/temp_folder.h"

namespace jump::platform {
namespace {

struct LocalListening : testing::Test {
  Result<LocalListener> bind(const std::string& path, unsigned mode) {
    return LocalListener::bind(io.get_executor(), path, mode);
  }
  asio::io_context io{1};
  test::TempFolder folder;
};

TEST_F(LocalListening, TakesWhoConnectsAndHasTheModeThatIsAsked) {
  Result<LocalListener> listener = bind(folder / "s", 0660);
  ASSERT_TRUE(listener) << listener.error().message();
  struct stat info{};
  ASSERT_EQ(::lstat((folder / "s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660u);
  Result<Handle> client = connect_local(folder / "s");
  ASSERT_TRUE(client);
  Result<Handle> accepted = test::run_task(io, listener->accept());
  ASSERT_TRUE(accepted) << accepted.error().message();
  LocalStream from(io.get_executor(), std::move(*client));
  LocalStream to(io.get_executor(), std::move(*accepted));
  const ByteView word = as_bytes("hello");
  ASSERT_TRUE(from.write_now({&word, 1}));
  ASSERT_TRUE(test::run_task(io, to.readable()));
  std::array<std::uint8_t, 16> got;
  EXPECT_EQ(to.read_now(got).value(), word.size());
}

TEST_F(LocalListening, ASecondServerIsRefusedAndAStaleSocketReplaced) {
  const std::string path = folder / "s";
  {
    Result<LocalListener> first = bind(path, 0600);
    ASSERT_TRUE(first);
    EXPECT_TRUE(bind(path, 0600).error().is(Fault::already_exists));
    EXPECT_TRUE(connect_local(path)) << "the refused one has taken the socket away";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  // As after a SIGKILL: the socket is there, nobody listens.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  {
    const Handle dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_FALSE(connect_local(path));
  EXPECT_TRUE(bind(path, 0600));
}

TEST_F(LocalListening, NothingButASocketIsReplaced) {
  std::ofstream(folder / "s") << "precious";
  EXPECT_TRUE(bind(folder / "s", 0600).error().is(Fault::already_exists));
  EXPECT_TRUE(std::filesystem::exists(folder / "s"));
  EXPECT_TRUE(bind(folder / std::string(200, 'x'), 0600).error().is(Fault::invalid));
}

}  // namespace
}  // namespace jump::platform
