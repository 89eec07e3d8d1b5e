// One body of tests for each kind of Transport that can be had here without a handshake.
#include <gtest/gtest.h>

#include "common/tunnel/local_transport.h"
#include "common/tunnel/tunnel_test_support.h"
#include "tests/support/memory_transport.h"

namespace jump::tunnel::test {
namespace {

using Pair = std::pair<std::unique_ptr<Transport>, std::unique_ptr<Transport>>;

Pair local(asio::io_context& io) {
  Result<std::pair<platform::Handle, platform::Handle>> ends = platform::local_pair();
  EXPECT_TRUE(ends);
  return {std::make_unique<LocalTransport>(io.get_executor(), std::move(ends->first)),
          std::make_unique<LocalTransport>(io.get_executor(), std::move(ends->second))};
}
Pair memory(asio::io_context& io) {
  jump::test::MemoryPair pair = jump::test::memory_pair(io.get_executor());
  return {std::move(pair.first), std::move(pair.second)};
}
Pair tls(asio::io_context& io) {
  Site site;
  Ends ends = shake_hands(io, site.client(site.issue(kAgent)), site.server());
  return {std::move(ends.client).value(), std::move(ends.server).value()};
}

struct Transports : testing::TestWithParam<Pair (*)(asio::io_context&)> {
  asio::io_context io{1};
  Pair pair = GetParam()(io);
  Transport& a = *pair.first;
  Transport& b = *pair.second;
};

Task<> keep_bytes(Transport& from, std::size_t size, Result<Bytes>& into) {
  into = co_await read_bytes(from, size);
}
Task<> keep_written(Transport& to, ByteView bytes, Result<void>& into) {
  into = co_await write_bytes(to, bytes);
}
Task<> keep_ready(Task<Result<void>> waiting, Result<void>& into) {
  into = co_await std::move(waiting);
}

TEST_P(Transports, CarryBothWays) {
  const Bytes up = pattern(2 << 20, 1);
  const Bytes down = pattern(2 << 20, 2);
  Result<Bytes> at_a = Bytes();
  Result<Bytes> at_b = Bytes();
  Result<void> from_a;
  Result<void> from_b;
  TaskGroup group(io.get_executor());
  group.spawn("a reads", keep_bytes(a, down.size(), at_a));
  group.spawn("b reads", keep_bytes(b, up.size(), at_b));
  group.spawn("a writes", keep_written(a, up, from_a));
  group.spawn("b writes", keep_written(b, down, from_b));
  ASSERT_TRUE(finish(io, group));
  ASSERT_TRUE(from_a && from_b && at_a && at_b);
  EXPECT_TRUE(*at_a == down);
  EXPECT_TRUE(*at_b == up);
}

TEST_P(Transports, GatherPartsInTheirOrder) {
  Bytes expected;
  std::vector<Bytes> pieces;
  std::vector<ByteView> parts;
  for (std::size_t i = 0; i < 200; ++i)
    pieces.push_back(pattern((i * 37) % 2000, static_cast<std::uint32_t>(i)));
  for (const Bytes& piece : pieces) {
    parts.emplace_back(piece);
    expected.insert(expected.end(), piece.begin(), piece.end());
  }
  Result<Bytes> got = Bytes();
  TaskGroup group(io.get_executor());
  group.spawn("read", keep_bytes(b, expected.size(), got));
  ASSERT_TRUE(a.write_now(parts));
  if (a.backlog()) EXPECT_TRUE(run(io, a.writable()));
  ASSERT_TRUE(finish(io, group));
  ASSERT_TRUE(got);
  EXPECT_TRUE(*got == expected);
}

TEST_P(Transports, HoldAWriterWhoseReaderIsSlow) {
  const Bytes batch = pattern(256 * 1024);
  const ByteView part = batch;
  std::size_t written = 0;
  while (!a.backlog() && written < (64u << 20)) {
    ASSERT_TRUE(a.write_now({&part, 1}));
    written += batch.size();
  }
  ASSERT_TRUE(a.backlog());
  Result<void> ready = Error(Fault::internal, "waits");
  TaskGroup group(io.get_executor());
  group.spawn("wait", keep_ready(a.writable(), ready));
  io.restart();
  io.poll();
  EXPECT_FALSE(group.empty());
  const Result<Bytes> got = receive(io, b, written);
  ASSERT_TRUE(got);
  ASSERT_TRUE(finish(io, group));
  EXPECT_TRUE(ready);
  EXPECT_FALSE(a.backlog());
}

TEST_P(Transports, TellAnOrderlyEndAfterTheLastByte) {
  ASSERT_TRUE(run(io, write_bytes(a, as_bytes("the end"))));
  ASSERT_TRUE(run(io, a.shutdown()));
  a.close();
  const Result<Bytes> got = receive(io, b, 7);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(as_text(*got), "the end");
  EXPECT_TRUE(receive(io, b, 1).error().is(Fault::closed));
}

TEST_P(Transports, CloseEndsWhoWaitsAndIsIdempotent) {
  Result<Bytes> got = Bytes();
  TaskGroup group(io.get_executor());
  group.spawn("read", keep_bytes(a, 1, got));
  io.restart();
  io.poll();
  a.close();
  a.close();
  ASSERT_TRUE(finish(io, group));
  EXPECT_TRUE(got.error().is(Fault::closed));
  EXPECT_TRUE(a.write_now({}).error().is(Fault::closed));
  EXPECT_TRUE(run(io, a.writable()).error().is(Fault::closed));
  std::uint8_t byte = 0;
  EXPECT_TRUE(a.read_now({&byte, 1}).error().is(Fault::closed));
}

TEST_P(Transports, ReadNothingWhenNothingIsThere) {
  std::uint8_t byte = 0;
  const Result<std::size_t> got = a.read_now({&byte, 1});
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, 0u);
}

TEST_P(Transports, CancellingAWaitIsAnErrorAndHarmsNothing) {
  Result<void> ready;
  TaskGroup group(io.get_executor());
  group.spawn("wait", keep_ready(a.readable(), ready));
  io.restart();
  io.poll();
  cancel(io, group);
  ASSERT_TRUE(finish(io, group));
  EXPECT_EQ(ready.error().code, asio::error::operation_aborted);
  ASSERT_TRUE(run(io, write_bytes(b, as_bytes("still there"))));
  EXPECT_TRUE(receive(io, a, 11));
}

INSTANTIATE_TEST_SUITE_P(Local, Transports, testing::Values(&local));
INSTANTIATE_TEST_SUITE_P(Memory, Transports, testing::Values(&memory));
INSTANTIATE_TEST_SUITE_P(Tls, Transports, testing::Values(&tls));

// --- the test double's own tricks -------------------------------------------------------------------------

TEST(MemoryTransport, HoldsReleasesAndCuts) {
  asio::io_context io(1);
  auto [a, b] = jump::test::memory_pair(io.get_executor());
  a->wire().hold();
  ASSERT_TRUE(run(io, write_bytes(*a, as_bytes("abcdef"))));
  EXPECT_EQ(a->wire().in_flight(), 6u);
  a->wire().release(2);
  EXPECT_EQ(as_text(*receive(io, *b, 2)), "ab");
  a->wire().release(1);
  a->wire().cut();
  EXPECT_EQ(as_text(*receive(io, *b, 1)), "c");
  EXPECT_EQ(receive(io, *b, 1).error().code, asio::error::eof);
  EXPECT_EQ(run(io, write_bytes(*a, as_bytes("x"))).error().code, asio::error::broken_pipe);
}

TEST(MemoryTransport, TakesNoMoreThanItsLimits) {
  asio::io_context io(1);
  auto [a, b] = jump::test::memory_pair(io.get_executor());
  a->wire().set_write_limit(3);
  a->wire().set_read_limit(2);
  const ByteView text = as_bytes("0123456789");
  ASSERT_TRUE(a->write_now({&text, 1}));
  EXPECT_TRUE(a->backlog());
  Bytes into(10);
  EXPECT_EQ(*b->read_now(into), 2u);
  ASSERT_TRUE(run(io, a->writable()));
  EXPECT_EQ(a->wire().total(), 10u);
}

}  // namespace
}  // namespace jump::tunnel::test
