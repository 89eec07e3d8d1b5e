#include "agent/files/files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>

#include "common/files/client.h"
#include "common/session/codec.h"
#include "tests/support/memory_session.h"
#include "tests/support/run_task.h"
#include "tests/support/temp_folder.h"

namespace jump::agent {
namespace {

namespace fs = std::filesystem;
using namespace asio::experimental::awaitable_operators;
using test::run_task;

void put_text(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Task<> keep_result(Task<Result<void>> work, std::optional<Result<void>>& to) {
  to = co_await std::move(work);
}

struct FilesTest : testing::Test {
  asio::io_context io{1};
  test::TempFolder folder;
  fs::path home = folder.path() / "home";
  fs::path here = folder.path() / "here";
  test::MemorySessionPair pair{io.get_executor()};
  TaskGroup endpoint{io.get_executor()};
  std::optional<Result<void>> result;

  FilesTest() {
    fs::create_directories(home);
    fs::create_directories(here);
    FilesOptions options;
    options.home = home.string();
    endpoint.spawn("files", keep_result(run_files(pair.endpoint(), options), result));
  }
  ~FilesTest() override {
    pair.console().send(session::encode(session::Hangup()));
    test::run_to_end(io, endpoint);
    EXPECT_TRUE(result && *result);
  }

  Result<files::TransferResult> put(const fs::path& from, const std::string& to, bool recursive = true) {
    files::PutRequest request;
    request.from = from.string();
    request.to = to;
    request.recursive = recursive;
    return run_task(io, files::put(pair.console(), request, nullptr));
  }
  Result<files::TransferResult> get(const std::string& from, const fs::path& to, bool recursive = true) {
    files::GetRequest request;
    request.from = from;
    request.to = to.string();
    request.recursive = recursive;
    return run_task(io, files::get(pair.console(), request, nullptr));
  }
};

TEST_F(FilesTest, ATreeGoesThereAndBack) {
  put_text(here / "tree/a", "alpha");
  put_text(here / "tree/sub/b", std::string(700'000, 'b'));
  fs::create_symlink("a", here / "tree/link");
  Result<files::TransferResult> done = put(here / "tree", "~");
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->files, 2u);
  EXPECT_EQ(text_of(home / "tree/sub/b"), std::string(700'000, 'b'));
  fs::create_directories(here / "back");
  done = get("tree", here / "back");
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(text_of(here / "back/tree/a"), "alpha");
  EXPECT_EQ(fs::read_symlink(here / "back/tree/link"), "a");
  done = get(home.string() + "/tree/a", here / "renamed");
  ASSERT_TRUE(done);
  EXPECT_EQ(text_of(here / "renamed"), "alpha");
}

TEST_F(FilesTest, FailuresComeWithTheEndpointsWords) {
  EXPECT_EQ(get("none", here).error().message(), home.string() + "/none does not exist");
  put_text(here / "a", "x");
  EXPECT_FALSE(put(here / "a", "no/such/folder/a"));
  EXPECT_FALSE(put(here / "a", std::string("nul\0byte", 8)));
  EXPECT_FALSE(put(here / "a", ""));
  fs::create_directories(home / "d");
  EXPECT_EQ(get("d", here, false).error().message(), "d is a folder, and folders were not asked for");
  EXPECT_EQ(put(here, "~", false).error().message(), "here is a folder, and folders were not asked for");
}

TEST_F(FilesTest, ListsAndTellsAboutOne) {
  put_text(home / "d/file", "12345");
  fs::create_directories(home / "d/sub");
  fs::create_symlink("file", home / "d/link");
  put_text(home / "d/evil\x1b[31m", "x");
  const Result<files::Listing> listing = run_task(io, files::list(pair.console(), "d"));
  ASSERT_TRUE(listing) << listing.error().message();
  ASSERT_EQ(listing->entries.size(), 3u);
  EXPECT_EQ(listing->entries[0].path, "file");
  EXPECT_EQ(listing->entries[0].size, 5u);
  EXPECT_EQ(listing->entries[1].target, "file");
  EXPECT_EQ(listing->entries[2].kind, files::Kind::folder);
  ASSERT_EQ(listing->skipped.size(), 1u);
  EXPECT_EQ(listing->skipped[0].path, "evil\\x1b[31m");
  EXPECT_EQ(run_task(io, files::stat(pair.console(), "d/link"))->size, 5u) << "links are followed";
  EXPECT_EQ(run_task(io, files::stat(pair.console(), "~"))->kind, files::Kind::folder);
  EXPECT_FALSE(run_task(io, files::stat(pair.console(), "none")));
  EXPECT_FALSE(run_task(io, files::list(pair.console(), "none")));
}

TEST_F(FilesTest, MakesFoldersAndRemovesWhatIsNamedAndNothingElse) {
  EXPECT_FALSE(run_task(io, files::make_folder(pair.console(), "a/b/c", false)));
  EXPECT_TRUE(run_task(io, files::make_folder(pair.console(), "a/b/c", true)));
  EXPECT_TRUE(fs::is_directory(home / "a/b/c"));
  put_text(here / "precious", "x");
  fs::create_directory_symlink(here, home / "a/b/out");
  EXPECT_FALSE(run_task(io, files::remove(pair.console(), "a", false))) << "it is not empty";
  const Result<files::TransferResult> removed = run_task(io, files::remove(pair.console(), "a", true));
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_EQ(removed->entries, 4u);
  EXPECT_FALSE(fs::exists(home / "a"));
  EXPECT_TRUE(fs::exists(here / "precious")) << "a link was followed";
  for (const char* path : {"/", "~", ".", "a/..", "..", "../..", "../home/.", "//", ""}) {
    EXPECT_FALSE(run_task(io, files::remove(pair.console(), path, true))) << path;
  }
  EXPECT_TRUE(fs::exists(home));
}

Task<std::string> reason_of(session::Session& session, session::StreamOpen open) {
  Result<std::unique_ptr<session::Stream>> stream = session.open_stream();
  CHECK(stream.has_value());
  open.stream = (*stream)->number();
  session.send(session::encode(open));
  std::array<std::uint8_t, 16> piece;
  const Result<std::size_t> got = co_await (*stream)->read(piece);
  co_return got ? "read" : got.error().message();
}

TEST_F(FilesTest, WrongPurposesAndArgumentsResetTheirStreamOnly) {
  session::StreamOpen open;
  open.purpose = "tty";
  EXPECT_EQ(run_task(io, reason_of(pair.console(), open)), "file sessions have no stream 'tty'");
  open.purpose = "get";
  EXPECT_EQ(run_task(io, reason_of(pair.console(), open)), "get: document: expected an object");
  open.arguments = {{"path", 5}};
  EXPECT_EQ(run_task(io, reason_of(pair.console(), open)), "get: path: expected a string");
  EXPECT_TRUE(run_task(io, files::stat(pair.console(), "~")));
}

Task<> two_at_once(session::Session& session, fs::path here) {
  files::PutRequest one;
  one.from = (here / "one").string();
  one.to = "~";
  files::PutRequest two;
  two.from = (here / "two").string();
  two.to = "~";
  const auto [first, second] =
      co_await (files::put(session, one, nullptr) && files::put(session, two, nullptr));
  EXPECT_TRUE(first && second);
}

TEST_F(FilesTest, TransfersRunBesideEachOther) {
  put_text(here / "one", std::string(3'000'000, '1'));
  put_text(here / "two", std::string(3'000'000, '2'));
  run_task(io, two_at_once(pair.console(), here));
  EXPECT_EQ(text_of(home / "one"), std::string(3'000'000, '1'));
  EXPECT_EQ(text_of(home / "two"), std::string(3'000'000, '2'));
}

}  // namespace
}  // namespace jump::agent
