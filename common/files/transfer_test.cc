#include "common/files/transfer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>

#include "common/files/names.h"
#include "tests/support/memory_session.h"
#include "tests/support/run_task.h"
#include "tests/support/temp_folder.h"

namespace jump::files {
namespace {

namespace fs = std::filesystem;
using namespace asio::experimental::awaitable_operators;

void put(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string noise(std::size_t size, unsigned seed = 1) {
  std::minstd_rand random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

void set_time(const fs::path& path, std::int64_t seconds, bool link = false) {
  const timespec times[2] = {{0, UTIME_OMIT}, {seconds, 123456789}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, link ? AT_SYMLINK_NOFOLLOW : 0), 0);
}

struct stat look(const fs::path& path) {
  struct stat info{};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    names.push_back(fs::relative(entry.path(), folder).string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct Both {
  Result<TransferResult> sent = Error(Fault::internal, "not run");
  Result<TransferResult> received = Error(Fault::internal, "not run");
};

Task<Result<TransferResult>> send_then_drop(std::unique_ptr<session::Stream> stream, Source& source,
                                            SendOptions options, ProgressSink progress) {
  co_return co_await send_tree(*stream, source, options, std::move(progress));
}
Task<Result<TransferResult>> receive_then_drop(std::unique_ptr<session::Stream> stream,
                                               Destination destination, ReceiveOptions options,
                                               ProgressSink progress) {
  co_return co_await receive_tree(*stream, std::move(destination), options, std::move(progress));
}

Task<Both> run_both(Task<Result<TransferResult>> sending, Task<Result<TransferResult>> receiving) {
  auto [sent, received] = co_await (std::move(sending) && std::move(receiving));
  Both both;
  both.sent = std::move(sent);
  both.received = std::move(received);
  co_return both;
}

struct TransferTest : testing::Test {
  asio::io_context io{1};
  test::TempFolder folder;
  fs::path from = folder.path() / "from";
  fs::path to = folder.path() / "to";
  SendOptions send_options;
  ReceiveOptions receive_options;
  ProgressSink send_progress;
  ProgressSink receive_progress;

  TransferTest() {
    fs::create_directories(from);
    fs::create_directories(to);
  }

  Both transfer(const std::string& source_path, Destination destination) {
    Result<Source> source = open_source(source_path);
    if (!source) {
      Both both;
      both.sent = source.error();
      return both;
    }
    test::MemorySessionPair pair(io.get_executor());
    std::unique_ptr<session::Stream> out = *pair.console().open_stream();
    std::unique_ptr<session::Stream> in = *pair.endpoint().adopt_stream(out->number());
    return test::run_task(io, run_both(send_then_drop(std::move(out), *source, send_options, send_progress),
                                       receive_then_drop(std::move(in), std::move(destination),
                                                         receive_options, receive_progress)));
  }
  Both transfer(const fs::path& source_path, const fs::path& path, std::string name = {}) {
    Destination destination;
    destination.path = path.string();
    destination.name = std::move(name);
    return transfer(source_path.string(), std::move(destination));
  }
};

#define EXPECT_DONE(both)                                            \
  EXPECT_TRUE((both).sent) << (both).sent.error().message();         \
  EXPECT_TRUE((both).received) << (both).received.error().message(); \
  ASSERT_TRUE((both).sent && (both).received)

TEST_F(TransferTest, OneFileArrivesWithModeAndTimeUnderItsNameOrANewOne) {
  put(from / "report.txt", "hello");
  ::chmod((from / "report.txt").c_str(), 04751);
  set_time(from / "report.txt", 1'000'000'000);
  Both both = transfer(from / "report.txt", to);
  EXPECT_DONE(both);
  EXPECT_EQ(both.sent->files, 1u);
  EXPECT_EQ(both.sent->bytes, 5u);
  EXPECT_EQ(both.sent->digest, both.received->digest);
  EXPECT_EQ(text_of(to / "report.txt"), "hello");
  EXPECT_EQ(look(to / "report.txt").st_mode & 07777, 0751u) << "rights beyond 0777 do not travel";
  EXPECT_EQ(look(to / "report.txt").st_mtim.tv_sec, 1'000'000'000);
  EXPECT_EQ(look(to / "report.txt").st_mtim.tv_nsec, 123456789);

  both = transfer(from / "report.txt", to / "other.txt");
  EXPECT_DONE(both);
  EXPECT_EQ(names_in(to), (std::vector<std::string>{"other.txt", "report.txt"}))
      << "nothing else may be left";
}

TEST_F(TransferTest, AnEmptyFileIsAFile) {
  put(from / "empty", "");
  const Both both = transfer(from / "empty", to);
  EXPECT_DONE(both);
  EXPECT_EQ(fs::file_size(to / "empty"), 0u);
}

TEST_F(TransferTest, ATreeArrivesWithLinksModesAndTimes) {
  put(from / "site/index.html", "<html>");
  put(from / "site/css/deep/a.css", noise(300'000));
  put(from / "site/é漢 with blanks", "x");
  fs::create_directories(from / "site/empty");
  fs::create_symlink("../../outside", from / "site/css/link");
  fs::create_symlink("/etc/passwd", from / "site/absolute");
  ::chmod((from / "site/css").c_str(), 0555);
  set_time(from / "site/absolute", 777, true);
  set_time(from / "site/css", 888);
  set_time(from / "site/empty", 889);
  std::vector<std::string> seen;
  send_progress = [&](const Progress& p) {
    if (seen.empty() || seen.back() != p.path) seen.push_back(p.path);
    EXPECT_EQ(p.entries_total, 9u);
    EXPECT_LE(p.bytes, p.bytes_total);
  };
  const Both both = transfer(from / "site", to);
  ::chmod((from / "site/css").c_str(), 0755);
  EXPECT_DONE(both);
  EXPECT_EQ(both.sent->entries, 9u);
  EXPECT_EQ(both.sent->skipped_count, 0u);
  EXPECT_EQ(names_in(to / "site"), names_in(from / "site"));
  EXPECT_EQ(text_of(to / "site/css/deep/a.css"), noise(300'000));
  EXPECT_EQ(fs::read_symlink(to / "site/css/link"), "../../outside");
  EXPECT_EQ(fs::read_symlink(to / "site/absolute"), "/etc/passwd");
  EXPECT_EQ(look(to / "site/absolute").st_mtim.tv_sec, 777);
  EXPECT_EQ(look(to / "site/css").st_mode & 07777, 0555u);
  EXPECT_EQ(look(to / "site/css").st_mtim.tv_sec, 888);
  EXPECT_EQ(look(to / "site/empty").st_mtim.tv_sec, 889);
  EXPECT_FALSE(seen.empty());
  ::chmod((to / "site/css").c_str(), 0755);
}

TEST_F(TransferTest, ASecondTimeReplacesWhatChanged) {
  put(from / "t/a", "one");
  put(from / "t/b", "two");
  fs::create_symlink("a", from / "t/l");
  EXPECT_DONE(transfer(from / "t", to));
  put(from / "t/a", "changed");
  fs::remove(from / "t/l");
  fs::create_symlink("b", from / "t/l");
  const Both both = transfer(from / "t", to);
  EXPECT_DONE(both);
  EXPECT_EQ(both.sent->skipped_count, 0u);
  EXPECT_EQ(text_of(to / "t/a"), "changed");
  EXPECT_EQ(fs::read_symlink(to / "t/l"), "b");
}

TEST_F(TransferTest, WhatCannotTravelIsSaidAndTheRestArrives) {
  put(from / "t/good", "x");
  put(from / "t/in the way", "x");
  ASSERT_EQ(::mkfifo((from / "t/pipe").c_str(), 0600), 0);
  put(from / "t/bad\nname", "x");
  put(from / ("t/not utf8 \xff"), "x");
  fs::create_directories(to / "t/in the way");
  const Both both = transfer(from / "t", to);
  EXPECT_DONE(both);
  EXPECT_EQ(both.sent->files, 1u);
  EXPECT_EQ(both.sent->skipped_count, 4u);
  ASSERT_EQ(both.sent->remarks.size(), 4u);
  std::string all;
  for (const Skip& skip : both.sent->remarks) all += skip.path + ": " + skip.reason + "\n";
  EXPECT_NE(all.find("bad\\x0aname: name 'bad\\x0aname' contains a control character\n"), std::string::npos)
      << all;
  EXPECT_NE(all.find("in the way: t/in the way is a folder\n"), std::string::npos) << all;
  EXPECT_NE(all.find("not utf8 \\xff: name 'not utf8 \\xff' is not UTF-8\n"), std::string::npos) << all;
  EXPECT_NE(all.find("pipe: neither file, folder nor link\n"), std::string::npos) << all;
  EXPECT_EQ(names_in(to), (std::vector<std::string>{"t", "t/good", "t/in the way"}));
}

TEST_F(TransferTest, AFolderWhereAFileStandsIsDroppedWithItsContent) {
  put(from / "t/d/inner", "x");
  put(from / "t/d/e/f", "x");
  put(from / "t/z", "x");
  put(to / "t/d", "a file");
  const Both both = transfer(from / "t", to);
  EXPECT_DONE(both);
  EXPECT_EQ(both.sent->skipped_count, 4u);
  EXPECT_EQ(text_of(to / "t/d"), "a file");
  EXPECT_EQ(text_of(to / "t/z"), "x");
}

TEST_F(TransferTest, ALinkAtTheTargetIsReplacedAndNeverWrittenThrough) {
  put(from / "t/a", "new");
  put(from / "t/d/b", "new");
  put(folder.path() / "outside/victim", "old");
  fs::create_directories(to / "t");
  fs::create_symlink("../../outside/victim", to / "t/a");
  fs::create_symlink("../../outside", to / "t/d");
  const Both both = transfer(from / "t", to);
  EXPECT_DONE(both);
  EXPECT_EQ(text_of(folder.path() / "outside/victim"), "old");
  EXPECT_FALSE(fs::exists(folder.path() / "outside/b"));
  EXPECT_FALSE(fs::is_symlink(to / "t/a"));
  EXPECT_EQ(text_of(to / "t/a"), "new");
  EXPECT_TRUE(fs::is_symlink(to / "t/d"));
  EXPECT_EQ(both.sent->skipped_count, 2u);
}

TEST_F(TransferTest, TheRootsFailuresAreErrorsAndNotRemarks) {
  EXPECT_EQ(transfer(from / "none", to).sent.error().message(), (from / "none").string() + " does not exist");
  put(from / "a", "x");
  Both both = transfer(from / "a", to / "no/such/folder");
  EXPECT_FALSE(both.sent);
  EXPECT_EQ(both.sent.error().message(), both.received.error().message())
      << "the sender hears the receiver's reason";
  both = transfer(from / "a", to.string() + "/newfolder/");
  EXPECT_EQ(both.sent.error().message(), "folder " + to.string() + "/newfolder/ does not exist");
  fs::create_directories(to / "a");
  both = transfer(from / "a", to);
  EXPECT_EQ(both.sent.error().message(), "receive a: a is a folder");
}

TEST_F(TransferTest, AFolderIsRefusedWhereOnlyAFileWasAskedFor) {
  fs::create_directories(from / "d");
  send_options.recursive = false;
  EXPECT_EQ(transfer(from / "d", to).received.error().message(),
            "d is a folder, and folders were not asked for");
  send_options.recursive = true;
  receive_options.recursive = false;
  EXPECT_EQ(transfer(from / "d", to).sent.error().message(), "a folder was sent where a file is meant");
  EXPECT_EQ(names_in(to).size(), 0u);
}

TEST_F(TransferTest, TheReceiversOwnNameWinsAndAHiddenOneIsNotTakenFromTheSender) {
  put(from / ".bashrc", "evil");
  Both both = transfer(from / ".bashrc", to);
  EXPECT_EQ(both.sent.error().message(), "the sender names it '.bashrc': name the target yourself");
  both = transfer(from / ".bashrc", to, "report.txt");
  EXPECT_DONE(both);
  EXPECT_EQ(names_in(to), std::vector<std::string>{"report.txt"});
}

// --- resume
// ------------------------------------------------------------------------------------------------------

struct ResumeTest : TransferTest {
  static constexpr std::size_t kSize = 5'000'000;
  std::string content = noise(kSize);
  fs::path big = from / "big.iso";
  std::string part;

  ResumeTest() {
    put(big, content);
    set_time(big, 1'234'567'890);
    part = partial_name("big.iso", kSize, 1'234'567'890, 123456789);
  }
};

TEST_F(ResumeTest, GoesOnWhereTheLastOneBroke) {
  put(to / part, content.substr(0, 3'000'000));
  const Both both = transfer(big, to);
  EXPECT_DONE(both);
  EXPECT_EQ(both.sent->resumed, 3'000'000u);
  EXPECT_TRUE(text_of(to / "big.iso") == content);
  EXPECT_EQ(names_in(to), std::vector<std::string>{"big.iso"});
}

TEST_F(ResumeTest, APartWithOtherContentIsNotBelieved) {
  std::string wrong = content.substr(0, 3'000'000);
  wrong[1'000'000] ^= 1;
  put(to / part, wrong);
  const Both both = transfer(big, to);
  EXPECT_DONE(both);
  EXPECT_EQ(both.sent->resumed, 0u);
  EXPECT_TRUE(text_of(to / "big.iso") == content);
}

TEST_F(ResumeTest, APartThatIsTooLongOrALinkOrOfTwoNamesIsNotUsed) {
  put(to / part, content + "more");
  EXPECT_DONE(transfer(big, to));
  EXPECT_TRUE(text_of(to / "big.iso") == content);
  fs::remove(to / "big.iso");

  put(folder.path() / "victim", "old");
  fs::create_symlink("../victim", to / part);
  EXPECT_DONE(transfer(big, to));
  EXPECT_TRUE(text_of(to / "big.iso") == content);
  EXPECT_EQ(text_of(folder.path() / "victim"), "old");
  fs::remove(to / part);
  fs::remove(to / "big.iso");

  fs::create_hard_link(folder.path() / "victim", to / part);
  EXPECT_DONE(transfer(big, to));
  EXPECT_TRUE(text_of(to / "big.iso") == content);
  EXPECT_EQ(text_of(folder.path() / "victim"), "old");
}

TEST_F(ResumeTest, WhatIsCompleteIsNotSentAgain) {
  EXPECT_DONE(transfer(big, to));
  const ino_t inode = look(to / "big.iso").st_ino;
  Both both = transfer(big, to);
  EXPECT_DONE(both);
  EXPECT_EQ(both.sent->resumed, kSize);
  EXPECT_EQ(look(to / "big.iso").st_ino, inode);
  // The same size and time, and yet another content.
  std::string other = content;
  other.back() ^= 1;
  put(big, other);
  set_time(big, 1'234'567'890);
  both = transfer(big, to);
  EXPECT_DONE(both);
  EXPECT_EQ(both.sent->resumed, 0u);
  EXPECT_TRUE(text_of(to / "big.iso") == other);
}

TEST_F(ResumeTest, ACutKeepsWhatArrivedAndTheTargetStaysAsItWas) {
  put(to / "big.iso", "the old one");
  test::MemorySessionPair pair(io.get_executor());
  receive_progress = [&](const Progress& p) {
    if (p.bytes >= 2'000'000) pair.close("the wait limit is over");
  };
  Source source = *open_source(big.string());
  Destination destination;
  destination.path = to.string();
  std::unique_ptr<session::Stream> out = *pair.console().open_stream();
  std::unique_ptr<session::Stream> in = *pair.endpoint().adopt_stream(out->number());
  const Both cut = test::run_task(
      io, run_both(send_then_drop(std::move(out), source, send_options, nullptr),
                   receive_then_drop(std::move(in), destination, receive_options, receive_progress)));
  EXPECT_EQ(cut.sent.error().message(), "the wait limit is over");
  EXPECT_EQ(cut.received.error().message(), "the wait limit is over");
  EXPECT_EQ(text_of(to / "big.iso"), "the old one");
  EXPECT_EQ(names_in(to), (std::vector<std::string>{part, "big.iso"}));
  receive_progress = nullptr;
  const Both both = transfer(big, to);
  EXPECT_DONE(both);
  EXPECT_GE(both.sent->resumed, 2'000'000u);
  EXPECT_TRUE(text_of(to / "big.iso") == content);
  EXPECT_EQ(names_in(to), std::vector<std::string>{"big.iso"});
}

TEST_F(ResumeTest, TheEndOfASmallFileLeavesNothing) {
  put(from / "small", noise(200'000));
  test::MemorySessionPair pair(io.get_executor());
  receive_progress = [&](const Progress& p) {
    if (p.bytes >= 100'000) pair.close("cut");
  };
  Source source = *open_source((from / "small").string());
  Destination destination;
  destination.path = to.string();
  std::unique_ptr<session::Stream> out = *pair.console().open_stream();
  std::unique_ptr<session::Stream> in = *pair.endpoint().adopt_stream(out->number());
  const Both cut = test::run_task(
      io, run_both(send_then_drop(std::move(out), source, send_options, nullptr),
                   receive_then_drop(std::move(in), destination, receive_options, receive_progress)));
  EXPECT_FALSE(cut.received);
  EXPECT_EQ(names_in(to).size(), 0u);
}

TEST_F(ResumeTest, APartOfALivingTransferIsCopiedAndNotShared) {
  put(to / part, content.substr(0, 2'000'000));
  platform::Folder target = *platform::Folder::open(to.string());
  platform::File alive = *target.open_own_file(part);
  ASSERT_TRUE(alive.try_lock());
  const Both both = transfer(big, to);
  EXPECT_DONE(both);
  EXPECT_EQ(both.sent->resumed, 2'000'000u);
  EXPECT_TRUE(text_of(to / "big.iso") == content);
  EXPECT_EQ(text_of(to / part).size(), 2'000'000u) << "the other one's file was touched";
}

TEST_F(ResumeTest, PartsOfOlderVersionsGoWithTheNewOne) {
  put(to / partial_name("big.iso", 4'000'000, 5, 6), "old part");
  put(to / partial_name("another.iso", 4'000'000, 5, 6), "not ours");
  EXPECT_DONE(transfer(big, to));
  EXPECT_EQ(names_in(to).size(), 2u);
  EXPECT_FALSE(fs::exists(to / partial_name("big.iso", 4'000'000, 5, 6)));
}

TEST_F(ResumeTest, AFileThatShrinksMeanwhileIsAbandonedAndOneThatChangesIsNamed) {
  send_options.resume = false;
  bool done = false;
  send_progress = [&](const Progress& p) {
    if (p.bytes < 1'000'000 || done) return;
    done = true;
    fs::resize_file(big, 1'500'000);
  };
  fs::create_directories(from / "t");
  fs::rename(big, from / "t/big.iso");
  big = from / "t/big.iso";
  Both both = transfer(from / "t", to);
  EXPECT_DONE(both);
  EXPECT_EQ(both.sent->files, 0u);
  ASSERT_EQ(both.sent->remarks.size(), 1u);
  EXPECT_EQ(both.sent->remarks[0].reason, "it became shorter while it was read");
  EXPECT_EQ(names_in(to), std::vector<std::string>{"t"});

  put(big, content);
  done = false;
  send_progress = [&](const Progress& p) {
    if (p.bytes < 1'000'000 || done) return;
    done = true;
    std::ofstream(big, std::ios::app) << "a new line";
  };
  both = transfer(from / "t", to);
  EXPECT_DONE(both);
  EXPECT_EQ(both.sent->files, 1u);
  EXPECT_EQ(fs::file_size(to / "t/big.iso"), kSize);
  ASSERT_EQ(both.sent->remarks.size(), 1u);
  EXPECT_EQ(both.sent->remarks[0].reason, "copied, but changed while it was read");
}

TEST_F(ResumeTest, AFullDiskIsSaidAndWhatArrivedIsKept) {
  if (::geteuid() != 0 ||
      std::system(("mount -t tmpfs -o size=2m tmpfs " + to.string() + " 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << "NOT TESTED: a full disk needs the right to mount a small one";
  }
  const Both both = transfer(big, to);
  const std::uintmax_t kept = fs::exists(to / part) ? fs::file_size(to / part) : 0;
  EXPECT_EQ(std::system(("mount -o remount,size=20m " + to.string()).c_str()), 0);
  const Both again = transfer(big, to);
  const bool whole = text_of(to / "big.iso") == content;
  EXPECT_EQ(std::system(("umount " + to.string()).c_str()), 0);
  ASSERT_FALSE(both.sent);
  EXPECT_EQ(both.sent.error().message(), both.received.error().message());
  EXPECT_NE(both.sent.error().message().find("No space left on device; the "), std::string::npos)
      << both.sent.error().message();
  EXPECT_GT(kept, 1'000'000u);
  EXPECT_DONE(again);
  EXPECT_EQ(again.sent->resumed, kept);
  EXPECT_TRUE(whole);
}

}  // namespace
}  // namespace jump::files
