#include "common/files/record.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "common/files/names.h"
#include "common/files/requests.h"
#include "tests/support/memory_session.h"
#include "tests/support/run_task.h"

namespace jump::files {
namespace {

TEST(Record, HeaderIsTypeAndBigEndianLength) {
  RecordHeader header;
  header.type = RecordType::data;
  header.length = 0x00010203;
  EXPECT_EQ(encode_header(header), (std::array<std::uint8_t, 5>{5, 0, 1, 2, 3}));
  const Result<RecordHeader> back = decode_header(encode_header(header));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->type, RecordType::data);
  EXPECT_EQ(back->length, 0x00010203u);
}

TEST(Record, RefusesUnknownTypesAndLengthsAboveTheLimit) {
  EXPECT_TRUE(decode_header(std::array<std::uint8_t, 5>{0, 0, 0, 0, 0}).error().is(Fault::malformed));
  EXPECT_TRUE(decode_header(std::array<std::uint8_t, 5>{11, 0, 0, 0, 0}).error().is(Fault::malformed));
  EXPECT_TRUE(decode_header(std::array<std::uint8_t, 5>{5, 0, 4, 0, 0}));
  EXPECT_EQ(decode_header(std::array<std::uint8_t, 5>{5, 0, 4, 0, 1}).error().message(),
            "record data of 262145 bytes, at most 262144");
  EXPECT_TRUE(decode_header(std::array<std::uint8_t, 5>{2, 0, 16, 0, 0}));
  EXPECT_FALSE(decode_header(std::array<std::uint8_t, 5>{2, 0, 16, 0, 1}));
}

TEST(Record, JsonOfTheSpecification) {
  Entry entry;
  entry.path = "css/a.css";
  entry.mode = 420;
  entry.size = 812;
  entry.seconds = 1763757900;
  entry.ask = true;
  EXPECT_EQ(
      to_json_text(entry),
      R"({"path":"css/a.css","kind":"file","mode":420,"size":812,"seconds":1763757900,"nanoseconds":0,"ask":true})");
  Skip skip;
  skip.path = "a";
  skip.reason = "b";
  TransferResult result;
  result.remarks.push_back(skip);
  EXPECT_EQ(to_json_text(result), R"({"entries":0,"files":0,"bytes":0,"resumed":0,"digest":")" +
                                      std::string(64, '0') +
                                      R"(","skipped_count":0,"remarks":[{"path":"a","reason":"b"}]})");
}

struct ReaderTest : testing::Test {
  asio::io_context io{1};
  test::MemorySessionPair pair{io.get_executor()};
  std::unique_ptr<session::Stream> writer = *pair.console().open_stream();
  std::unique_ptr<session::Stream> other = *pair.endpoint().adopt_stream(writer->number());
  RecordReader reader{*other};

  void write(ByteView bytes, bool end = true) {
    ASSERT_TRUE(test::run_task(io, writer->write(bytes)));
    if (end) writer->end();
  }
};

TEST_F(ReaderTest, EveryTruncationIsAnErrorAndNoHang) {
  Start start;
  start.offset = 77;
  const std::string text = to_json_text(start);
  RecordHeader header;
  header.type = RecordType::start;
  header.length = static_cast<std::uint32_t>(text.size());
  const std::array<std::uint8_t, kHeaderBytes> head = encode_header(header);
  Bytes whole(head.begin(), head.end());
  whole.insert(whole.end(), text.begin(), text.end());
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    test::MemorySessionPair ends(io.get_executor());
    const std::unique_ptr<session::Stream> from = *ends.console().open_stream();
    const std::unique_ptr<session::Stream> to = *ends.endpoint().adopt_stream(from->number());
    ASSERT_TRUE(test::run_task(io, from->write(ByteView(whole).first(cut))));
    from->end();
    RecordReader one(*to);
    const Result<Start> got = test::run_task(io, one.expect<Start>(RecordType::start));
    EXPECT_EQ(got.has_value(), cut == whole.size()) << cut;
    if (!got)
      EXPECT_TRUE(got.error().is(cut == 0 ? Fault::closed : Fault::malformed)) << got.error().message();
  }
}

TEST_F(ReaderTest, AnotherRecordThanIsMeantIsNamed) {
  RecordHeader header;
  header.type = RecordType::finish;
  write(encode_header(header));
  EXPECT_EQ(test::run_task(io, reader.expect<Start>(RecordType::start)).error().message(),
            "record finish where start is meant");
}

TEST(Names, WhatLeadsElsewhereOrDeceivesIsRefused) {
  for (const char* name :
       {"", ".", "..", "a/b", "/", "a\nb", "a\x1b[2J", "\x7f", "\xc2\x9b", "\xff", "a\xc0\xaf"}) {
    EXPECT_FALSE(check_name(name)) << printable(name);
  }
  EXPECT_FALSE(check_name(std::string_view("a\0b", 3)));
  EXPECT_FALSE(check_name(std::string(256, 'x')));
  for (const char* name : {"a", "...", "..a", "-rf", "~", "a b", "é漢", "\\", "C:"})
    EXPECT_TRUE(check_name(name)) << name;
  EXPECT_TRUE(check_name(std::string(255, 'x')));
}

TEST(Names, PathsAreCheckedNameByName) {
  for (const char* path : {"", "/a", "a/", "a//b", "../a", "a/../b", "a/..", "./a"})
    EXPECT_FALSE(check_path(path)) << path;
  EXPECT_TRUE(check_path("a/b/c"));
  std::string deep = "d";
  for (int i = 1; i < 128; ++i) deep += "/d";
  EXPECT_TRUE(check_path(deep));
  EXPECT_FALSE(check_path(deep + "/d"));
  std::string wide(255, 'w');
  while (wide.size() < 4000) wide += "/" + std::string(255, 'w');
  EXPECT_TRUE(check_path(wide));
  EXPECT_FALSE(check_path(wide + "/" + std::string(255, 'w')));
}

TEST(Names, TypedPathsBeginAtHome) {
  EXPECT_EQ(absolute("~", "/srv/alice"), "/srv/alice");
  EXPECT_EQ(absolute("~/x", "/srv/alice"), "/srv/alice/x");
  EXPECT_EQ(absolute("x/y", "/srv/alice"), "/srv/alice/x/y");
  EXPECT_EQ(absolute("/etc", "/srv/alice"), "/etc");
  EXPECT_EQ(absolute("~bob", "/srv/alice"), "/srv/alice/~bob");
  EXPECT_EQ(absolute("x", "/"), "/x");
}

TEST(Names, APartialFileIsNamedByNameAndVersion) {
  const std::string name = partial_name("big.iso", 1024, 5, 6);
  EXPECT_TRUE(name.starts_with(partial_prefix("big.iso")));
  EXPECT_TRUE(name.ends_with(".part"));
  EXPECT_EQ(name.size(), 6u + 16 + 1 + 16 + 5);
  EXPECT_NE(name, partial_name("big.iso", 1025, 5, 6));
  EXPECT_NE(name, partial_name("big.iso", 1024, 5, 7));
  EXPECT_NE(partial_prefix("a"), partial_prefix("b"));
}

}  // namespace
}  // namespace jump::files
