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

}  // namespace
}  // namespace jump::mux
