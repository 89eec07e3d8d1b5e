// A sender that does not keep to FORMAT.md, against the receiver.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>

#include "common/files/record.h"
#include "common/files/transfer.h"
#include "common/files/tree_digest.h"
#include "tests/support/memory_session.h"
#include "tests/support/run_task.h"
#include "tests/support/temp_folder.h"

namespace jump::files {
namespace {

namespace fs = std::filesystem;
using namespace asio::experimental::awaitable_operators;

// Records to be sent as they are.
struct Script {
  std::vector<std::pair<RecordType, std::string>> records;

  template <typename T>
  Script& add(RecordType type, const T& body) {
    records.emplace_back(type, to_json_text(body));
    return *this;
  }
  Script& begin(const std::string& name = "root") {
    Begin begin;
    begin.name = name;
    return add(RecordType::begin, begin);
  }
  Script& entry(const std::string& path, Kind kind, std::uint64_t size = 0, const std::string& target = {}) {
    Entry entry;
    entry.path = path;
    entry.kind = kind;
    entry.size = size;
    entry.mode = 0644;
    if (kind == Kind::folder) entry.mode = 0755;
    if (!target.empty()) entry.target = target;
    return add(RecordType::entry, entry);
  }
  Script& data(const std::string& bytes) {
    records.emplace_back(RecordType::data, bytes);
    return *this;
  }
  Script& trailer(const std::string& content) {
    Trailer trailer;
    trailer.digest = identity::sha256(as_bytes(content));
    return add(RecordType::trailer, trailer);
  }
  Script& file(const std::string& path, const std::string& content) {
    entry(path, Kind::file, content.size());
    if (!content.empty()) data(content);
    return trailer(content);
  }
  Script& finish() { return add(RecordType::finish, Finish()); }
};

Task<> send_script(std::unique_ptr<session::Stream> stream, Script script, std::string& told) {
  for (const auto& [type, payload] : script.records) {
    const Result<void> written = co_await write_record(*stream, type, as_bytes(payload));
    if (!written) break;
  }
  stream->end();
  std::array<std::uint8_t, 4096> piece;
  while (true) {
    const Result<std::size_t> got = co_await stream->read(piece);
    if (!got) told = got.error().message();
    if (!got || *got == 0) co_return;
    stream->taken(*got);
  }
}

Task<Result<TransferResult>> receive(std::unique_ptr<session::Stream> stream, Destination destination) {
  co_return co_await receive_tree(*stream, std::move(destination), ReceiveOptions(), nullptr);
}

Task<Result<TransferResult>> both(Task<> sending, Task<Result<TransferResult>> receiving) {
  co_return co_await (std::move(sending) && std::move(receiving));
}

struct HostileSender : testing::Test {
  asio::io_context io{1};
  test::TempFolder folder;
  fs::path to = folder.path() / "to";
  std::string told;

  HostileSender() { fs::create_directories(to); }

  // What the receiver says.
  std::string run(const Script& script) {
    test::MemorySessionPair pair(io.get_executor());
    std::unique_ptr<session::Stream> out = *pair.console().open_stream();
    std::unique_ptr<session::Stream> in = *pair.endpoint().adopt_stream(out->number());
    Destination destination;
    destination.path = to.string();
    told.clear();
    const Result<TransferResult> result = test::run_task(
        io, both(send_script(std::move(out), script, told), receive(std::move(in), destination)));
    if (!result) EXPECT_EQ(told, result.error().message()) << "the sender is told the same";
    return result ? "done" : result.error().message();
  }
  std::size_t names() const {
    return static_cast<std::size_t>(
        std::distance(fs::recursive_directory_iterator(folder.path()), fs::recursive_directory_iterator()));
  }
};

TEST_F(HostileSender, NoPathLeadsOutside) {
  for (const char* path : {"../evil", "/etc/evil", "a/../../evil", "..", "a//b", "a/", "x\ny", ""}) {
    Script script;
    script.begin().entry("", Kind::folder).entry("a", Kind::folder).file(path, "evil").finish();
    const std::string said = run(script);
    EXPECT_NE(said.find("name '"), std::string::npos) << printable(path) << ": " << said;
    EXPECT_FALSE(fs::exists(folder.path() / "evil"));
  }
  EXPECT_EQ(names(), 3u) << "to, to/root and to/root/a";
}

TEST_F(HostileSender, TheRootsNameIsCheckedToo) {
  for (const char* name : {"..", "/etc", "a/b", "", ".ssh", "x\x1b[31m"}) {
    Script script;
    script.begin(name).file("", "evil").finish();
    EXPECT_NE(run(script).find("the sender"), std::string::npos) << printable(name);
  }
  EXPECT_EQ(names(), 1u);
}

TEST_F(HostileSender, AFileBelowALinkThatWasJustSentGoesNowhere) {
  fs::create_directories(folder.path() / "outside");
  Script script;
  script.begin()
      .entry("", Kind::folder)
      .entry("l", Kind::link, 0, "../../outside")
      .file("l/evil", "evil")
      .finish();
  EXPECT_EQ(run(script), "entry 'l/evil' lies in no folder that was sent");
  Script again;  // and as a folder on top of the link
  again.begin().entry("", Kind::folder).entry("l", Kind::folder).file("l/evil", "evil").finish();
  run(again);
  EXPECT_FALSE(fs::exists(folder.path() / "outside/evil"));
  // The link stands; on a system that makes none, the folder does.
  EXPECT_TRUE(fs::is_symlink(to / "root/l") || fs::is_directory(to / "root/l"));
}

TEST_F(HostileSender, AFileThatWasSentIsNoFolder) {
  Script script;
  script.begin().entry("", Kind::folder).file("f", "x").file("f/g", "y").finish();
  EXPECT_EQ(run(script), "entry 'f/g' lies in no folder that was sent");
}

TEST_F(HostileSender, AFolderThatWasClosedStaysClosed) {
  Script script;
  script.begin()
      .entry("", Kind::folder)
      .entry("a", Kind::folder)
      .entry("b", Kind::folder)
      .file("a/x", "y")
      .finish();
  EXPECT_EQ(run(script), "entry 'a/x' lies in no folder that was sent");
}

TEST_F(HostileSender, ContentMustBeWhatWasAnnounced) {
  Script more;
  more.begin().entry("", Kind::file, 3).data("four").finish();
  EXPECT_EQ(run(more), "more data for root than the 3 bytes that were announced");
  Script less;
  less.begin().entry("", Kind::file, 5).data("four").trailer("four").finish();
  EXPECT_EQ(run(less), "the content of root is not what the sender read: 4 of 5 bytes, or another digest");
  Script other;
  other.begin().entry("", Kind::file, 4).data("four").trailer("FOUR").finish();
  EXPECT_EQ(run(other), "the content of root is not what the sender read: 4 of 4 bytes, or another digest");
  EXPECT_EQ(names(), 1u) << "nothing of it is kept";
}

TEST_F(HostileSender, TheWholeMustBeWhatWasSent) {
  Script script;
  script.begin().file("", "four").finish();  // a digest of zeros
  EXPECT_EQ(run(script), "what arrived is not what the sender sent: another digest of the whole");
}

TEST_F(HostileSender, RecordsComeInTheirOrder) {
  Script no_begin;
  no_begin.file("", "x");
  EXPECT_EQ(run(no_begin), "record entry where begin is meant");
  Script twice;
  twice.begin().begin();
  EXPECT_EQ(run(twice), "record begin between entries");
  Script data_first;
  data_first.begin().data("x");
  EXPECT_EQ(run(data_first), "record data between entries");
  Script nested;
  nested.begin().entry("", Kind::file, 1).entry("a", Kind::file, 1);
  EXPECT_EQ(run(nested), "record entry inside a file");
  Script no_root;
  no_root.begin().file("a", "x");
  EXPECT_EQ(run(no_root), "the first entry is not the root");
  Script cut;
  cut.begin().entry("", Kind::file, 1);
  EXPECT_EQ(run(cut), "the other end has ended the transfer");
  Script rubbish;
  rubbish.records.emplace_back(RecordType::begin, "{\"format\":1");
  EXPECT_NE(run(rubbish).find("begin: not JSON"), std::string::npos);
  Script newer;
  Begin begin;
  begin.format = 2;
  begin.name = "x";
  newer.add(RecordType::begin, begin);
  EXPECT_EQ(run(newer), "transfer format 2, this end knows 1");
}

TEST_F(HostileSender, AStartBeyondWhatIsHeldIsRefused) {
  Script script;
  script.begin();
  Entry entry;
  entry.size = 10;
  entry.ask = true;
  Start start;
  start.offset = 5;
  script.add(RecordType::entry, entry).add(RecordType::start, start);
  EXPECT_EQ(run(script), "the sender starts at 5, not at 0 or 0");
}

TEST_F(HostileSender, SizesAboveAllReasonCostNothing) {
  Script script;
  script.begin().entry("", Kind::file, ~std::uint64_t{0} >> 1).data("x");
  EXPECT_EQ(run(script), "the other end has ended the transfer");
  EXPECT_EQ(names(), 1u);
}

}  // namespace
}  // namespace jump::files
