// The relay and what a peer may try on it. Both legs are played by the test, frame by frame.
#include "common/mux/relay.h"

#include <gtest/gtest.h>

#include "common/mux/frame_reader.h"

namespace jump::mux {
namespace {

constexpr std::uint32_t kSerial = 5;

struct Got {
  Header header;
  Bytes body;
  bool is(Kind kind) const { return header.kind == static_cast<std::uint8_t>(kind); }
};

class RelayTest : public testing::Test {
 protected:
  RelayTest() {
    relay.connect(Side::console, out[0], 11);
    relay.connect(Side::endpoint, out[1], 22);
    relay.start_attachment(kSerial);
  }

  // A frame from one side, as the link gives it.
  Result<void> from(Side side, Bytes frame) {
    Block* block = Block::take();
    std::copy(frame.begin(), frame.end(), block->data());
    const FrameView view{decode_header(frame).value(), {block->data(), frame.size()}, block};
    Result<void> result = relay.on_frame(side, view, now);
    block->release();
    return result;
  }
  Result<void> data(Side side, std::uint32_t stream, std::uint64_t offset, std::size_t size,
                    std::uint8_t flags = 0) {
    const auto header = encode_data_header(9, stream, offset, size, flags);
    Bytes frame(header.begin(), header.end());
    for (std::size_t i = 0; i < size; ++i) frame.push_back(static_cast<std::uint8_t>(offset + i));
    return from(side, std::move(frame));
  }
  Result<void> window(Side side, std::uint32_t stream, std::uint64_t taken, std::uint64_t allowed) {
    return from(side, encode_window(9, stream, {taken, allowed}));
  }
  Result<void> reset(Side side, std::uint32_t stream) {
    return from(side, encode_reset(9, stream, {ResetCode::cancelled, ""}));
  }
  void open(std::vector<StreamPosition> console = {}, std::vector<StreamPosition> endpoint = {}) {
    ASSERT_TRUE(from(Side::console, encode_resumed(9, {kSerial, 0, 0, std::move(console)})));
    ASSERT_TRUE(from(Side::endpoint, encode_resumed(9, {kSerial, 0, 0, std::move(endpoint)})));
    read(Side::console);
    read(Side::endpoint);
  }
  // What goes out to one side, up to about `limit` bytes.
  std::vector<Got> read(Side side, std::size_t limit = 1 << 24, std::size_t most = limits::kFrameBytes) {
    Batch batch;
    out[static_cast<std::size_t>(side)].fill(batch, limit, most, now);
    Bytes wire;
    for (const ByteView part : batch.parts()) wire.insert(wire.end(), part.begin(), part.end());
    std::vector<Got> frames;
    for (std::size_t at = 0; at < wire.size();) {
      const ByteView rest = ByteView(wire).subspan(at);
      const Header header = decode_header(rest).value();
      const ByteView body = rest.subspan(kHeaderBytes, header.length - kHeaderBytes);
      frames.push_back({header, Bytes(body.begin(), body.end())});
      at += header.length;
    }
    return frames;
  }
  // The credit of the last window that was told to `side` for `stream`.
  std::optional<Window> told(Side side, std::uint32_t stream) {
    std::optional<Window> last;
    for (const Got& frame : read(side)) {
      if (!frame.is(Kind::window)) continue;
      const WindowView view = decode_window(frame.body).value();
      if (view.stream == stream) last = view.window;
    }
    return last;
  }

  Instant now{std::chrono::hours(1)};
  std::array<Outbox, 2> out{Outbox([] {}), Outbox([] {})};
  Relay relay{true};
};

TEST_F(RelayTest, RenumbersTheSlotAndNothingElse) {
  open();
  ASSERT_TRUE(window(Side::console, 3, 0, 1000));
  EXPECT_EQ(told(Side::endpoint, 3)->allowed, 1000u);
  ASSERT_TRUE(data(Side::endpoint, 3, 0, 5));
  const auto frames = read(Side::console);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].header.slot, 11u);
  const DataView view = decode_data(frames[0].body).value();
  EXPECT_EQ(view.stream, 3u);
  EXPECT_EQ(to_hex(view.bytes), "0001020304");
}

TEST_F(RelayTest, DropsWhatBelongsToAnEarlierAttachment) {
  EXPECT_TRUE(data(Side::console, 2, 500, 10));
  EXPECT_TRUE(window(Side::console, 2, 700, 900));
  EXPECT_TRUE(reset(Side::console, 2));
  EXPECT_TRUE(from(Side::console, encode_resumed(9, {kSerial - 1, 0, 0, {}})));
  EXPECT_TRUE(data(Side::console, 2, 500, 10));
  EXPECT_EQ(relay.streams(), 0u);
  EXPECT_TRUE(read(Side::endpoint).empty());
}

TEST_F(RelayTest, ASerialOfNoAttachmentOpensNothing) {
  relay.start_attachment(0);
  EXPECT_TRUE(from(Side::console, encode_resumed(9, {0, 0, 0, {}})));
  EXPECT_FALSE(relay.open(Side::console));
}

TEST_F(RelayTest, CreditIsTheLesserOfTheConsumersAndItsOwn) {
  open();
  ASSERT_TRUE(window(Side::console, 3, 0, 1000));
  EXPECT_EQ(told(Side::endpoint, 3)->allowed, 1000u);
  ASSERT_TRUE(window(Side::console, 3, 0, 1 << 30));
  EXPECT_EQ(told(Side::endpoint, 3)->allowed, limits::kRelayBudget);
  EXPECT_EQ(relay.promised_bytes(), limits::kRelayBudget);
}

TEST_F(RelayTest, TellsNewCreditWhenAQuarterOfItsBudgetWentOn) {
  open();
  ASSERT_TRUE(window(Side::console, 3, 0, 1 << 30));
  told(Side::endpoint, 3);
  for (int i = 0; i < 4; ++i)
    ASSERT_TRUE(data(Side::endpoint, 3, static_cast<std::uint64_t>(i) * 15000, 15000));
  read(Side::console);
  EXPECT_FALSE(told(Side::endpoint, 3));
  ASSERT_TRUE(data(Side::endpoint, 3, 60000, 6000));
  read(Side::console);
  const auto credit = told(Side::endpoint, 3);
  ASSERT_TRUE(credit);
  EXPECT_EQ(credit->taken, 0u);
  EXPECT_EQ(credit->allowed, limits::kRelayBudget + 66000);
}

TEST_F(RelayTest, AConsumerThatReadsNothingStopsItsProducerAtTheBudget) {
  open();
  ASSERT_TRUE(window(Side::console, 3, 0, 1 << 30));
  told(Side::endpoint, 3);
  std::uint64_t offset = 0;
  while (offset + 16000 <= limits::kRelayBudget) {
    ASSERT_TRUE(data(Side::endpoint, 3, offset, 16000));
    offset += 16000;
  }
  EXPECT_FALSE(told(Side::endpoint, 3));
  EXPECT_FALSE(data(Side::endpoint, 3, offset, 16000));
}

TEST_F(RelayTest, CreditOfManyStreamsIsLimitedTogether) {
  open();
  for (std::uint32_t i = 0; i < limits::kLiveStreams; ++i) {
    ASSERT_TRUE(window(Side::console, 3 + 2 * i, 0, 1 << 30));
    ASSERT_TRUE(window(Side::endpoint, 3 + 2 * i, 0, 1 << 30));
  }
  read(Side::console);
  read(Side::endpoint);
  // The pool, and at least 16 KiB for each direction of each stream.
  EXPECT_LE(relay.promised_bytes(), limits::kTunnelPool + 2 * limits::kLiveStreams * limits::kWindowLeast);
  EXPECT_GE(relay.promised_bytes(), limits::kTunnelPool);
  relay.start_attachment(kSerial + 1);
  EXPECT_EQ(relay.promised_bytes(), 0u);
}

TEST_F(RelayTest, TheProcessPoolIsShared) {
  CreditPool process(1 << 20);
  {
    Relay one(true, nullptr, &process), two(true, nullptr, &process);
    process.change(0, 900'000);
    EXPECT_EQ(process.left(), (1u << 20) - 900'000);
    process.change(900'000, 0);
  }
  EXPECT_EQ(process.out(), 0u);
}

TEST_F(RelayTest, BytesThatCameOneByOneGoOnTogether) {
  open();
  ASSERT_TRUE(window(Side::console, 3, 0, 1 << 30));
  const std::size_t before = Block::bytes_in_use();
  for (std::uint64_t i = 0; i < 100000; ++i) ASSERT_TRUE(data(Side::endpoint, 3, i, 1));
  EXPECT_LE(relay.queued_bytes(), 101000u);
  EXPECT_LE(Block::bytes_in_use() - before, 110000u);
  std::uint64_t offset = 0;
  for (const Got& frame : read(Side::console)) {
    const DataView view = decode_data(frame.body).value();
    ASSERT_EQ(view.offset, offset);
    for (const std::uint8_t byte : view.bytes) ASSERT_EQ(byte, static_cast<std::uint8_t>(offset++));
  }
  EXPECT_EQ(offset, 100000u);
  EXPECT_EQ(relay.queued_bytes(), 0u);
  EXPECT_EQ(Block::bytes_in_use(), before);
}

TEST_F(RelayTest, ALargeFrameIsCutForASlowPath) {
  open();
  ASSERT_TRUE(window(Side::console, 3, 0, 1 << 30));
  ASSERT_TRUE(data(Side::endpoint, 3, 0, 16000, kFlagHeld));
  ASSERT_TRUE(from(Side::endpoint, encode_end(9, 3, 16000)));
  std::uint64_t offset = 0;
  std::vector<Got> frames;
  while (true) {
    auto more = read(Side::console, 1024, 1024);
    if (more.empty()) break;
    std::move(more.begin(), more.end(), std::back_inserter(frames));
  }
  ASSERT_EQ(frames.size(), 17u);
  for (std::size_t i = 0; i < 16; ++i) {
    ASSERT_LE(frames[i].header.length, 1024u);
    EXPECT_EQ(frames[i].header.flags, i == 15 ? kFlagHeld : 0);
    const DataView view = decode_data(frames[i].body).value();
    ASSERT_EQ(view.offset, offset);
    for (const std::uint8_t byte : view.bytes) ASSERT_EQ(byte, static_cast<std::uint8_t>(offset++));
  }
  EXPECT_EQ(offset, 16000u);
  EXPECT_TRUE(frames[16].is(Kind::end));
  EXPECT_EQ(relay.queued_bytes(), 0u);
}

// --- what is forged --------------------------------------------------------------------------------

TEST_F(RelayTest, RefusesDataWithoutCredit) {
  open();
  ASSERT_TRUE(window(Side::endpoint, 2, 0, 100));
  const auto refused = data(Side::console, 2, 0, 101);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "stream 2: data up to 101, allowed were 100");
  EXPECT_TRUE(data(Side::console, 2, 0, 100));
}

TEST_F(RelayTest, RefusesDataWithAGapOrTwice) {
  open();
  ASSERT_TRUE(window(Side::endpoint, 2, 0, 1000));
  EXPECT_FALSE(data(Side::console, 2, 1, 10));
  ASSERT_TRUE(data(Side::console, 2, 0, 10));
  EXPECT_FALSE(data(Side::console, 2, 11, 10));
  EXPECT_FALSE(data(Side::console, 2, 9, 10));
  EXPECT_EQ(data(Side::console, 2, 5, 10).error().message(), "stream 2: data at 5, next was 10");
}

TEST_F(RelayTest, RefusesDataBehindItsEnd) {
  open();
  ASSERT_TRUE(window(Side::endpoint, 2, 0, 1000));
  ASSERT_TRUE(data(Side::console, 2, 0, 10));
  ASSERT_TRUE(from(Side::console, encode_end(9, 2, 10)));
  EXPECT_FALSE(data(Side::console, 2, 10, 1));
  EXPECT_FALSE(from(Side::console, encode_end(9, 2, 10)));
}

TEST_F(RelayTest, RefusesAnEndElsewhere) {
  open();
  ASSERT_TRUE(window(Side::endpoint, 2, 0, 1000));
  ASSERT_TRUE(data(Side::console, 2, 0, 10));
  EXPECT_FALSE(from(Side::console, encode_end(9, 2, 9)));
  EXPECT_FALSE(from(Side::console, encode_end(9, 2, 11)));
}

TEST_F(RelayTest, RefusesDataThatGoesOnElsewhereThanTheConsumerStands) {
  open({{2, 0, 700, false}}, {{2, 500, 0, false}});
  ASSERT_TRUE(window(Side::endpoint, 2, 400, 10000));
  // The console would like to go on at 700; the endpoint has 500.
  EXPECT_FALSE(data(Side::console, 2, 700, 10));
  EXPECT_TRUE(data(Side::console, 2, 500, 10));
}

TEST_F(RelayTest, ATakeoverStartsWhereTheProducerSays) {
  open({}, {{2, 30, 9000, false}});
  ASSERT_TRUE(window(Side::console, 2, 9000, 9100));
  EXPECT_FALSE(data(Side::endpoint, 2, 0, 10));
  EXPECT_TRUE(data(Side::endpoint, 2, 9000, 10));
}

TEST_F(RelayTest, RefusesTakenBeyondWhatWentThere) {
  open();
  ASSERT_TRUE(window(Side::console, 3, 0, 1000));
  ASSERT_TRUE(data(Side::endpoint, 3, 0, 50));
  // Still here: the console cannot have taken it.
  EXPECT_FALSE(window(Side::console, 3, 1, 1000));
  read(Side::console);
  EXPECT_TRUE(window(Side::console, 3, 50, 1000));
  EXPECT_FALSE(window(Side::console, 3, 51, 1000));
  EXPECT_EQ(window(Side::console, 3, 49, 1000).error().message(), "stream 3: 49 taken, possible is 50 to 50");
}

TEST_F(RelayTest, RefusesATakenEndThatDidNotGoThere) {
  open();
  ASSERT_TRUE(window(Side::console, 3, 0, 1000));
  ASSERT_TRUE(from(Side::endpoint, encode_end(9, 3, 0)));
  EXPECT_FALSE(window(Side::console, 3, 1, 1000));
  read(Side::console);
  EXPECT_TRUE(window(Side::console, 3, 1, 1000));
}

TEST_F(RelayTest, RefusesASecondList) {
  open();
  EXPECT_FALSE(from(Side::console, encode_resumed(9, {kSerial, 0, 0, {}})));
}

TEST_F(RelayTest, AListCannotMakeCredit) {
  // A consumer says that it stands at 2^61: its producer may start there, and no more than the budget waits.
  const std::uint64_t distant = 1ull << 61;
  open({{3, distant, 0, false}}, {});
  ASSERT_TRUE(window(Side::console, 3, distant, 1ull << 62));
  const std::uint64_t allowed = told(Side::endpoint, 3)->allowed;
  EXPECT_EQ(allowed, distant + limits::kRelayBudget);
  EXPECT_LE(relay.promised_bytes(), limits::kRelayBudget);
  EXPECT_FALSE(data(Side::endpoint, 3, 0, 10));
}

TEST_F(RelayTest, RefusesOneStreamTooMany) {
  open();
  for (std::uint32_t i = 0; i < 2 * limits::kLiveStreams; ++i) ASSERT_TRUE(window(Side::console, i, 0, 10));
  const auto refused = window(Side::console, 5000, 0, 10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "more than 1024 streams in one session");
}

TEST_F(RelayTest, KindsThatAreNotOfAStreamAreRefused) {
  open();
  for (const Kind kind :
       {Kind::hello, Kind::control, Kind::ping, Kind::attached, Kind::resume, Kind::leave}) {
    Bytes frame(kHeaderBytes + 1);
    encode_header(frame.data(), {static_cast<std::uint8_t>(kind), 0, kHeaderBytes + 1, 9});
    EXPECT_FALSE(from(Side::console, frame)) << kind_name(static_cast<std::uint8_t>(kind));
  }
  Bytes unknown(kHeaderBytes);
  encode_header(unknown.data(), {127, 0, kHeaderBytes, 9});
  EXPECT_FALSE(from(Side::console, unknown));
  encode_header(unknown.data(), {128, 0, kHeaderBytes, 9});
  EXPECT_TRUE(from(Side::console, unknown));
}

TEST_F(RelayTest, AResetOfAnUnknownStreamPassesAndItsAnswerForgetsIt) {
  open();
  EXPECT_TRUE(reset(Side::console, 77));
  EXPECT_EQ(read(Side::endpoint).size(), 1u);
  EXPECT_EQ(relay.streams(), 1u);
  EXPECT_FALSE(reset(Side::console, 77));
  EXPECT_TRUE(reset(Side::endpoint, 77));
  EXPECT_EQ(relay.streams(), 0u);
}

TEST_F(RelayTest, AfterAResetNothingOfTheStreamGoesOn) {
  open();
  ASSERT_TRUE(window(Side::console, 3, 0, 1000));
  told(Side::endpoint, 3);
  ASSERT_TRUE(data(Side::endpoint, 3, 0, 50));
  ASSERT_TRUE(reset(Side::console, 3));
  EXPECT_EQ(relay.queued_bytes(), 0u);
  EXPECT_EQ(relay.promised_bytes(), 0u);
  EXPECT_TRUE(read(Side::console).empty());
  // The endpoint does not know yet.
  EXPECT_TRUE(data(Side::endpoint, 3, 50, 50));
  EXPECT_TRUE(window(Side::endpoint, 3, 0, 50));
  EXPECT_TRUE(from(Side::endpoint, encode_end(9, 3, 100)));
  EXPECT_TRUE(read(Side::console).empty());
  const auto frames = read(Side::endpoint);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(frames[0].is(Kind::reset));
}

TEST_F(RelayTest, AFloodOfWindowsIsOneFrame) {
  open();
  const std::size_t before = Block::bytes_in_use();
  for (int i = 0; i < 100000; ++i) {
    ASSERT_TRUE(window(Side::console, 3, 0, static_cast<std::uint64_t>(i)));
  }
  EXPECT_LE(Block::bytes_in_use(), before);
  EXPECT_EQ(read(Side::endpoint).size(), 1u);
}

TEST_F(RelayTest, AFloodOfResetsIsStopped) {
  open();
  const std::size_t before = Block::bytes_in_use();
  std::uint32_t passed = 0;
  while (reset(Side::console, passed + 2)) ++passed;
  EXPECT_LE(passed, 2048u);
  EXPECT_LE(Block::bytes_in_use() - before, 2048u * (limits::kFrameBytes / 16));
}

TEST_F(RelayTest, ResetsThatAreAnsweredGoOnForEver) {
  open();
  for (std::uint32_t i = 1; i < 20000; ++i) {
    ASSERT_TRUE(reset(Side::console, 2 * i));
    ASSERT_TRUE(reset(Side::endpoint, 2 * i));
    read(Side::console);
    read(Side::endpoint);
  }
  EXPECT_EQ(relay.streams(), 0u);
}

TEST_F(RelayTest, ALegThatGoesTakesEverythingWithIt) {
  open();
  ASSERT_TRUE(window(Side::console, 3, 0, 1000));
  ASSERT_TRUE(data(Side::endpoint, 3, 0, 50));
  relay.disconnect(Side::console);
  relay.disconnect(Side::console);
  EXPECT_EQ(relay.queued_bytes(), 0u);
  EXPECT_EQ(relay.streams(), 0u);
  EXPECT_TRUE(read(Side::console).empty());
  EXPECT_FALSE(relay.open(Side::endpoint));
}

struct FullDisk : Tap {
  bool on_data(Side, std::uint32_t, std::uint64_t, ByteView) override { return room-- > 0; }
  int room = 0;
};

TEST(RelayTap, WhatCannotBeRecordedDoesNotGoOn) {
  FullDisk disk;
  disk.room = 1;
  std::array<Outbox, 2> out{Outbox([] {}), Outbox([] {})};
  Relay relay(true, &disk);
  relay.connect(Side::console, out[0], 1);
  relay.connect(Side::endpoint, out[1], 2);
  relay.start_attachment(kSerial);
  const auto from = [&](Side side, const Bytes& frame) {
    Block* block = Block::take();
    std::copy(frame.begin(), frame.end(), block->data());
    const FrameView view{decode_header(frame).value(), {block->data(), frame.size()}, block};
    ASSERT_TRUE(relay.on_frame(side, view, Instant()));
    block->release();
  };
  from(Side::console, encode_resumed(1, {kSerial, 0, 0, {}}));
  from(Side::endpoint, encode_resumed(1, {kSerial, 0, 0, {}}));
  from(Side::console, encode_window(1, 3, {0, 1000}));
  const auto send = [&](std::uint64_t offset) {
    const auto header = encode_data_header(2, 3, offset, 1);
    Bytes frame(header.begin(), header.end());
    frame.push_back('x');
    from(Side::endpoint, frame);
  };
  send(0);
  EXPECT_FALSE(relay.holding());
  send(1);
  EXPECT_TRUE(relay.holding());
  send(2);
  EXPECT_EQ(relay.queued_bytes(), 21u);
  relay.start_attachment(kSerial + 1);
  EXPECT_FALSE(relay.holding());
}

}  // namespace
}  // namespace jump::mux
