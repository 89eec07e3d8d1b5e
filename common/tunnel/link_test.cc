// Link over memory: who writes what, and when. What sessions make of it is tested in common/mux and
// tests/e2e.
#include "common/tunnel/link.h"

#include <gtest/gtest.h>

#include "common/tunnel/tunnel_test_support.h"
#include "tests/support/memory_transport.h"

namespace jump::tunnel::test {
namespace {

Bytes ping(std::uint64_t number) {
  return mux::encode_ping(mux::Kind::ping, {number});
}
Bytes pings(std::uint64_t from, std::uint64_t until) {
  Bytes all;
  for (std::uint64_t number = from; number < until; ++number) {
    const Bytes one = ping(number);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

// A link, and the other end of its wire in the hands of the test.
struct LinkEnd final : LinkHandler {
  explicit LinkEnd(asio::io_context& io)
      : pair(jump::test::memory_pair(io.get_executor())), link(io.get_executor(), *pair.first, *this) {}

  Result<void> on_frame(const mux::FrameView&, Instant) override {
    if (on_each) on_each();
    return {};
  }
  void on_go_away(const mux::GoAwayBody&) override {}

  Task<> run() { ended = co_await link.run(); }
  void send(ByteView bytes) { ASSERT_TRUE(pair.second->write_now({&bytes, 1})); }
  Bytes arrived() {
    Bytes all;
    Bytes part(16384);
    while (true) {
      const Result<std::size_t> got = pair.second->read_now(part);
      if (!got || *got == 0) return all;
      all.insert(all.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(*got));
    }
  }

  jump::test::MemoryPair pair;
  std::function<void()> on_each;
  std::optional<Error> ended;
  Link link;
};

struct Links : testing::Test {
  void SetUp() override {
    group.spawn("a", a.run());
    group.spawn("b", b.run());
    turn([] {});
  }
  void TearDown() override {
    a.link.close(Error(Fault::closed, "the test is over"));
    b.link.close(Error(Fault::closed, "the test is over"));
    finish(io, group);
  }
  // Does something in the loop, and what comes of it at once.
  void turn(std::function<void()> work) {
    asio::post(io, std::move(work));
    io.restart();
    io.poll();
  }

  asio::io_context io{1};
  LinkEnd a{io};
  LinkEnd b{io};
  TaskGroup group{io.get_executor()};
};

// What is sent on one link makes room for another's: so a relay tells its producer.
struct Chain final : mux::FrameSource {
  Chain(mux::Outbox& its, mux::Outbox& other, std::uint64_t count) : here(its), there(other), left(count) {}
  bool emit(mux::Batch& batch, std::size_t, Instant) override {
    if (left == 0) return false;
    batch.add(ping(1000 + left));
    there.control(ping(left--));
    here.ready(*this);
    return true;
  }
  mux::Priority priority() const override { return mux::Priority::bulk; }

  mux::Outbox& here;
  mux::Outbox& there;
  std::uint64_t left;
};

// All links of a thread fill one batch: none may do so while another does.
TEST_F(Links, WriteOnlyTheirOwnFramesWhenOneCausesAnothers) {
  for (const bool busy : {false, true}) {
    a.link.set_busy(busy);
    b.link.set_busy(busy);
    Chain chain(a.link.outbox(), b.link.outbox(), 3);
    turn([&] { a.link.outbox().ready(chain); });
    Bytes expected_a;
    Bytes expected_b;
    for (const std::uint64_t number : {3, 2, 1}) {
      const Bytes one = ping(1000 + number);
      const Bytes other = ping(number);
      expected_a.insert(expected_a.end(), one.begin(), one.end());
      expected_b.insert(expected_b.end(), other.begin(), other.end());
    }
    EXPECT_EQ(a.arrived(), expected_a);
    EXPECT_EQ(b.arrived(), expected_b);
  }
}

// A frame of the handler's, so that it is asked.
Bytes notice() {
  return mux::encode_notice(mux::Kind::leave, 7, {mux::Reason::let_go, ""});
}

TEST_F(Links, WriteOnceForAllThatOneTurnReads) {
  std::uint64_t number = 0;
  a.on_each = [&] { b.link.outbox().control(ping(number++)); };
  Bytes many;
  for (int i = 0; i < 10; ++i) {
    const Bytes one = notice();
    many.insert(many.end(), one.begin(), one.end());
  }
  turn([&] { a.send(many); });
  EXPECT_EQ(b.arrived(), pings(0, 10));
  EXPECT_EQ(b.link.counters().writes, 1U);
}

TEST_F(Links, KeepTheOrderBehindAPeerThatDoesNotRead) {
  b.pair.first->wire().set_capacity(30);
  a.on_each = [&, number = std::uint64_t{0}]() mutable {
    for (int i = 0; i < 5; ++i) b.link.outbox().control(ping(number++));
  };
  Bytes got;
  for (int i = 0; i < 20; ++i) {
    turn([&] { a.send(notice()); });
    const Bytes part = b.arrived();
    EXPECT_LE(part.size(), 30U);
    got.insert(got.end(), part.begin(), part.end());
  }
  for (int i = 0; i < 200 && got.size() < pings(0, 100).size(); ++i) {
    turn([] {});
    const Bytes part = b.arrived();
    got.insert(got.end(), part.begin(), part.end());
  }
  EXPECT_EQ(got, pings(0, 100));
}

// What a source sends makes it ready again, in another's round, and the peer takes only a part.
TEST_F(Links, GoOnWithWhatListsThemAgain) {
  b.pair.first->wire().set_capacity(30);
  Chain chain(b.link.outbox(), a.link.outbox(), 20);
  a.on_each = [&] { b.link.outbox().ready(chain); };
  turn([&] { a.send(notice()); });
  Bytes expected;
  for (std::uint64_t number = 20; number > 0; --number) {
    const Bytes one = ping(1000 + number);
    expected.insert(expected.end(), one.begin(), one.end());
  }
  Bytes got;
  for (int i = 0; i < 100 && got.size() < expected.size(); ++i) {
    const Bytes part = b.arrived();
    got.insert(got.end(), part.begin(), part.end());
    turn([] {});
  }
  EXPECT_EQ(got, expected);
  EXPECT_EQ(a.arrived().size(), 20 * ping(1).size());
}

// A link that another one's frame starts, and for which frames have come already.
TEST_F(Links, StartWithinAnothersTurn) {
  LinkEnd late(io);
  late.on_each = [&] { a.link.outbox().control(ping(2)); };
  late.send(notice());
  a.on_each = [&] { group.spawn("late", late.run()); };
  turn([&] { a.send(notice()); });
  EXPECT_EQ(a.arrived(), ping(2));
  late.link.close(Error(Fault::closed, "the test is over"));
  turn([] {});
  EXPECT_TRUE(late.ended);
}

TEST_F(Links, LeaveAfterWhatWasQueuedBefore) {
  const mux::GoAwayBody left{mux::GoAway::shutting_down, 0, "the service stops"};
  a.on_each = [&] {
    b.link.outbox().control(ping(1));
    b.link.go_away(left, Error(Fault::closed, "it stops"));
  };
  turn([&] { a.send(notice()); });
  Bytes expected = ping(1);
  const Bytes last = mux::encode_go_away(left);
  expected.insert(expected.end(), last.begin(), last.end());
  EXPECT_EQ(b.arrived(), expected);
  ASSERT_TRUE(b.ended);
  EXPECT_EQ(b.ended->message(), "it stops");
}

}  // namespace
}  // namespace jump::tunnel::test
