// Another console takes a session over: what it finds, what the old one left behind.
#include <gtest/gtest.h>

#include "common/mux/mux_lab.h"

namespace jump::mux {
namespace {

using lab::Lab;

std::string drained(SessionEnd& end, std::uint32_t stream) {
  std::string got;
  Lab::drain(end, stream, got);
  return got;
}

class Takeover : public testing::Test {
 protected:
  static StreamOptions tty() {
    StreamOptions options;
    options.retain = limits::kShellKept;
    return options;
  }
  void SetUp() override {
    lab.connect();
    lab.settle(10);
    ASSERT_EQ(lab.console->state(), SessionEnd::State::live);
  }
  // Another console comes; the first one is cut off, or finds itself replaced.
  void take_over(bool cut = true) {
    if (cut) lab.cut(0);
    lab.take_over(++instance_);
    lab.settle(30);
    ASSERT_EQ(lab.console->state(), SessionEnd::State::live) << lab.console->notice().text;
    ASSERT_EQ(lab.endpoint->state(), SessionEnd::State::live) << lab.endpoint->notice().text;
  }
  Lab lab{true, tty()};
  std::uint8_t instance_ = 10;
};

TEST_F(Takeover, NumbersOfTheOldConsoleAreNeverUsedAgain) {
  const std::uint32_t first = lab.console->open(tty()).value();
  const std::uint32_t second = lab.console->open({}).value();
  ASSERT_TRUE(lab.endpoint->adopt(first, tty()));
  ASSERT_TRUE(lab.endpoint->adopt(second, {}));
  lab.settle(10);
  lab.console->reset(second, ResetCode::cancelled, "closed");
  lab.settle(10);
  take_over();
  EXPECT_TRUE(lab.console->live_stream(first));
  const std::uint32_t next = lab.console->open({}).value();
  EXPECT_GT(next, second);
  EXPECT_TRUE(lab.endpoint->adopt(next, {}));
  lab.settle(10);
  EXPECT_EQ(lab.console->state(), SessionEnd::State::live);
  EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::live);
}

TEST_F(Takeover, AnAnnouncementThatTheOldConsoleLeftBehindIsVoid) {
  // Announced, not read yet by the endpoint's program when the new console comes.
  const std::uint32_t old = lab.console->open({}).value();
  lab.settle(10);
  take_over();
  const std::uint32_t fresh = lab.console->open({}).value();
  EXPECT_GT(fresh, old);
  const Result<void> refused = lab.endpoint->adopt(old, {});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Fault::closed));
  EXPECT_TRUE(lab.endpoint->adopt(fresh, {}));
  lab.settle(10);
  EXPECT_EQ(lab.console->state(), SessionEnd::State::live) << lab.console->notice().text;
  EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::live);
}

TEST_F(Takeover, NothingIsOpenedBeforeTheStreamsAreLearnt) {
  lab.cut(0);
  lab.take_over(9);
  const auto refused = lab.console->open({});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Fault::unavailable));
  lab.settle(30);
  EXPECT_TRUE(lab.console->open({}));
}

TEST_F(Takeover, AStreamWhoseInputEndedIsLearntAsEnded) {
  const std::uint32_t stream = lab.console->open(tty()).value();
  ASSERT_TRUE(lab.endpoint->adopt(stream, tty()));
  lab.console->write(stream, as_bytes("input"));
  lab.console->end(stream);
  lab.settle(10);
  EXPECT_EQ(drained(*lab.endpoint, stream), "input");
  lab.settle(10);
  take_over();
  ASSERT_TRUE(lab.console->live_stream(stream));
  EXPECT_TRUE(lab.console->find(stream)->ended());
  EXPECT_TRUE(lab.console->find(stream)->flushed());
  EXPECT_EQ(lab.console->room(stream), 0u);
  lab.endpoint->write(stream, as_bytes("output"));
  lab.endpoint->end(stream);
  lab.settle(10);
  EXPECT_EQ(drained(*lab.console, stream), "output");
  lab.settle(10);
  EXPECT_FALSE(lab.console->live_stream(stream));
  EXPECT_FALSE(lab.endpoint->live_stream(stream));
}

TEST_F(Takeover, StreamsThatKeepNothingAreGone) {
  const std::uint32_t stream = lab.console->open({}).value();
  ASSERT_TRUE(lab.endpoint->adopt(stream, {}));
  lab.endpoint->write(stream, as_bytes("half of a file"));
  lab.settle(10);
  take_over();
  EXPECT_FALSE(lab.console->live_stream(stream));
  EXPECT_FALSE(lab.endpoint->live_stream(stream));
  EXPECT_EQ(lab.endpoint->reset_text(stream), "another console took over");
}

TEST_F(Takeover, OnlyTheLastOutputIsKept) {
  const std::uint32_t stream = lab.console->open(tty()).value();
  ASSERT_TRUE(lab.endpoint->adopt(stream, tty()));
  std::string all, got;
  for (int i = 0; i < 60; ++i) {
    std::string part(10000, static_cast<char>('a' + i % 26));
    lab.endpoint->write(stream, as_bytes(part));
    all += part;
    lab.settle(5);
    Lab::drain(*lab.console, stream, got);
    lab.settle(5);
  }
  ASSERT_EQ(got, all);
  take_over();
  lab.settle(100);
  EXPECT_EQ(drained(*lab.console, stream), all.substr(all.size() - limits::kShellKept));
}

TEST_F(Takeover, WhatTheSecondConsoleDidNotReadComesAgainForTheThird) {
  const std::uint32_t stream = lab.console->open(tty()).value();
  ASSERT_TRUE(lab.endpoint->adopt(stream, tty()));
  lab.endpoint->write(stream, as_bytes("screen"));
  lab.settle(10);
  EXPECT_EQ(drained(*lab.console, stream), "screen");
  take_over();
  take_over();
  EXPECT_EQ(drained(*lab.console, stream), "screen");
  lab.endpoint->write(stream, as_bytes(" more"));
  lab.settle(10);
  EXPECT_EQ(drained(*lab.console, stream), " more");
}

TEST_F(Takeover, TheOldConsoleIsToldWhileItIsThere) {
  auto& old = *lab.console;
  take_over(false);
  EXPECT_EQ(old.state(), SessionEnd::State::over);
  EXPECT_EQ(old.notice().reason, Reason::taken_over);
  EXPECT_EQ(old.notice().text, "taken over by someone");
}

TEST_F(Takeover, ACutBeforeTheStreamsWereLearntChangesNothing) {
  const std::uint32_t stream = lab.console->open(tty()).value();
  ASSERT_TRUE(lab.endpoint->adopt(stream, tty()));
  lab.endpoint->write(stream, as_bytes("screen"));
  lab.settle(10);
  EXPECT_EQ(drained(*lab.console, stream), "screen");
  lab.settle(10);
  for (int bytes = 0; bytes < 200; bytes += 7) {
    lab.cut(0);
    lab.take_over(++instance_);
    for (int i = 0; i < bytes; ++i) lab.step(1);
    lab.cut(0);
    lab.connect();
    lab.settle(30);
    ASSERT_EQ(lab.console->state(), SessionEnd::State::live) << lab.console->notice().text;
    ASSERT_EQ(drained(*lab.console, stream), "screen") << bytes;
    lab.settle(10);
  }
}

TEST_F(Takeover, ResetsOfTheOldConsoleDoNotReachTheNewOne) {
  const std::uint32_t stream = lab.console->open(tty()).value();
  ASSERT_TRUE(lab.endpoint->adopt(stream, tty()));
  lab.settle(10);
  lab.cut(0);
  lab.endpoint->reset(stream, ResetCode::failed, "the program died");
  take_over();
  EXPECT_FALSE(lab.console->live_stream(stream));
  EXPECT_EQ(lab.console->state(), SessionEnd::State::live);
}

TEST_F(Takeover, AnotherEndpointProcessIsRefused) {
  SessionEnd::Options options;
  options.session[0] = 7;
  options.instance[0] = 99;
  lab::Ear ear;
  lab.cut(1);
  auto first = std::exchange(lab.endpoint, std::make_unique<SessionEnd>(options, ear, lab.now));
  lab.connect();
  lab.settle(10);
  EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::over);
  EXPECT_EQ(lab.endpoint->notice().reason, Reason::not_allowed);
  EXPECT_EQ(lab.console->state(), SessionEnd::State::waiting);
}

}  // namespace
}  // namespace jump::mux
