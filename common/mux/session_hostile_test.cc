// A session end whose other end, or relay, sends whatever it likes.
#include <gtest/gtest.h>

#include <random>

#include "common/mux/mux_lab.h"

namespace jump::mux {
namespace {

class Hostile : public testing::Test {
 protected:
  explicit Hostile(bool console = true) {
    SessionEnd::Options options;
    options.console = console;
    end = std::make_unique<SessionEnd>(options, ear, now);
    end->bind(outbox, 5, now);
  }

  Result<void> give(const Bytes& frame) {
    const Header header = decode_header(frame).value();
    return end->on_frame(header, ByteView(frame).subspan(kHeaderBytes), now);
  }
  Result<void> data(std::uint32_t stream, std::uint64_t offset, std::size_t size, std::uint8_t flags = 0) {
    const auto header = encode_data_header(5, stream, offset, size, flags);
    Bytes frame(header.begin(), header.end());
    frame.resize(frame.size() + size, 'x');
    return give(frame);
  }
  void go_live(std::vector<StreamPosition> streams = {{0, 0, 0, false}}) {
    ASSERT_TRUE(give(encode_attached(5, {600})));
    ASSERT_TRUE(give(encode_resume(5, {1, {}})));
    ASSERT_TRUE(give(encode_resumed(5, {1, 0, 0, std::move(streams)})));
    sent();
    ASSERT_EQ(end->state(), SessionEnd::State::live);
  }
  // The kinds of the frames that the end sends.
  std::vector<Kind> sent() {
    Batch batch;
    outbox.fill(batch, 1 << 24, limits::kFrameBytes, now);
    Bytes wire;
    for (const ByteView part : batch.parts()) wire.insert(wire.end(), part.begin(), part.end());
    std::vector<Kind> kinds;
    for (std::size_t at = 0; at < wire.size();) {
      const Header header = decode_header(ByteView(wire).subspan(at)).value();
      kinds.push_back(static_cast<Kind>(header.kind));
      at += header.length;
    }
    return kinds;
  }
  // A broken rule ends the session: this end leaves, and says which.
  void expect_fault(const Result<void>& result, const std::string& text) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message(), text);
    EXPECT_EQ(end->state(), SessionEnd::State::leaving);
    EXPECT_EQ(end->notice().reason, Reason::protocol);
    EXPECT_EQ(end->notice().text, text);
    const std::vector<Kind> kinds = sent();
    EXPECT_TRUE(std::ranges::count(kinds, Kind::leave) == 1);
  }

  Instant now{std::chrono::hours(1)};
  lab::Ear ear;
  Outbox outbox{[] {}};
  std::unique_ptr<SessionEnd> end;
};

TEST_F(Hostile, RefusesDataWithoutCredit) {
  go_live();
  expect_fault(data(0, limits::kWindowStart - 10, 11), "stream 0: data up to 262145, allowed were 262144");
}

TEST_F(Hostile, RefusesDataWithAGap) {
  go_live();
  ASSERT_TRUE(data(0, 0, 10));
  expect_fault(data(0, 11, 5), "stream 0: data at 11, next was 10");
}

TEST_F(Hostile, TakesDataThatComesAgain) {
  go_live();
  ASSERT_TRUE(data(0, 0, 10));
  ASSERT_TRUE(data(0, 5, 10));
  ASSERT_TRUE(data(0, 0, 3));
  EXPECT_EQ(end->find(0)->readable(), 15u);
}

TEST_F(Hostile, RefusesDataBehindTheEnd) {
  go_live();
  ASSERT_TRUE(data(0, 0, 10));
  ASSERT_TRUE(give(encode_end(5, 0, 10)));
  ASSERT_TRUE(give(encode_end(5, 0, 10)));
  expect_fault(data(0, 10, 1), "stream 0: data behind its end");
}

TEST_F(Hostile, RefusesAnEndElsewhere) {
  go_live();
  expect_fault(give(encode_end(5, 0, 10)), "stream 0: end at 10, received is 0");
}

TEST_F(Hostile, RefusesTakenOfWhatWasNotSent) {
  go_live();
  end->write(0, as_bytes("hello"));
  ASSERT_TRUE(give(encode_window(5, 0, {0, 3})));
  sent();
  ASSERT_TRUE(give(encode_window(5, 0, {2, 3})));
  expect_fault(give(encode_window(5, 0, {4, 3})), "stream 0: 4 taken, possible is 2 to 3");
}

TEST_F(Hostile, RefusesTakenThatGoesBack) {
  go_live();
  end->write(0, as_bytes("hello"));
  ASSERT_TRUE(give(encode_window(5, 0, {0, 3})));
  sent();
  ASSERT_TRUE(give(encode_window(5, 0, {2, 3})));
  expect_fault(give(encode_window(5, 0, {1, 3})), "stream 0: 1 taken, possible is 2 to 3");
}

TEST_F(Hostile, CreditNeverShrinksWithinAnAttachment) {
  go_live();
  end->write(0, as_bytes("hello"));
  ASSERT_TRUE(give(encode_window(5, 0, {0, 3})));
  ASSERT_TRUE(give(encode_window(5, 0, {0, 1})));
  sent();
  EXPECT_TRUE(give(encode_window(5, 0, {3, 3})));
}

TEST_F(Hostile, RefusesFramesOfAStreamThatNeverWas) {
  go_live();
  expect_fault(data(2, 0, 1), "stream 2 was never opened");
}

TEST_F(Hostile, RefusesDataOfAStreamThatIsNotAnnounced) {
  go_live();
  expect_fault(data(3, 0, 1), "stream 3 was never opened");
}

TEST_F(Hostile, RefusesAWindowForANumberOfItsOwnThatItNeverGaveOut) {
  go_live();
  expect_fault(give(encode_window(5, 2, {0, 10})), "stream 2 was never opened");
}

TEST_F(Hostile, RefusesAListWithSuchANumber) {
  ASSERT_TRUE(give(encode_attached(5, {600})));
  ASSERT_TRUE(give(encode_resume(5, {1, {}})));
  expect_fault(give(encode_resumed(5, {1, 0, 0, {{2, 0, 0, false}}})), "stream 2 was never opened");
}

TEST_F(Hostile, RefusesAListThatWantsWhatIsGone) {
  go_live();
  end->write(0, as_bytes("hello"));
  ASSERT_TRUE(give(encode_window(5, 0, {0, 100})));
  sent();
  ASSERT_TRUE(give(encode_window(5, 0, {3, 100})));
  ASSERT_TRUE(give(encode_resume(5, {2, {}})));
  expect_fault(give(encode_resumed(5, {2, 0, 0, {{0, 2, 0, false}}})),
               "stream 0: the other end wants offset 2, which is not kept");
}

TEST_F(Hostile, RefusesAListThatHasWhatWasNeverWritten) {
  ASSERT_TRUE(give(encode_attached(5, {600})));
  ASSERT_TRUE(give(encode_resume(5, {1, {}})));
  expect_fault(give(encode_resumed(5, {1, 0, 0, {{0, 1, 0, false}}})),
               "stream 0: the other end wants offset 1, which is not kept");
}

TEST_F(Hostile, RefusesAListThatHasAnEndThatWasNeverSaid) {
  ASSERT_TRUE(give(encode_attached(5, {600})));
  ASSERT_TRUE(give(encode_resume(5, {1, {}})));
  expect_fault(give(encode_resumed(5, {1, 0, 0, {{0, 0, 0, true}}})),
               "stream 0: the other end wants offset 0, which is not kept");
}

TEST_F(Hostile, RefusesASecondList) {
  go_live();
  expect_fault(give(encode_resumed(5, {1, 0, 0, {}})), "a second resumed");
}

TEST_F(Hostile, IgnoresAListOfAnotherAttachment) {
  go_live();
  EXPECT_TRUE(give(encode_resumed(5, {2, 0, 0, {{2, 0, 0, false}}})));
  EXPECT_EQ(end->state(), SessionEnd::State::live);
}

TEST_F(Hostile, RefusesResumeBeforeAttached) {
  const auto refused = give(encode_resume(5, {1, {}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "resume before attached");
}

TEST_F(Hostile, RefusesAttachedTwice) {
  go_live();
  expect_fault(give(encode_attached(5, {1})), "attached without attach");
}

TEST_F(Hostile, RefusesAnotherEndpointProcess) {
  go_live();
  expect_fault(give(encode_resume(5, {2, {1}})), "the session has another endpoint process");
}

TEST_F(Hostile, RefusesAResetOfStreamZero) {
  go_live();
  expect_fault(give(encode_reset(5, 0, {})), "reset of stream 0");
}

TEST_F(Hostile, RefusesKindsThatAreNotOfASession) {
  go_live();
  expect_fault(give(encode_ping(Kind::ping, {})), "ping frame is not legal here");
}

TEST_F(Hostile, SkipsNewerKinds) {
  go_live();
  Bytes frame(kHeaderBytes + 3);
  encode_header(frame.data(), {200, 0xFF, kHeaderBytes + 3, 5});
  EXPECT_TRUE(give(frame));
  EXPECT_EQ(end->state(), SessionEnd::State::live);
}

TEST_F(Hostile, AFloodOfResetsForClosedStreamsEndsTheSession) {
  go_live();
  const std::uint32_t stream = end->open({}).value();
  end->reset(stream, ResetCode::cancelled, "");
  ASSERT_TRUE(give(encode_reset(5, stream, {})));
  int passed = 0;
  while (give(encode_reset(5, stream, {})) && passed < 10000) ++passed;
  EXPECT_LE(passed, 2048);
  EXPECT_EQ(end->notice().reason, Reason::protocol);
}

TEST_F(Hostile, AFloodOfThingsSaidBeforeTheirStreamEndsTheSession) {
  go_live();
  std::uint32_t number = 1;
  while (give(encode_window(5, number, {0, 10})) && number < 100000) number += 2;
  EXPECT_LE(number, 2 * limits::kLiveStreams + 3);
}

TEST_F(Hostile, ALieAboutAnOrderlyCloseIsSeenAsAReset) {
  go_live();
  const std::uint32_t stream = end->open({}).value();
  end->write(stream, as_bytes("important"));
  ASSERT_TRUE(give(encode_reset(5, stream, {ResetCode::closed, ""})));
  EXPECT_FALSE(end->live_stream(stream));
  EXPECT_EQ(end->reset_text(stream), "reset by the other end");
}

TEST_F(Hostile, TheWaitLimitOfTheApplianceIsBounded) {
  ASSERT_TRUE(give(encode_attached(5, {0xFFFFFFFF})));
  EXPECT_EQ(end->wait_limit(), Duration(limits::kWaitLimitMost));
  ASSERT_TRUE(end->deadline());
}

TEST_F(Hostile, NothingIsDoneAfterTheEnd) {
  go_live();
  ASSERT_TRUE(give(encode_notice(Kind::leave, 5, {Reason::ended_by_owner, "bye"})));
  EXPECT_EQ(end->state(), SessionEnd::State::over);
  EXPECT_FALSE(end->bound());
  EXPECT_TRUE(data(0, 99, 99));
  end->write(0, as_bytes("x"));
  end->leave(Reason::finished, "");
  end->poll(now + std::chrono::hours(1000));
  EXPECT_TRUE(sent().empty());
  EXPECT_EQ(end->notice().text, "bye");
}

TEST_F(Hostile, LeaveIsAnsweredWithinTheLimitOrNot) {
  ASSERT_TRUE(give(encode_attached(5, {600})));
  now += std::chrono::seconds(601);
  end->poll(now);
  EXPECT_EQ(end->state(), SessionEnd::State::leaving);
  // Asked at once again, the answer still has its time.
  end->poll(now);
  EXPECT_EQ(end->state(), SessionEnd::State::leaving);
  EXPECT_EQ(end->deadline(), now + limits::kShutdownLimit);
  now += limits::kShutdownLimit;
  end->poll(now);
  EXPECT_EQ(end->state(), SessionEnd::State::over);
  EXPECT_EQ(end->notice().reason, Reason::wait_limit);
}

TEST_F(Hostile, WindowsOfAllStreamsTogetherHaveALimit) {
  go_live();
  std::uint64_t granted = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint32_t stream = end->open({}).value();
    sent();
    // A reader that keeps up with a sender that always wants more.
    std::uint64_t offset = 0;
    std::uint64_t allowed = limits::kWindowStart;
    for (int round = 0; round < 12; ++round) {
      while (offset < allowed) {
        const std::size_t size = std::min<std::uint64_t>(16000, allowed - offset);
        ASSERT_TRUE(data(stream, offset, size, offset + size == allowed ? kFlagHeld : 0));
        offset += size;
        Bytes into(size);
        end->read(stream, into);
        end->taken(stream, size);
      }
      Batch batch;
      outbox.fill(batch, 1 << 24, limits::kFrameBytes, now);
      for (const ByteView part : batch.parts()) {
        if (part[0] != static_cast<std::uint8_t>(Kind::window)) continue;
        const WindowView view = decode_window(part.subspan(kHeaderBytes)).value();
        if (view.stream == stream) allowed = view.window.allowed;
      }
    }
    granted += allowed - offset;
  }
  EXPECT_LE(granted, limits::kTunnelPool + 100 * limits::kWindowStart);
  EXPECT_GE(granted, limits::kTunnelPool / 2 + 100 * limits::kWindowStart);
}

// The same fixture for what a good peer does at a bad moment.
class OneEnd : public Hostile {};

TEST_F(OneEnd, AcknowledgesAnEndAnewInEachAttachmentBeforeItForgetsTheStream) {
  go_live();
  const std::uint32_t stream = end->open({}).value();
  end->end(stream);
  ASSERT_TRUE(give(encode_window(5, stream, {0, 100})));
  ASSERT_TRUE(give(encode_end(5, stream, 0)));
  end->end_taken(stream);
  sent();  // the window that says so: lost with its link
  // The list and the acknowledgement of our own end come before this end can write anything.
  ASSERT_TRUE(give(encode_resume(5, {2, {}})));
  ASSERT_TRUE(give(encode_resumed(5, {2, stream, 0, {{0, 0, 0, false}, {stream, 0, 0, true}}})));
  ASSERT_TRUE(give(encode_window(5, stream, {1, 100})));
  EXPECT_TRUE(end->live_stream(stream));
  EXPECT_EQ(std::ranges::count(sent(), Kind::window), 2);
  EXPECT_FALSE(end->live_stream(stream));
}

// Frames that are nearly right, in any order.
class HostileRandom : public testing::TestWithParam<bool> {};

TEST_P(HostileRandom, NeverCrashesNorGrows) {
  const unsigned seeds = lab::seeds(200);
  for (unsigned seed = 0; seed < seeds; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    const auto some = [&]() -> std::uint64_t {
      switch (below(6)) {
        case 0:
          return 0;
        case 1:
          return below(20);
        case 2:
          return below(400000);
        case 3:
          return limits::kWindowStart - 3 + below(6);
        case 4:
          return (1ull << 62) - below(3);
        default:
          return below(3000);
      }
    };
    Instant now{std::chrono::hours(1)};
    lab::Ear ear;
    Outbox outbox([] {});
    SessionEnd::Options options;
    options.console = GetParam();
    options.take_over = options.console && below(3) == 0;
    options.learnt.retain = below(2) * 1000;
    options.zero.retain = below(2) * 100;
    SessionEnd end(options, ear, now);
    end.bind(outbox, 5, now);
    std::uint32_t serial = 1;
    const auto give = [&](const Bytes& frame) {
      const Header header = decode_header(frame).value();
      return end.on_frame(header, ByteView(frame).subspan(kHeaderBytes), now);
    };
    give(encode_attached(5, {600}));
    for (int step = 0; step < 600 && end.state() != SessionEnd::State::over; ++step) {
      now += std::chrono::milliseconds(below(50));
      const std::uint32_t stream = below(12);
      switch (below(24)) {
        case 0:
          give(encode_resume(5, {++serial, {static_cast<std::uint8_t>(below(10) == 0)}}));
          break;
        case 1:
        case 2: {
          Resumed resumed{serial, below(30), below(30), {}};
          for (std::uint32_t i = below(2); i < 12; i += 1 + below(4)) {
            resumed.streams.push_back({i, below(3) ? 0 : some(), below(3) ? 0 : some(), below(8) == 0});
          }
          give(encode_resumed(5, resumed));
          break;
        }
        case 3:
          give(encode_notice(Kind::detached, 5, {Reason::link_lost, "x"}));
          break;
        case 4:
        case 5:
        case 6: {
          const StreamState* state = end.find(stream);
          const std::uint64_t at = state == nullptr || below(5) == 0 ? some() : state->position().next;
          const std::size_t size = 1 + below(below(10) == 0 ? kMostData : 200);
          const auto header = encode_data_header(5, stream, at, size, static_cast<std::uint8_t>(below(2)));
          Bytes frame(header.begin(), header.end());
          frame.resize(frame.size() + size, 'x');
          give(frame);
          break;
        }
        case 7:
        case 8:
        case 9:
          give(encode_window(5, stream, {below(2) ? 0 : some(), some()}));
          break;
        case 10: {
          const StreamState* state = end.find(stream);
          give(encode_end(5, stream, state == nullptr || below(3) == 0 ? some() : state->position().next));
          break;
        }
        case 11:
          give(encode_reset(5, stream, {static_cast<ResetCode>(below(6)), "x"}));
          break;
        case 12: {
          Bytes frame(kHeaderBytes + below(40));
          for (std::uint8_t& byte : frame) byte = static_cast<std::uint8_t>(random());
          encode_header(frame.data(), {static_cast<std::uint8_t>(below(4) ? below(20) : below(256)), 0,
                                       static_cast<std::uint16_t>(frame.size()), 5});
          if (frame[0] != static_cast<std::uint8_t>(Kind::leave) &&
              frame[0] != static_cast<std::uint8_t>(Kind::refused)) {
            give(frame);
          }
          break;
        }
        case 13:
          (void)end.open({});
          break;
        case 14:
          (void)end.adopt(stream, {});
          break;
        case 15:
          end.reset(stream, ResetCode::failed, "y");
          break;
        case 16:
          if (end.find(stream) != nullptr && end.room(stream) > 100)
            end.write(stream, Bytes(below(100), 'w'));
          break;
        case 17:
          end.end(stream);
          break;
        case 18: {
          std::string got;
          lab::Lab::drain(end, stream, got, below(1000));
          break;
        }
        case 19:
          if (below(10) == 0) {
            end.unbind(now);
            end.bind(outbox, 5, now);
            give(encode_attached(5, {600}));
          }
          break;
        default: {
          Batch batch;
          outbox.fill(batch, 1 + below(100000), 1024 + below(15000), now);
        }
      }
      std::uint64_t held = 0;
      for (std::uint32_t i = 0; i < 64; ++i) {
        const StreamState* state = end.find(i);
        if (state != nullptr) held += state->readable();
      }
      ASSERT_LE(held, 64 * limits::kWindowStart + limits::kTunnelPool) << "seed " << seed;
    }
    end.unbind(now);
  }
}

INSTANTIATE_TEST_SUITE_P(Ends, HostileRandom, testing::Bool());

}  // namespace
}  // namespace jump::mux
