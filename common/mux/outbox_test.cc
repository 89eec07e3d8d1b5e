#include "common/mux/outbox.h"

#include <gtest/gtest.h>

namespace jump::mux {
namespace {

// Sends `frames` frames of `size` bytes, all of one letter.
struct Source : FrameSource {
  Source(char letter, Priority p, std::size_t bytes = 1024) : name(letter), prio(p), size(bytes) {}

  bool emit(Batch& batch, std::size_t most, Instant) override {
    if (frames == 0) return false;
    --frames;
    batch.add(Bytes(std::min(size, most), static_cast<std::uint8_t>(name)));
    return true;
  }
  Priority priority() const override { return prio; }
  bool lazy() const override { return is_lazy; }

  char name;
  Priority prio;
  std::size_t size;
  int frames = 1000000;
  bool is_lazy = false;
};

class OutboxTest : public testing::Test {
 protected:
  // The letters of the frames of one batch, in order.
  std::string fill(std::size_t limit = 128 * 1024, std::size_t most_frame = limits::kFrameBytes) {
    Batch batch;
    outbox.fill(batch, limit, most_frame, now);
    std::string letters;
    bytes = batch.bytes();
    for (const ByteView part : batch.parts()) letters += static_cast<char>(part[0]);
    return letters;
  }
  int wakes = 0;
  std::size_t bytes = 0;
  Instant now{std::chrono::hours(1)};
  Outbox outbox{[this] { ++wakes; }};
};

TEST_F(OutboxTest, BulkStreamsTakeTurns) {
  Source a('a', Priority::bulk), b('b', Priority::bulk), c('c', Priority::bulk);
  outbox.ready(a);
  outbox.ready(b);
  outbox.ready(c);
  EXPECT_EQ(fill(8 * 1024), "abcabcab");
  EXPECT_EQ(fill(4 * 1024), "cabc");
}

TEST_F(OutboxTest, TheUrgentGoFirst) {
  Source bulk('b', Priority::bulk), typed('t', Priority::interactive), session('s', Priority::session);
  typed.frames = 2;
  session.frames = 1;
  outbox.ready(bulk);
  outbox.ready(typed);
  outbox.ready(session);
  outbox.control(Bytes(100, 'C'));
  EXPECT_EQ(fill(6 * 1024), "Csttbbb");
}

TEST_F(OutboxTest, AKeystrokeStandsBehindNothingThatWasQueuedEarlier) {
  Source bulk('b', Priority::bulk, 16384), typed('t', Priority::interactive, 30);
  typed.frames = 0;
  outbox.ready(bulk);
  EXPECT_EQ(fill(), "bbbbbbbb");
  typed.frames = 1;
  outbox.ready(typed);
  EXPECT_EQ(fill().front(), 't');
}

TEST_F(OutboxTest, NobodyIsStoppedForGood) {
  Source session('s', Priority::session), typed('t', Priority::interactive), bulk('b', Priority::bulk);
  outbox.ready(session);
  outbox.ready(typed);
  outbox.ready(bulk);
  // Even where a batch is one frame.
  EXPECT_EQ(fill(1024, 1024), "stb");
  EXPECT_EQ(fill(1024, 1024), "stb");
}

TEST_F(OutboxTest, ControlHasAQuarterWhileStreamsWait) {
  Source bulk('b', Priority::bulk);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(outbox.control(Bytes(1024, 'C')));
  EXPECT_EQ(fill(64 * 1024), std::string(64, 'C'));
  outbox.ready(bulk);
  EXPECT_EQ(fill(64 * 1024), std::string(16, 'C') + std::string(48, 'b'));
  EXPECT_EQ(fill(1024), "Cb");
}

TEST_F(OutboxTest, RefusesControlThatNobodyReads) {
  const std::size_t frames = limits::kControlBacklog / 1024;
  for (std::size_t i = 0; i < frames; ++i) ASSERT_TRUE(outbox.control(Bytes(1024, 'C')));
  EXPECT_FALSE(outbox.control(Bytes(8, 'C')));
  fill(4 * 1024);
  EXPECT_TRUE(outbox.control(Bytes(4096, 'C')));
  EXPECT_FALSE(outbox.control(Bytes(8, 'C')));
}

TEST_F(OutboxTest, FramesKeepToTheSizeThatThePathAllows) {
  Source bulk('b', Priority::bulk, 16384);
  outbox.ready(bulk);
  EXPECT_EQ(fill(4096, 1024), "bbbb");
  EXPECT_EQ(bytes, 4096u);
}

TEST_F(OutboxTest, LazySourcesWaitForCompany) {
  Source lazy('l', Priority::session), typed('t', Priority::interactive);
  lazy.frames = typed.frames = 1;
  lazy.is_lazy = true;
  outbox.ready(lazy);
  EXPECT_FALSE(outbox.pending());
  EXPECT_TRUE(outbox.lazy_pending());
  outbox.ready(typed);
  EXPECT_TRUE(outbox.pending());
  EXPECT_EQ(fill(), "lt");
  EXPECT_FALSE(outbox.lazy_pending());
}

TEST_F(OutboxTest, LazySourcesGoAloneWhenAsked) {
  Source lazy('l', Priority::session);
  lazy.frames = 1;
  lazy.is_lazy = true;
  outbox.ready(lazy);
  EXPECT_EQ(fill(), "l");
  EXPECT_EQ(fill(), "");
}

TEST_F(OutboxTest, ALazySourceThatBecomesUrgentIsSentNow) {
  Source lazy('l', Priority::session);
  lazy.frames = 1;
  lazy.is_lazy = true;
  outbox.ready(lazy);
  lazy.is_lazy = false;
  outbox.ready(lazy);
  EXPECT_TRUE(outbox.pending());
  EXPECT_FALSE(outbox.lazy_pending());
  EXPECT_EQ(fill(), "l");
}

TEST_F(OutboxTest, ASourceThatDiesIsForgotten) {
  {
    Source a('a', Priority::bulk);
    outbox.ready(a);
    EXPECT_TRUE(outbox.pending());
  }
  EXPECT_FALSE(outbox.pending());
  Source b('b', Priority::bulk);
  outbox.ready(b);
  outbox.remove(b);
  outbox.remove(b);
  EXPECT_EQ(fill(), "");
}

TEST_F(OutboxTest, ReadyTwiceKeepsTheTurn) {
  Source a('a', Priority::bulk), b('b', Priority::bulk);
  a.frames = b.frames = 1;
  outbox.ready(a);
  outbox.ready(b);
  outbox.ready(a);
  EXPECT_EQ(fill(), "ab");
}

TEST(BulkMeter, SixtyFourKibibytesInATenthOfASecondAreBulk) {
  BulkMeter meter;
  Instant now{std::chrono::hours(1)};
  meter.count(64 * 1024, now);
  EXPECT_FALSE(meter.bulk());
  meter.count(1, now);
  EXPECT_TRUE(meter.bulk());
}

TEST(BulkMeter, TypingIsNeverBulkAndQuietEndsIt) {
  BulkMeter meter;
  Instant now{std::chrono::hours(1)};
  for (int i = 0; i < 10000; ++i) {
    meter.count(600, now += std::chrono::milliseconds(1));
    ASSERT_FALSE(meter.bulk());
  }
  meter.count(1 << 20, now);
  EXPECT_TRUE(meter.bulk());
  meter.count(10, now += std::chrono::milliseconds(150));
  EXPECT_TRUE(meter.bulk());
  meter.count(10, now += std::chrono::milliseconds(150));
  EXPECT_FALSE(meter.bulk());
  meter.count(1 << 20, now);
  meter.count(10, now += std::chrono::seconds(1));
  EXPECT_FALSE(meter.bulk());
}

TEST(Batch, KeepsWhatItsPartsPointInto) {
  Batch batch;
  batch.add(to_bytes("abc"));
  batch.add(Slice::copy(as_bytes("def")));
  Slice slice = Slice::copy(as_bytes("ghi"));
  batch.add_view(slice.view());
  batch.keep(std::move(slice));
  for (int i = 0; i < 100; ++i) batch.add(to_bytes("x"));
  std::string text;
  for (const ByteView part : batch.parts()) text += as_text(part);
  EXPECT_EQ(text, "abcdefghi" + std::string(100, 'x'));
  EXPECT_EQ(batch.bytes(), 109u);
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.bytes(), 0u);
}

}  // namespace
}  // namespace jump::mux
