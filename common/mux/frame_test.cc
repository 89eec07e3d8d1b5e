#include "common/mux/frame.h"

#include <gtest/gtest.h>

#include <functional>

namespace jump::mux {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> counted(std::uint8_t from) {
  std::array<std::uint8_t, N> array;
  for (std::uint8_t& byte : array) byte = from++;
  return array;
}

Bytes data_frame(std::uint32_t slot, std::uint32_t stream, std::uint64_t offset, std::string_view text,
                 std::uint8_t flags = 0) {
  const auto header = encode_data_header(slot, stream, offset, text.size(), flags);
  Bytes frame(header.begin(), header.end());
  frame.insert(frame.end(), text.begin(), text.end());
  return frame;
}

// One frame of each kind: its bytes as PROTOCOL.md shows them, and whether its body decodes.
struct Sample {
  std::string name;
  Bytes frame;
  std::string hex;
  std::function<bool(ByteView)> decodes;
  bool open_ended = false;  // ends with text or data: longer is legal
};

std::vector<Sample> samples() {
  const auto notice = [](ByteView b) { return decode_notice(b).has_value(); };
  const Resumed resumed{7, 4, 3, {{0, 9, 8, false}, {3, 0x10000, 2, true}}};
  return {
      {"ping", encode_ping(Kind::ping, {0x0102030405060708}),
       "0400001000000000"
       "0102030405060708",
       [](ByteView b) { return decode_ping(b).has_value(); }},
      {"pong", encode_ping(Kind::pong, {1}),
       "0500001000000000"
       "0000000000000001",
       [](ByteView b) { return decode_ping(b).has_value(); }},
      {"go-away", encode_go_away({GoAway::overloaded, 5000, "busy"}),
       "0600001200000000"
       "0002"
       "00001388"
       "62757379",
       [](ByteView b) { return decode_go_away(b).has_value(); }, true},
      {"attach", encode_attach(5, {counted<16>(0x10), counted<32>(0x20), counted<16>(0x40), 3}),
       "0800005000000005"
       "101112131415161718191a1b1c1d1e1f"
       "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
       "404142434445464748494a4b4c4d4e4f"
       "0000000000000003",
       [](ByteView b) { return decode_attach(b).has_value(); }},
      {"attached", encode_attached(5, {600}),
       "0900000c00000005"
       "00000258",
       [](ByteView b) { return decode_attached(b).has_value(); }},
      {"refused", encode_notice(Kind::refused, 5, {Reason::not_found, "no"}),
       "0a00000c00000005"
       "0007"
       "6e6f",
       notice, true},
      {"detached", encode_notice(Kind::detached, 5, {Reason::link_lost, ""}),
       "0b00000a00000005"
       "0008",
       notice, true},
      {"resume", encode_resume(5, {7, counted<16>(0x40)}),
       "0c00001c00000005"
       "00000007"
       "404142434445464748494a4b4c4d4e4f",
       [](ByteView b) { return decode_resume(b).has_value(); }},
      {"resumed", encode_resumed(5, resumed),
       "0d00003c00000005"
       "00000007"
       "00000004"
       "00000003"
       "00000000"
       "0000000000000009"
       "0000000000000008"
       "00000003"
       "8000000000010000"
       "0000000000000002",
       [](ByteView b) { return decode_resumed(b).has_value(); }},
      {"leave", encode_notice(Kind::leave, 5, {Reason::finished, "done"}),
       "0e00000e00000005"
       "0000"
       "646f6e65",
       notice, true},
      {"data", data_frame(5, 2, 0x100, "hi"),
       "1000001600000005"
       "00000002"
       "0000000000000100"
       "6869",
       [](ByteView b) { return decode_data(b).has_value(); }, true},
      {"data, held", data_frame(5, 2, 0, "h", kFlagHeld),
       "1001001500000005"
       "00000002"
       "0000000000000000"
       "68",
       [](ByteView b) { return decode_data(b).has_value(); }, true},
      {"window", encode_window(5, 2, {0x100, 0x40100}),
       "1100001c00000005"
       "00000002"
       "0000000000000100"
       "0000000000040100",
       [](ByteView b) { return decode_window(b).has_value(); }},
      {"end", encode_end(5, 2, 0x102),
       "1200001400000005"
       "00000002"
       "0000000000000102",
       [](ByteView b) { return decode_end(b).has_value(); }},
      {"reset", encode_reset(5, 2, {ResetCode::refused, "no"}),
       "1300001000000005"
       "00000002"
       "0002"
       "6e6f",
       [](ByteView b) { return decode_reset(b).has_value(); }, true},
  };
}

TEST(FrameCodec, WritesEachKindAsTheSpecSays) {
  for (const Sample& sample : samples()) {
    EXPECT_EQ(to_hex(sample.frame), sample.hex) << sample.name;
    const Header header = decode_header(sample.frame).value();
    EXPECT_EQ(header.length, sample.frame.size()) << sample.name;
    EXPECT_TRUE(sample.decodes(ByteView(sample.frame).subspan(kHeaderBytes))) << sample.name;
  }
}

TEST(FrameCodec, TextFramesAreAHeaderAndTheText) {
  EXPECT_EQ(to_hex(encode_json(Kind::hello, "{}")),
            "0100000a00000000"
            "7b7d");
  EXPECT_EQ(to_hex(encode_json(Kind::welcome, "{}")),
            "0200000a00000000"
            "7b7d");
  EXPECT_EQ(to_hex(encode_json(Kind::control, "{", kFlagMore)),
            "0301000900000000"
            "7b");
}

TEST(FrameCodec, RefusesEveryTruncationAndExtension) {
  for (const Sample& sample : samples()) {
    const ByteView body = ByteView(sample.frame).subspan(kHeaderBytes);
    const std::size_t least = sample.name.starts_with("data") ? 13
                              : sample.name == "go-away"      ? 6
                              : sample.name == "reset"        ? 6
                              : sample.open_ended             ? 2
                                                              : body.size();
    for (std::size_t size = 0; size < body.size(); ++size) {
      // The only shorter bodies that are whole are those with less text, or with fewer streams.
      const bool fewer_streams = sample.name == "resumed" && size >= 12 && (size - 12) % 20 == 0;
      EXPECT_EQ(sample.decodes(body.first(size)), size >= least || fewer_streams)
          << sample.name << " " << size;
    }
    for (const std::uint8_t more : {0x00, 0x41, 0xFF}) {
      Bytes longer(body.begin(), body.end());
      longer.push_back(more);
      const bool text = sample.open_ended && !sample.name.starts_with("data");
      const bool legal = sample.open_ended && (!text || more == 0x41);
      EXPECT_EQ(sample.decodes(longer), legal) << sample.name << " " << int{more};
    }
  }
}

TEST(FrameCodec, ReadsBackWhatItWrote) {
  const auto body = [](const Bytes& frame) { return ByteView(frame).subspan(kHeaderBytes); };
  const Bytes attach = encode_attach(5, {counted<16>(1), counted<32>(2), counted<16>(3), 1ull << 63});
  EXPECT_EQ(decode_attach(body(attach))->count, 1ull << 63);
  EXPECT_EQ(decode_attach(body(attach))->secret, counted<32>(2));
  const Bytes resumed = encode_resumed(5, {9, 6, 1, {{0, 1, 2, true}, {0xFFFFFFFF, 1ull << 62, 3, false}}});
  const Resumed back = decode_resumed(body(resumed)).value();
  EXPECT_EQ(back.highest_console, 6u);
  EXPECT_EQ(back.highest_endpoint, 1u);
  ASSERT_EQ(back.streams.size(), 2u);
  EXPECT_TRUE(back.streams[0].ended);
  EXPECT_EQ(back.streams[0].next, 1u);
  EXPECT_EQ(back.streams[1].next, 1ull << 62);
  EXPECT_FALSE(back.streams[1].ended);
  const Bytes away = encode_go_away({GoAway::clone, 0xFFFFFFFF, "x"});
  EXPECT_EQ(decode_go_away(body(away))->retry_after_ms, 0xFFFFFFFFu);
  EXPECT_EQ(decode_go_away(body(away))->code, GoAway::clone);
}

TEST(FrameCodec, RefusesHeadersOfImpossibleLength) {
  const auto header = [](std::uint16_t length) {
    Bytes bytes(kHeaderBytes);
    encode_header(bytes.data(), {16, 0, length, 1});
    return decode_header(bytes);
  };
  for (const std::uint16_t length : {0, 1, 7, 16385, 65535}) EXPECT_FALSE(header(length)) << length;
  for (const std::uint16_t length : {8, 9, 16384}) EXPECT_TRUE(header(length)) << length;
  EXPECT_EQ(header(16385).error().message(), "data frame of 16385 bytes, 8 to 16384 are possible");
}

TEST(FrameCodec, RefusesOffsetsFromWhichSumsCouldWrap) {
  constexpr std::uint64_t most = 1ull << 62;
  const auto body = [](const Bytes& frame) { return Bytes(frame.begin() + kHeaderBytes, frame.end()); };
  EXPECT_TRUE(decode_data(body(data_frame(1, 2, most, "x"))));
  EXPECT_FALSE(decode_data(body(data_frame(1, 2, most + 1, "x"))));
  EXPECT_TRUE(decode_window(body(encode_window(1, 2, {most, most}))));
  EXPECT_FALSE(decode_window(body(encode_window(1, 2, {most + 1, 0}))));
  EXPECT_FALSE(decode_window(body(encode_window(1, 2, {0, most + 1}))));
  EXPECT_FALSE(decode_end(body(encode_end(1, 2, most + 1))));
  EXPECT_FALSE(decode_resumed(body(encode_resumed(1, {1, 0, 0, {{0, most + 1, 0, false}}}))));
  EXPECT_FALSE(decode_resumed(body(encode_resumed(1, {1, 0, 0, {{0, 0, most + 1, false}}}))));
}

TEST(FrameCodec, RefusesListsThatDoNotRise) {
  const auto decodes = [](std::vector<StreamPosition> streams) {
    const Bytes frame = encode_resumed(1, {1, 0, 0, std::move(streams)});
    return decode_resumed(ByteView(frame).subspan(kHeaderBytes)).has_value();
  };
  EXPECT_TRUE(decodes({{0, 0, 0, false}, {2, 0, 0, false}}));
  EXPECT_FALSE(decodes({{2, 0, 0, false}, {2, 0, 0, false}}));
  EXPECT_FALSE(decodes({{2, 0, 0, false}, {0, 0, 0, false}}));
}

TEST(FrameCodec, RefusesListsOfTooManyStreams) {
  Resumed resumed;
  for (std::uint32_t i = 0; i < limits::kLiveStreams; ++i) resumed.streams.push_back({i, 0, 0, false});
  Bytes frame = encode_resumed(1, resumed);
  EXPECT_TRUE(decode_resumed(ByteView(frame).subspan(kHeaderBytes)));
  frame.resize(frame.size() + 20, 0xFF);
  const auto refused = decode_resumed(ByteView(frame).subspan(kHeaderBytes));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "resumed frame with 513 streams, at most 512");
}

TEST(FrameCodec, CutsLongTextsBetweenCharacters) {
  const std::string text = std::string(511, 'x') + "\xC3\xA4";  // ä over the edge
  const Bytes frame = encode_notice(Kind::leave, 1, {Reason::failed, text});
  const Notice notice = decode_notice(ByteView(frame).subspan(kHeaderBytes)).value();
  EXPECT_EQ(notice.text, std::string(511, 'x'));
}

TEST(FrameCodec, EscapesTextsThatThePeerWouldRefuse) {
  const Bytes frame = encode_reset(1, 2, {ResetCode::failed, "open \xFF: not there"});
  EXPECT_EQ(decode_reset(ByteView(frame).subspan(kHeaderBytes))->body.text, "open \\xff: not there");
  const std::string nul("a\0b", 3);
  const Bytes away = encode_go_away({GoAway::protocol, 0, nul});
  EXPECT_TRUE(decode_go_away(ByteView(away).subspan(kHeaderBytes)));
}

TEST(FrameCodec, RefusesLongAndBrokenTexts) {
  const auto notice = [](std::string_view text) {
    Bytes body{0, 1};
    body.insert(body.end(), text.begin(), text.end());
    return decode_notice(body);
  };
  EXPECT_TRUE(notice(std::string(512, 'x')));
  EXPECT_EQ(notice(std::string(513, 'x')).error().message(),
            "notice frame with a text of 513 bytes, at most 512");
  EXPECT_FALSE(notice("\xC3"));
  EXPECT_FALSE(notice("\xED\xA0\x80"));  // a surrogate
  EXPECT_FALSE(notice("\xC0\x80"));      // an overlong NUL
}

TEST(FrameCodec, UnknownReasonsAndCodesAreReadAsTheyAre) {
  EXPECT_EQ(static_cast<int>(decode_notice(Bytes{0xAB, 0xCD})->reason), 0xABCD);
  EXPECT_EQ(static_cast<int>(decode_go_away(Bytes{0x12, 0x34, 0, 0, 0, 0})->code), 0x1234);
}

TEST(FrameCodec, NamesKinds) {
  EXPECT_EQ(kind_name(static_cast<std::uint8_t>(Kind::go_away)), "go-away");
  EXPECT_EQ(kind_name(77), "kind 77");
}

}  // namespace
}  // namespace jump::mux
