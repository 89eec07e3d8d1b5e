#include <gtest/gtest.h>

#include "common/mux/mux_lab.h"

namespace jump::mux {
namespace {

using lab::Lab;

std::string pattern(std::uint64_t from, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(((from + i) * 2654435761u) >> 13);
  return text;
}

TEST(Session, CarriesBytesBothWaysAndBothEnds) {
  Lab lab;
  lab.connect();
  lab.settle(10);
  ASSERT_EQ(lab.console->state(), SessionEnd::State::live);
  ASSERT_EQ(lab.endpoint->state(), SessionEnd::State::live);
  const std::uint32_t stream = lab.console->open({}).value();
  EXPECT_EQ(stream, 2u);
  ASSERT_TRUE(lab.endpoint->adopt(stream, {}));
  lab.console->write(stream, as_bytes("hello"));
  lab.settle(10);
  std::string got;
  Lab::drain(*lab.endpoint, stream, got);
  EXPECT_EQ(got, "hello");
  lab.endpoint->write(stream, as_bytes("world"));
  lab.endpoint->end(stream);
  lab.settle(10);
  got.clear();
  Lab::drain(*lab.console, stream, got);
  EXPECT_EQ(got, "world");
  lab.console->end(stream);
  lab.settle(10);
  Lab::drain(*lab.endpoint, stream, got);
  lab.settle(10);
  EXPECT_FALSE(lab.console->live_stream(stream));
  EXPECT_FALSE(lab.endpoint->live_stream(stream));
  EXPECT_EQ(lab.anchor->relay().queued_bytes(), 0u);
}

TEST(Session, DetachedEndKeepsWhatWasNotTakenAndWaits) {
  Lab lab;
  lab.connect();
  lab.settle(10);
  lab.endpoint->write(0, as_bytes("before "));
  lab.settle(10);
  lab.cut(0);
  lab.settle(5);
  EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::waiting);
  EXPECT_EQ(lab.endpoint->notice().reason, Reason::link_lost);
  EXPECT_TRUE(lab.endpoint->deadline());
  lab.endpoint->write(0, as_bytes("during "));
  lab.connect();
  lab.settle(10);
  lab.endpoint->write(0, as_bytes("after"));
  lab.settle(10);
  std::string got;
  Lab::drain(*lab.console, 0, got);
  EXPECT_EQ(got, "before during after");
  EXPECT_FALSE(lab.endpoint->deadline());
}

TEST(Session, EndsWhenTheWaitLimitIsOver) {
  Lab lab;
  lab.connect();
  lab.settle(10);
  lab.cut(0);
  lab.settle(5);
  lab.now += std::chrono::seconds(599);
  lab.endpoint->poll(lab.now);
  EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::waiting);
  lab.now += std::chrono::seconds(2);
  lab.endpoint->poll(lab.now);
  lab.settle(10);
  EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::over);
  ASSERT_EQ(lab.leaves.size(), 1u);
  EXPECT_EQ(lab.leaves[0].reason, Reason::wait_limit);
}

TEST(Session, HoldsTheWriterWhenTheReaderTakesNothing) {
  Lab lab;
  lab.connect();
  lab.settle(10);
  const std::uint32_t stream = lab.console->open({}).value();
  ASSERT_TRUE(lab.endpoint->adopt(stream, {}));
  std::uint64_t written = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::size_t room = std::min<std::size_t>(lab.console->room(stream), 30000);
    if (room > 0) lab.console->write(stream, as_bytes(pattern(written, room)));
    written += room;
    lab.step(1 << 20);
  }
  // The receiver's window, not more, is with it; nothing piles up between.
  EXPECT_LE(lab.endpoint->find(stream)->readable(), limits::kWindowStart);
  EXPECT_LE(lab.anchor->relay().queued_bytes(), limits::kRelayBudget * 2);
  EXPECT_LE(written, 1024u * 1024u);
}

TEST(Session, LeaveOfTheEndpointEndsTheConsole) {
  Lab lab;
  lab.connect();
  lab.settle(10);
  lab.endpoint->leave(Reason::finished, "done");
  lab.settle(10);
  EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::over);
  EXPECT_EQ(lab.console->state(), SessionEnd::State::over);
  EXPECT_EQ(lab.console->notice().text, "done");
}

TEST(Session, LeaveIsToldAgainAfterACut) {
  Lab lab;
  lab.connect();
  lab.settle(10);
  lab.endpoint->leave(Reason::finished, "done");
  lab.cut(1);
  EXPECT_NE(lab.endpoint->state(), SessionEnd::State::over);
  lab.connect();
  lab.settle(10);
  EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::over);
  EXPECT_EQ(lab.console->state(), SessionEnd::State::over);
}

TEST(Session, AnotherConsoleTakesOverWithTheKeptOutput) {
  StreamOptions tty;
  tty.retain = limits::kShellKept;
  Lab lab(true, tty);
  lab.connect();
  lab.settle(10);
  const std::uint32_t stream = lab.console->open(tty).value();
  ASSERT_TRUE(lab.endpoint->adopt(stream, tty));
  const std::string text = pattern(0, 100000);
  lab.endpoint->write(stream, as_bytes(text));
  lab.console->write(stream, as_bytes("typed"));
  lab.settle(100);
  std::string got;
  Lab::drain(*lab.console, stream, got);
  EXPECT_EQ(got, text);
  got.clear();
  Lab::drain(*lab.endpoint, stream, got);
  EXPECT_EQ(got, "typed");
  lab.settle(10);

  // The first console is killed; a second one comes that knows nothing but the session.
  lab.cut(0);
  SessionEnd::Options options;
  options.session[0] = 7;
  options.console = true;
  options.instance[0] = 9;
  options.take_over = true;
  options.learnt = tty;
  lab::Ear ear;
  auto first = std::move(lab.console);
  lab.console = std::make_unique<SessionEnd>(options, ear, lab.now);
  lab.connect();
  lab.settle(50);
  ASSERT_TRUE(lab.console->live_stream(stream));
  got.clear();
  Lab::drain(*lab.console, stream, got);
  EXPECT_EQ(got, text);
  lab.console->write(stream, as_bytes(" more"));
  lab.settle(20);
  got.clear();
  Lab::drain(*lab.endpoint, stream, got);
  EXPECT_EQ(got, " more");

  // The old one comes back and is refused for good.
  lab.cut(0);
  auto second = std::move(lab.console);
  lab.console = std::move(first);
  lab.connect();
  lab.settle(10);
  EXPECT_EQ(lab.console->state(), SessionEnd::State::over);
  EXPECT_EQ(lab.console->notice().text, "taken over by someone");
}

TEST(Session, LeavesFromEveryState) {
  struct Case {
    const char* name;
    void (*prepare)(Lab&);
  };
  const Case cases[] = {
      {"unbound", [](Lab&) {}},
      {"attaching", [](Lab& lab) { lab.connect(); }},
      {"waiting",
       [](Lab& lab) {
         lab.connect();
         lab.settle(10);
         lab.cut(0);
         lab.settle(5);
       }},
      {"live",
       [](Lab& lab) {
         lab.connect();
         lab.settle(10);
       }},
      {"half resumed",
       [](Lab& lab) {
         lab.connect();
         while (lab.endpoint->state() != SessionEnd::State::live) lab.step(1 << 20);
       }},
  };
  for (const Case& each : cases) {
    Lab lab;
    each.prepare(lab);
    lab.endpoint->leave(Reason::finished, "done");
    lab.endpoint->leave(Reason::failed, "again");
    lab.connect();
    lab.settle(20);
    EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::over) << each.name;
    EXPECT_EQ(lab.endpoint->notice().reason, Reason::finished) << each.name;
    ASSERT_EQ(lab.leaves.size(), 1u) << each.name;
    EXPECT_EQ(lab.leaves[0].text, "done") << each.name;
  }
}

TEST(Session, BothMayLeaveAtOnce) {
  Lab lab;
  lab.connect();
  lab.settle(10);
  lab.endpoint->leave(Reason::finished, "the program ended");
  lab.console->leave(Reason::ended_by_owner, "closed");
  lab.settle(10);
  EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::over);
  EXPECT_EQ(lab.console->state(), SessionEnd::State::over);
  EXPECT_EQ(lab.leaves.size(), 1u);
}

TEST(Session, IsOverWhenItIsRefused) {
  for (const bool live_before : {false, true}) {
    Lab lab;
    if (live_before) {
      lab.connect();
      lab.settle(10);
      lab.cut(0);
    }
    Outbox outbox([] {});
    lab.console->bind(outbox, 3, lab.now);
    const Bytes frame = encode_notice(Kind::refused, 3, {Reason::not_found, "the session ended at 12:00"});
    EXPECT_TRUE(
        lab.console->on_frame(decode_header(frame).value(), ByteView(frame).subspan(kHeaderBytes), lab.now));
    EXPECT_EQ(lab.console->state(), SessionEnd::State::over);
    EXPECT_EQ(lab.console->notice().text, "the session ended at 12:00");
    EXPECT_FALSE(lab.console->deadline());
    EXPECT_FALSE(outbox.pending());
    lab.console->bind(outbox, 4, lab.now);
    EXPECT_FALSE(lab.console->bound());
  }
}

TEST(Session, LetsGoAndComesBack) {
  Lab lab;
  lab.connect();
  lab.settle(10);
  lab.console->leave(Reason::let_go, "later");
  lab.settle(10);
  EXPECT_EQ(lab.console->state(), SessionEnd::State::over);
  EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::waiting);
  EXPECT_TRUE(lab.endpoint->deadline());
  lab.endpoint->write(0, as_bytes("meanwhile"));
  lab.take_over(9);
  lab.settle(20);
  EXPECT_EQ(lab.endpoint->state(), SessionEnd::State::live);
}

TEST(Session, AFullRecordingHoldsItWithoutACountdown) {
  Lab lab;
  lab.connect();
  lab.settle(10);
  lab.anchor->set_holding(true);
  lab.settle(5);
  EXPECT_EQ(lab.console->state(), SessionEnd::State::waiting);
  EXPECT_EQ(lab.console->notice().reason, Reason::no_space);
  EXPECT_FALSE(lab.console->deadline());
  lab.console->write(0, as_bytes("typed"));
  lab.anchor->set_holding(false);
  lab.settle(10);
  std::string got;
  Lab::drain(*lab.endpoint, 0, got);
  EXPECT_EQ(got, "typed");
}

}  // namespace
}  // namespace jump::mux
