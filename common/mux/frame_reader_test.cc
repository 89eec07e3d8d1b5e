#include "common/mux/frame_reader.h"

#include <gtest/gtest.h>

#include <random>

namespace jump::mux {
namespace {

void feed(FrameReader& reader, ByteView bytes) {
  const std::span<std::uint8_t> room = reader.room();
  ASSERT_GE(room.size(), 16384u);
  std::copy(bytes.begin(), bytes.end(), room.begin());
  reader.filled(bytes.size());
}

Bytes frame_of(std::size_t size, std::uint8_t fill) {
  Bytes frame(size, fill);
  encode_header(frame.data(), {16, 0, static_cast<std::uint16_t>(size), 1});
  return frame;
}

TEST(FrameReader, HoldsNoMemoryWhileNothingIsHalfRead) {
  const std::size_t before = Block::bytes_in_use();
  FrameReader reader;
  EXPECT_EQ(Block::bytes_in_use(), before);
  feed(reader, frame_of(20, 1));
  EXPECT_TRUE(reader.next().value());
  EXPECT_FALSE(reader.next().value());
  reader.rest();
  EXPECT_EQ(Block::bytes_in_use(), before);
  // Half a frame stays.
  feed(reader, Bytes{16, 0, 0});
  EXPECT_FALSE(reader.next().value());
  reader.rest();
  EXPECT_GT(Block::bytes_in_use(), before);
}

TEST(FrameReader, RefusesWhatIsNoFrame) {
  FrameReader reader;
  feed(reader, Bytes{16, 0, 0, 7, 0, 0, 0, 0});
  EXPECT_FALSE(reader.next());
}

TEST(FrameReader, ALargeFrameIsSharedAndASmallOneCopied) {
  const std::size_t before = Block::bytes_in_use();
  Slice large, small;
  {
    FrameReader reader;
    feed(reader, frame_of(5000, 1));
    const FrameView frame = **reader.next();
    large = frame.keep();
    EXPECT_EQ(large.data(), frame.whole.data());
    feed(reader, frame_of(30, 2));
    const FrameView other = **reader.next();
    small = other.keep();
    EXPECT_NE(small.data(), other.whole.data());
  }
  EXPECT_EQ(Block::bytes_in_use(), before + Block::kSize + 30);
  EXPECT_EQ(large.view().back(), 1);
  EXPECT_EQ(small.view().back(), 2);
  large = Slice();
  small = Slice();
  EXPECT_EQ(Block::bytes_in_use(), before);
}

TEST(FrameReader, FindsEveryFrameHoweverTheBytesAreCut) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    std::vector<Bytes> frames;
    Bytes wire;
    for (int i = 0; i < 60; ++i) {
      const std::size_t most = random() % 3 == 0 ? limits::kFrameBytes : 300;
      frames.push_back(frame_of(8 + random() % (most - 7), static_cast<std::uint8_t>(random())));
      wire.insert(wire.end(), frames.back().begin(), frames.back().end());
    }
    const std::size_t piece = seed % 4 == 0 ? 1 + seed : 20000;
    FrameReader reader;
    std::vector<Slice> kept;
    std::vector<std::size_t> kept_as;
    std::size_t at = 0, found = 0;
    while (at < wire.size()) {
      const std::span<std::uint8_t> room = reader.room();
      const std::size_t size = std::min({room.size(), wire.size() - at, 1 + random() % piece});
      std::copy_n(wire.begin() + static_cast<std::ptrdiff_t>(at), size, room.begin());
      reader.filled(size);
      at += size;
      while (true) {
        const auto next = reader.next();
        ASSERT_TRUE(next);
        if (!*next) break;
        ASSERT_LT(found, frames.size());
        ASSERT_TRUE(std::ranges::equal((*next)->whole, frames[found]))
            << "seed " << seed << " frame " << found;
        if (random() % 2 == 0) {
          kept.push_back((*next)->keep());
          kept_as.push_back(found);
        }
        if (random() % 10 == 0) {
          kept.clear();
          kept_as.clear();
        }
        ++found;
      }
      if (random() % 3 == 0) reader.rest();
    }
    EXPECT_EQ(found, frames.size());
    // What is kept is not written over by what was read later.
    for (std::size_t i = 0; i < kept.size(); ++i) {
      ASSERT_TRUE(std::ranges::equal(kept[i].view(), frames[kept_as[i]])) << "seed " << seed;
    }
  }
}

TEST(Slice, GrowsOnlyInABlockOfItsOwn) {
  Slice slice = Slice::copy(as_bytes("ab"), 4);
  EXPECT_TRUE(slice.grow(as_bytes("cd")));
  EXPECT_FALSE(slice.grow(as_bytes("e")));
  EXPECT_EQ(as_text(slice.view()), "abcd");
  Block* block = Block::take();
  Slice one(block, block->data(), 1);
  EXPECT_FALSE(one.grow(as_bytes("x")));
  block->release();
  EXPECT_TRUE(one.grow(as_bytes("x")));
  EXPECT_FALSE(Slice().grow(as_bytes("x")));
}

}  // namespace
}  // namespace jump::mux
