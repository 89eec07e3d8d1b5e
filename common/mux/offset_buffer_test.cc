#include "common/mux/offset_buffer.h"

#include <gtest/gtest.h>

#include <random>

namespace jump::mux {
namespace {

// The same thing, slow and simple: every byte ever written, and four numbers.
struct Model {
  std::string all;  // from offset `start` on
  std::uint64_t start, base, acked, cursor, retain;

  std::uint64_t written() const { return start + all.size(); }
  std::string text(std::uint64_t from, std::uint64_t to) const { return all.substr(from - start, to - from); }
  void drop() {
    if (retain == 0) {
      base = acked;
    } else if (written() > retain) {
      base = std::max(base, std::min(acked, written() - retain));
    }
  }
};

std::string joined(const OffsetBuffer::Pieces& pieces) {
  return std::string(as_text(pieces.first)) + std::string(as_text(pieces.second));
}

TEST(OffsetBuffer, DoesWhatTheModelDoes) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::uint64_t n) { return n == 0 ? 0 : random() % n; };
    const std::uint64_t start = seed % 3 == 0 ? 0 : (1ull << 40) + below(5000);
    const std::uint64_t retain = seed % 2 == 0 ? 0 : 1 + below(5000);
    OffsetBuffer buffer(start, retain);
    Model model{{}, start, start, start, start, retain};
    for (int step = 0; step < 400; ++step) {
      switch (below(5)) {
        case 0:
        case 1: {
          std::string bytes(below(below(10) == 0 ? 9000 : 400), '\0');
          for (char& byte : bytes) byte = static_cast<char>(random());
          buffer.write(as_bytes(bytes));
          model.all += bytes;
          if (!bytes.empty()) model.drop();
          break;
        }
        case 2: {
          const std::size_t most = below(3000);
          const std::uint64_t size = std::min<std::uint64_t>(most, model.written() - model.cursor);
          ASSERT_EQ(joined(buffer.take(most)), model.text(model.cursor, model.cursor + size));
          model.cursor += size;
          break;
        }
        case 3: {
          const std::uint64_t offset = model.acked - std::min(model.acked, below(3)) + below(2000);
          const bool legal = offset >= model.acked && offset <= model.written();
          ASSERT_EQ(buffer.acknowledge(offset), legal);
          if (!legal) break;
          model.acked = offset;
          model.cursor = std::max(model.cursor, offset);
          model.drop();
          break;
        }
        default: {
          const std::uint64_t offset = model.base - std::min(model.base, below(3)) + below(4000);
          const bool legal = offset >= model.base && offset <= model.written();
          ASSERT_EQ(buffer.rewind(offset), legal);
          if (!legal) break;
          model.cursor = offset;
          model.acked = std::min(model.acked, offset);
          break;
        }
      }
      ASSERT_EQ(buffer.written(), model.written());
      ASSERT_EQ(buffer.cursor(), model.cursor);
      ASSERT_EQ(buffer.acked(), model.acked);
      ASSERT_EQ(buffer.base(), model.base);
      ASSERT_EQ(buffer.unacked(), model.written() - model.acked);
    }
    ASSERT_TRUE(buffer.rewind(model.base));
    ASSERT_EQ(joined(buffer.take(1 << 20)), model.text(model.base, model.written())) << "seed " << seed;
  }
}

TEST(OffsetBuffer, KeepsTheLastBytesForATakeover) {
  OffsetBuffer buffer(0, 10);
  buffer.write(as_bytes("0123456789abcdef"));
  EXPECT_TRUE(buffer.acknowledge(16));
  EXPECT_EQ(buffer.base(), 6u);
  EXPECT_FALSE(buffer.rewind(5));
  EXPECT_TRUE(buffer.rewind(6));
  EXPECT_EQ(joined(buffer.take(100)), "6789abcdef");
}

TEST(OffsetBuffer, NeverDropsWhatIsNotAcknowledged) {
  OffsetBuffer buffer(0, 10);
  buffer.write(as_bytes(std::string(100, 'x')));
  EXPECT_EQ(buffer.base(), 0u);
}

}  // namespace
}  // namespace jump::mux
