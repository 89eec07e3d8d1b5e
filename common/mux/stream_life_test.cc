// Opening, closing and resetting of streams when nothing arrives in the order that one would like: what is
// said about a stream may overtake the message (on stream 0) that announces it.
#include <gtest/gtest.h>

#include "common/mux/mux_lab.h"

namespace jump::mux {
namespace {

using lab::Lab;

void write_all(SessionEnd& end, std::uint32_t stream, std::string_view text) {
  end.write(stream, as_bytes(text));
}

std::string drained(SessionEnd& end, std::uint32_t stream) {
  std::string got;
  Lab::drain(end, stream, got);
  return got;
}

class StreamLife : public testing::Test {
 protected:
  void SetUp() override {
    lab.connect();
    lab.settle(10);
    ASSERT_EQ(lab.console->state(), SessionEnd::State::live);
  }
  void expect_live() {
    lab.settle(20);
    EXPECT_EQ(lab.console->state(), SessionEnd::State::live) << lab.console->notice().text;
    EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::live) << lab.endpoint->notice().text;
  }
  Lab lab;
};

TEST_F(StreamLife, CreditOfTheOpenerMayArriveBeforeTheStreamIsAdopted) {
  const std::uint32_t stream = lab.console->open({}).value();
  expect_live();
  ASSERT_TRUE(lab.endpoint->adopt(stream, {}));
  write_all(*lab.endpoint, stream, "prompt");
  expect_live();
  EXPECT_EQ(drained(*lab.console, stream), "prompt");
}

TEST_F(StreamLife, EndMayBeSaidBeforeTheStreamIsAdopted) {
  const std::uint32_t stream = lab.console->open({}).value();
  lab.console->end(stream);
  expect_live();
  ASSERT_TRUE(lab.endpoint->adopt(stream, {}));
  expect_live();
  EXPECT_TRUE(lab.endpoint->find(stream)->at_end());
}

TEST_F(StreamLife, ResetBeforeAdoptionClosesTheStreamWhenItIsAdopted) {
  const std::uint32_t stream = lab.console->open({}).value();
  lab.console->reset(stream, ResetCode::cancelled, "never mind");
  expect_live();
  ASSERT_TRUE(lab.endpoint->adopt(stream, {}));
  expect_live();
  EXPECT_FALSE(lab.endpoint->live_stream(stream));
  EXPECT_EQ(lab.endpoint->reset_text(stream), "never mind");
  // Numbers go on behind it.
  const std::uint32_t next = lab.console->open({}).value();
  EXPECT_EQ(next, stream + 2);
  EXPECT_TRUE(lab.endpoint->adopt(next, {}));
  expect_live();
}

TEST_F(StreamLife, ResetInACutIsToldWhenTheStreamIsAdoptedLater) {
  const std::uint32_t stream = lab.console->open({}).value();
  lab.cut(0);
  lab.console->reset(stream, ResetCode::cancelled, "never mind");
  lab.connect();
  expect_live();
  // The announcement came with the bytes of stream 0, late.
  ASSERT_TRUE(lab.endpoint->adopt(stream, {}));
  expect_live();
  EXPECT_FALSE(lab.endpoint->live_stream(stream));
}

TEST_F(StreamLife, ResetThatWasLostWithItsLinkIsSaidAgain) {
  const std::uint32_t stream = lab.console->open({}).value();
  lab.settle(5);
  lab.console->reset(stream, ResetCode::cancelled, "never mind");
  lab.cut(0);
  ASSERT_TRUE(lab.endpoint->adopt(stream, {}));
  lab.connect();
  expect_live();
  EXPECT_FALSE(lab.endpoint->live_stream(stream));
  EXPECT_EQ(lab.endpoint->reset_text(stream), "never mind");
}

TEST_F(StreamLife, StreamsThatCrossTheirResetsLeaveNothingInTheRelay) {
  for (int i = 0; i < 3000; ++i) {
    const std::uint32_t stream = lab.console->open({}).value();
    ASSERT_TRUE(lab.endpoint->adopt(stream, {}));
    lab.step(1 << 20);
    if (i % 3 != 1) lab.console->reset(stream, ResetCode::cancelled, "console");
    if (i % 3 != 2) lab.endpoint->reset(stream, ResetCode::cancelled, "endpoint");
    for (int j = 0; j < i % 7; ++j) lab.step(1 << 20);
  }
  expect_live();
}

TEST_F(StreamLife, AnEndWhoseAcknowledgementWasLostIsAcknowledgedAgain) {
  const std::uint32_t stream = lab.console->open({}).value();
  ASSERT_TRUE(lab.endpoint->adopt(stream, {}));
  lab.console->end(stream);
  lab.settle(10);
  // The endpoint takes the console's end, and the window that says so is lost on the way.
  ASSERT_TRUE(lab.endpoint->find(stream)->at_end());
  lab.endpoint->end_taken(stream);
  lab.links[2]->up.pump(1 << 20, limits::kFrameBytes, lab.now);
  lab.endpoint->end(stream);
  lab.cut(1);
  lab.connect();
  lab.settle(10);
  drained(*lab.console, stream);
  expect_live();
  EXPECT_FALSE(lab.console->live_stream(stream));
  EXPECT_FALSE(lab.endpoint->live_stream(stream));
}

TEST_F(StreamLife, OneStreamTooManyIsRefusedWithItsReason) {
  for (std::size_t i = 1; i < limits::kLiveStreams; ++i) {
    ASSERT_TRUE(lab.endpoint->adopt(lab.console->open({}).value(), {}));
  }
  EXPECT_FALSE(lab.console->open({}));
  expect_live();
  EXPECT_FALSE(lab.endpoint->open({}));
}

TEST_F(StreamLife, AllStreamsGoOnAfterACut) {
  std::vector<std::uint32_t> streams;
  for (std::size_t i = 1; i < limits::kLiveStreams; ++i) {
    streams.push_back(lab.console->open({}).value());
    ASSERT_TRUE(lab.endpoint->adopt(streams.back(), {}));
    write_all(*lab.console, streams.back(), "before ");
  }
  // Some of it has arrived, no window of the endpoint was sent.
  for (int i = 0; i < 30; ++i) lab.step(700);
  lab.cut(1);
  for (const std::uint32_t stream : streams) write_all(*lab.console, stream, "after");
  lab.connect();
  expect_live();
  for (const std::uint32_t stream : streams) ASSERT_EQ(drained(*lab.endpoint, stream), "before after");
}

TEST_F(StreamLife, AFullSessionRefusesTheOtherEndsStreamWithItsReason) {
  // Both ends fill up at the same time, each without knowing of the other's last one.
  for (std::size_t i = 1; i < limits::kLiveStreams; ++i) ASSERT_TRUE(lab.console->open({}));
  const std::uint32_t one_more = lab.endpoint->open({}).value();
  const Result<void> refused = lab.console->adopt(one_more, {});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Fault::too_large));
  expect_live();
  EXPECT_FALSE(lab.endpoint->live_stream(one_more));
  EXPECT_EQ(lab.endpoint->reset_text(one_more), "too many streams");
}

TEST_F(StreamLife, NumbersOfTheWrongParityOrOrderAreNotAdopted) {
  EXPECT_FALSE(lab.endpoint->adopt(0, {}));
  EXPECT_FALSE(lab.endpoint->adopt(3, {}));
  EXPECT_TRUE(lab.endpoint->adopt(6, {}));
  EXPECT_FALSE(lab.endpoint->adopt(6, {}));
  EXPECT_FALSE(lab.endpoint->adopt(4, {}));
}

TEST_F(StreamLife, SayingNothingCostsNothing) {
  const std::uint32_t stream = lab.console->open({}).value();
  ASSERT_TRUE(lab.endpoint->adopt(stream, {}));
  lab.settle(5);
  EXPECT_TRUE(lab.quiet());
  lab.console->taken(stream, 0);
  lab.console->write(stream, {});
  lab.console->reset(4711, ResetCode::cancelled, "not ours");
  lab.console->reset(0, ResetCode::cancelled, "never");
  lab.console->end(4711);
  EXPECT_TRUE(lab.quiet());
}

}  // namespace
}  // namespace jump::mux
