#include "common/mux/control_frames.h"

#include <gtest/gtest.h>

#include <array>

namespace jump::mux {
namespace {

Result<std::optional<std::string>> put(ControlAssembler& assembler, const Bytes& frame) {
  const Header header = decode_header(frame).value();
  return assembler.add(header, ByteView(frame).subspan(kHeaderBytes));
}

TEST(ControlFrames, AShortMessageIsOneFrame) {
  const std::vector<Bytes> frames = encode_control("{}");
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(to_hex(frames[0]), "0300000a000000007b7d");
  ControlAssembler assembler;
  EXPECT_EQ(put(assembler, frames[0]).value(), "{}");
}

TEST(ControlFrames, EachSizeUpToTheLimitComesBack) {
  ControlAssembler assembler;
  constexpr std::array<std::size_t, 7> kSizes = {1, 16375, 16376, 16377, 32752, 32753, limits::kControlBytes};
  for (const std::size_t size : kSizes) {
    std::string text(size, 'x');
    text.back() = 'y';
    const std::vector<Bytes> frames = encode_control(text);
    EXPECT_EQ(frames.size(), (size + 16375) / 16376);
    for (std::size_t i = 0; i + 1 < frames.size(); ++i) {
      EXPECT_EQ(frames[i].size(), limits::kFrameBytes);
      EXPECT_FALSE(put(assembler, frames[i]).value());
    }
    EXPECT_EQ(put(assembler, frames.back()).value(), text);
  }
}

TEST(ControlFrames, RefusesAMessageAboveTheLimit) {
  ControlAssembler assembler;
  const Bytes part = encode_json(Kind::control, std::string(16000, 'x'), kFlagMore);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(put(assembler, part));
  const auto refused = put(assembler, part);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "control message of more than 65536 bytes");
}

TEST(ControlFrames, RefusesEmptyFragments) {
  ControlAssembler assembler;
  EXPECT_FALSE(put(assembler, encode_json(Kind::control, "", kFlagMore)));
  EXPECT_FALSE(put(assembler, encode_json(Kind::control, "")));
}

}  // namespace
}  // namespace jump::mux
