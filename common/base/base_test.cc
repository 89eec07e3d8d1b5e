#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/alarm.h"
#include "common/base/bytes.h"
#include "common/base/json.h"
#include "common/base/secret.h"
#include "common/base/task_group.h"
#include "common/base/with_timeout.h"

namespace jump {
namespace {

enum class Color { red, green };
BOOST_DESCRIBE_ENUM(Color, red, green)

struct Inner {
  std::string name;
  std::uint16_t port = 0;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (name, port))

struct Outer {
  Inner inner;
  std::optional<std::int64_t> maybe;
  std::vector<Inner> list;
  Color color = Color::red;
  Bytes bytes;
  std::array<std::uint8_t, 2> id{};
};
BOOST_DESCRIBE_STRUCT(Outer, (), (inner, maybe, list, color, bytes, id))

TEST(Json, WritesAndReadsBackADescribedStruct) {
  Outer outer;
  outer.inner = {"x", 65535};
  outer.list = {{"a", 1}, {"b", 2}};
  outer.color = Color::green;
  outer.bytes = {0, 255, 17};
  outer.id = {0xab, 0xcd};
  const std::string text = to_json_text(outer);
  EXPECT_EQ(text,
            R"({"inner":{"name":"x","port":65535},"list":[{"name":"a","port":1},{"name":"b","port":2}],)"
            R"("color":"green","bytes":"AP8R","id":"abcd"})");
  const Result<Outer> back = from_json_text<Outer>(text, 4096);
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json_text(*back), text);
}

TEST(Json, NamesThePathOfWhatIsWrong) {
  const auto complaint = [](std::string_view text) {
    return from_json_text<Outer>(text, 4096).error().message();
  };
  EXPECT_EQ(complaint(R"({"inner":{"name":3}})"), "inner.name: expected a string");
  EXPECT_EQ(complaint(R"({"inner":{"name":"a","port":65536}})"),
            "inner.port: 65536 is out of range, 0 to 65535");
  EXPECT_EQ(complaint(R"({"inner":{"name":"a"}})"), "inner.port: missing");
  EXPECT_EQ(complaint(R"({"inner":{"name":"a","port":1},"list":[{"name":"a","port":-1}]})"),
            "list[0].port: -1 is out of range, 0 to 65535");
  EXPECT_EQ(complaint(R"({"inner":{"name":"a","port":1},"color":"blue\u0007"})"),
            "color: unknown value 'blue\\x07'");
}

TEST(Json, IgnoresMembersOfANewerPeerAndRefusesDepthAndSize) {
  EXPECT_TRUE(from_json_text<Inner>(R"({"name":"a","port":1,"later":[1]})", 4096));
  EXPECT_FALSE(from_json_text<Inner>(std::string(100, '['), 4096));
  EXPECT_TRUE(from_json_text<Inner>(R"({"name":"a","port":1})", 10).error().is(Fault::too_large));
}

TEST(Bytes, Base64UrlHasOneSpelling) {
  EXPECT_EQ(to_base64url(to_bytes("any carnal pleas")), "YW55IGNhcm5hbCBwbGVhcw");
  EXPECT_TRUE(from_base64url("YQ"));
  EXPECT_FALSE(from_base64url("YR"));  // stray bits
  EXPECT_FALSE(from_base64url("Y"));
  EXPECT_FALSE(from_base64url("YQ=="));
}

TEST(Bytes, PrintableEscapesWhatMovesACursor) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");  // C1 CSI
  EXPECT_EQ(printable("é漢"), "é漢");
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("abcdef", 3), "abc…");
}

TEST(Secret, PrintsNothing) {
  std::ostringstream out;
  out << Secret("hunter2");
  EXPECT_EQ(out.str(), "[secret]");
  EXPECT_TRUE(Secret("a") == Secret("a"));
  EXPECT_FALSE(Secret("a") == Secret("ab"));
}

Task<> count(int& counter, Event& event) {
  co_await event.wait();
  ++counter;
}

Task<> forever(bool& ended) {
  struct Mark {
    bool& flag;
    ~Mark() { flag = true; }
  } mark{ended};
  co_await sleep_for(std::chrono::hours(1));
}

Task<> drive(TaskGroup& group, Event& event, int& counter, bool& ended) {
  group.spawn("count", count(counter, event));
  event.set();
  co_await group.join();
  group.spawn("forever", forever(ended));
  co_await asio::post(asio::use_awaitable);  // one turn of the loop, so that it runs
  co_await group.stop();
}

TEST(TaskGroup, JoinsAndCancels) {
  asio::io_context io(1);
  TaskGroup group(io.get_executor());
  TaskGroup outer(io.get_executor());
  Event event(io.get_executor());
  int counter = 0;
  bool ended = false;
  outer.spawn("drive", drive(group, event, counter, ended));
  io.run();
  EXPECT_EQ(counter, 1);
  EXPECT_TRUE(ended);
}

Task<> join_then_sleep(TaskGroup& group, bool& joined, bool& ended) {
  struct Mark {
    bool& flag;
    ~Mark() { flag = true; }
  } mark{ended};
  co_await group.join();
  joined = true;
  co_await sleep_for(std::chrono::hours(1));
}

Task<> cancel_and_release(TaskGroup& outer, Event& event, bool before) {
  if (before) outer.cancel();  // while it joins
  event.set();
  for (int turn = 0; turn < 10; ++turn) co_await asio::post(asio::use_awaitable);  // the others go on
  co_await outer.stop();
}

TEST(TaskGroup, AJoiningTaskStaysCancellable) {
  for (const bool before : {true, false}) {
    asio::io_context io(1);
    TaskGroup inner(io.get_executor());
    TaskGroup outer(io.get_executor());
    TaskGroup top(io.get_executor());
    Event event(io.get_executor());
    int counter = 0;
    bool joined = false;
    bool ended = false;
    inner.spawn("count", count(counter, event));
    outer.spawn("join", join_then_sleep(inner, joined, ended));
    top.spawn("cancel", cancel_and_release(outer, event, before));
    io.run_for(std::chrono::seconds(5));
    EXPECT_TRUE(ended) << before;
    EXPECT_TRUE(joined) << before;
    EXPECT_EQ(counter, 1);
  }
}

TEST(Alarm, RingsOnceAndOnlyWhenItIsMeant) {
  asio::io_context io(1);
  int rung = 0;
  Alarm alarm(io.get_executor(), [&] { ++rung; });
  const Instant start = BootClock::now();
  alarm.set(start + std::chrono::hours(1));
  alarm.set(start + std::chrono::milliseconds(20));  // moved
  io.run();
  EXPECT_EQ(rung, 1);
  EXPECT_GE(BootClock::now(), start + std::chrono::milliseconds(20));
  alarm.set(start);
  alarm.clear();
  io.restart();
  io.run();
  EXPECT_EQ(rung, 1) << "cleared";
  // Its wait is over and only waits for its turn: neither clear() nor the destructor can take it back.
  for (const bool destroyed : {false, true}) {
    auto late = std::make_unique<Alarm>(io.get_executor(), [&] { ++rung; });
    late->set(start);
    auto end = [&] { destroyed ? late.reset() : late->clear(); };
    io.restart();
    asio::steady_timer first(io, start - BootClock::now() - std::chrono::seconds(1));
    first.async_wait([&](const boost::system::error_code&) { end(); });
    io.run();
    EXPECT_EQ(rung, 1) << destroyed;
  }
}

TEST(Alarm, MayBeSetWhileItRings) {
  asio::io_context io(1);
  int rung = 0;
  Alarm* self = nullptr;
  Alarm alarm(io.get_executor(), [&] {
    if (++rung < 3) self->set(BootClock::now());
  });
  self = &alarm;
  alarm.set(BootClock::now());
  io.run();
  EXPECT_EQ(rung, 3);
}

Task<Result<int>> never() {
  co_await sleep_for(std::chrono::hours(1));
  co_return 1;
}

Task<> time_out(std::string& message) {
  const Result<int> result = co_await with_timeout(std::chrono::milliseconds(1), "dial x", never());
  message = result.error().message();
}

TEST(WithTimeout, CancelsAndSaysWhat) {
  asio::io_context io(1);
  TaskGroup group(io.get_executor());
  std::string message;
  group.spawn("t", time_out(message));
  io.run();
  EXPECT_EQ(message, "dial x: no answer within 0.001 s");
}

Task<> wait_for_ever(bool& went_on) {
  const Result<int> result = co_await with_timeout(std::chrono::hours(1), "dial x", never());
  went_on = true;
}

Task<> stop_soon(TaskGroup& group) {
  co_await asio::post(asio::use_awaitable);  // one turn of the loop, so that it runs
  co_await group.stop();
}

TEST(WithTimeout, CancelledFromOutsideIsAnOrderlyEndOfTheTask) {
  asio::io_context io(1);
  TaskGroup group(io.get_executor());
  TaskGroup top(io.get_executor());
  bool went_on = false;
  group.spawn("wait", wait_for_ever(went_on));
  top.spawn("stop", stop_soon(group));
  io.run();
  EXPECT_FALSE(went_on);
  EXPECT_TRUE(group.empty());
}

}  // namespace
}  // namespace jump
