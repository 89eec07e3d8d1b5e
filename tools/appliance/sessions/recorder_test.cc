#include "tools/appliance/sessions/recorder.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "common/identity/sha256.h"
#include "tests/support/temp_folder.h"

namespace jump::appliance {
namespace {

using mux::Side;

class RecorderTest : public testing::Test {
 protected:
  std::unique_ptr<Recorder> open(control::SessionKind kind, bool best_effort = false) {
    RecordingHeader header;
    header.kind = kind;
    header.terminal = kind == control::SessionKind::shell;
    header.title = "switch-1 by admin";
    header.best_effort = best_effort;
    std::unique_ptr<Recorder> recorder = Recorder::open(path, header).value();
    recorder->set_listener(
        [this](Side from, const json::value& message) { heard.emplace_back(from, message); });
    return recorder;
  }
  static Bytes framed(const std::string& text) {
    Bytes bytes(2 + text.size());
    put_u16(bytes.data(), static_cast<std::uint16_t>(text.size()));
    std::copy(text.begin(), text.end(), bytes.begin() + 2);
    return bytes;
  }
  std::string content() const {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  test::TempFolder folder;
  std::string path = folder / "session";
  std::vector<std::pair<Side, json::value>> heard;
};

const std::string kAnswer =
    R"({"kind":"prompt_answer","body":{"id":3,"cancelled":false,"answers":["aHVudGVyMg"]}})";

TEST_F(RecorderTest, NeverKeepsWhatWasAnsweredToAPrompt) {
  for (const auto kind : {control::SessionKind::exec, control::SessionKind::shell}) {
    heard.clear();
    std::filesystem::remove(path);
    std::unique_ptr<Recorder> recorder = open(kind);
    const Bytes bytes = framed(kAnswer);
    // One byte after the other: a part of it must not stand there either.
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      ASSERT_TRUE(recorder->on_data(Side::console, 0, i, ByteView(bytes).subspan(i, 1)));
    }
    EXPECT_EQ(content().find("aHVud"), std::string::npos) << content();
    EXPECT_EQ(content().find(to_base64url(as_bytes("answers"))), std::string::npos);
    EXPECT_EQ(content().find("YW5zd2"), std::string::npos) << content();
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_EQ(heard[0].second.at("body").at("id").as_int64(), 3);
  }
  EXPECT_EQ(content().find("prompt_answer"), std::string::npos);  // a shell's: sizes and the exit only
}

TEST_F(RecorderTest, FindsTheNextMessageAfterARestartInTheMiddleOfOne) {
  Bytes bytes = framed(kAnswer);
  const Bytes next = framed(R"({"kind":"hangup","body":{}})");
  const std::size_t whole = bytes.size();
  bytes.insert(bytes.end(), next.begin(), next.end());
  for (std::size_t cut = 1; cut < whole; ++cut) {
    std::filesystem::remove(path);
    ASSERT_TRUE(open(control::SessionKind::exec)->on_data(Side::console, 0, 0, ByteView(bytes).first(cut)));
    heard.clear();
    std::unique_ptr<Recorder> again = open(control::SessionKind::exec);
    // What the ends send again may begin lower.
    const std::size_t from = cut / 2;
    ASSERT_TRUE(again->on_data(Side::console, 0, from, ByteView(bytes).subspan(from, whole + 3 - from)));
    ASSERT_TRUE(again->on_data(Side::console, 0, whole + 3, ByteView(bytes).subspan(whole + 3)));
    ASSERT_FALSE(heard.empty()) << cut;
    EXPECT_EQ(heard.back().second.at("kind").as_string(), "hangup") << cut;
    EXPECT_EQ(content().find("aHVud"), std::string::npos) << cut;
  }
}

TEST_F(RecorderTest, CountsAndDigestsTheOutputThatIsNotKept) {
  std::unique_ptr<Recorder> recorder = open(control::SessionKind::exec);
  const Bytes part(1u << 20, 'x');
  identity::Sha256 expected;
  for (std::uint64_t n = 0; n < 18; ++n) {
    ASSERT_TRUE(recorder->on_data(Side::endpoint, 2, n << 20, part));
    expected.update(part);
  }
  EXPECT_LT(recorder->size(), 17u << 20);
  ASSERT_TRUE(recorder->on_data(Side::endpoint, 0, 0, framed(R"({"kind":"exit","body":{"status":0}})")));
  const std::string all = content();
  const std::string line = R"({"stream":2,"bytes":18874368,"sha256":")" + to_hex(expected.finish()) + "\"}\n";
  EXPECT_NE(all.find(line), std::string::npos) << all.substr(all.size() - 400);
}

TEST_F(RecorderTest, GoesOnWithoutAFileWhereBestEffortIsEnough) {
  path = folder / "no/such/folder";
  std::unique_ptr<Recorder> recorder = open(control::SessionKind::exec, true);
  EXPECT_TRUE(recorder->on_data(Side::endpoint, 2, 0, Bytes(100, 'x')));
  EXPECT_TRUE(recorder->on_data(Side::console, 0, 0, framed(kAnswer)));
  EXPECT_EQ(heard.size(), 1u);
  EXPECT_FALSE(recorder->trouble().empty());
  RecordingHeader header;
  EXPECT_FALSE(Recorder::open(path, header));
}

TEST_F(RecorderTest, MarksWhatCouldNotBeWritten) {
  std::unique_ptr<Recorder> recorder = open(control::SessionKind::shell, true);
  ASSERT_TRUE(recorder->on_data(Side::endpoint, 2, 0, to_bytes("before")));
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{recorder->size(), limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  EXPECT_TRUE(recorder->on_data(Side::endpoint, 2, 6, to_bytes("lost")));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, old);
  EXPECT_TRUE(recorder->on_data(Side::endpoint, 2, 10, to_bytes("after")));
  const std::string all = content();
  EXPECT_NE(all.find("# missing 4 bytes that could not be written\n"), std::string::npos) << all;
  EXPECT_NE(all.find("after"), std::string::npos);
  EXPECT_EQ(all.find("lost"), std::string::npos);
}

}  // namespace
}  // namespace jump::appliance
