#include "common/mux/frame.h"

#include <gtest/gtest.h>

#include "common/mux/frame_samples.h"

namespace jump::mux {
namespace {

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
