// What is promised on each system.
#include "platform/local_stream.h"

#include <gtest/gtest.h>

#include <array>

#include <boost/asio/io_context.hpp>

#include "tests/support/run_task.h"
#include "tests/support/temp_folder.h"

namespace jump::platform {
namespace {

using test::run_task;

Task<Result<Bytes>> read_all(LocalStream& from, std::size_t size) {
  Bytes all;
  std::array<std::uint8_t, 4096> piece;
  while (all.size() < size) {
    const Result<std::size_t> got = from.read_now(piece);
    if (!got) co_return got.error();
    all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got));
    if (*got > 0) continue;
    const Result<void> ready = co_await from.readable();
    if (!ready) co_return ready.error();
  }
  co_return all;
}

Task<Result<void>> write_all(LocalStream& to, ByteView bytes) {
  const Result<void> written = to.write_now({&bytes, 1});
  if (!written || !to.backlog()) co_return written;
  co_return co_await to.writable();
}

struct LocalStreams : testing::Test {
  std::pair<LocalStream, LocalStream> pair() {
    std::pair<Handle, Handle> ends = local_pair().value();
    return {LocalStream(io.get_executor(), std::move(ends.first)),
            LocalStream(io.get_executor(), std::move(ends.second))};
  }
  Result<LocalListener> bind(const std::string& path) {
    return LocalListener::bind(io.get_executor(), path, 0600);
  }
  asio::io_context io{1};
  test::TempFolder folder;
};

TEST_F(LocalStreams, CarryMoreThanTheSystemKeepsBothWaysAtOnce) {
  std::pair<LocalStream, LocalStream> ends = pair();
  auto& [a, b] = ends;
  const Bytes there(1 << 20, 1);
  const Bytes back(1 << 20, 2);
  Result<Bytes> at_a = Bytes();
  Result<Bytes> at_b = Bytes();
  Result<void> from_a;
  Result<void> from_b;
  TaskGroup group(io.get_executor());
  const auto keep = [](auto task, auto& into) -> Task<> { into = co_await std::move(task); };
  group.spawn("a reads", keep(read_all(a, back.size()), at_a));
  group.spawn("b reads", keep(read_all(b, there.size()), at_b));
  group.spawn("a writes", keep(write_all(a, there), from_a));
  group.spawn("b writes", keep(write_all(b, back), from_b));
  test::run_to_end(io, group);
  ASSERT_TRUE(from_a && from_b && at_a && at_b);
  EXPECT_TRUE(*at_a == back);
  EXPECT_TRUE(*at_b == there);
}

TEST_F(LocalStreams, TellTheEndAfterTheLastByte) {
  std::pair<LocalStream, LocalStream> ends = pair();
  auto& [a, b] = ends;
  ASSERT_TRUE(run_task(io, write_all(a, as_bytes("the end"))));
  ASSERT_TRUE(run_task(io, a.shutdown()));
  a.close();
  const Result<Bytes> got = run_task(io, read_all(b, 7));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(as_text(*got), "the end");
  EXPECT_TRUE(run_task(io, read_all(b, 1)).error().is(Fault::closed));
}

TEST_F(LocalStreams, AnEndThatIsNoneIsFoundOut) {
  LocalStream none(io.get_executor(), Handle());
  std::array<std::uint8_t, 4> piece;
  EXPECT_FALSE(none.read_now(piece));
}

TEST_F(LocalStreams, AListenerTakesOneAfterTheOtherAlsoThoseThatCameBefore) {
  Result<LocalListener> listener = bind(folder / "s");
  ASSERT_TRUE(listener) << listener.error().message();
  for (const std::string_view word : {"first", "second", "third"}) {
    Result<Handle> client = connect_local(folder / "s");
    ASSERT_TRUE(client) << client.error().message();
    LocalStream from(io.get_executor(), std::move(*client));
    ASSERT_TRUE(run_task(io, write_all(from, as_bytes(word))));
    Result<Handle> taken = run_task(io, listener->accept());
    ASSERT_TRUE(taken) << taken.error().message();
    LocalStream to(io.get_executor(), std::move(*taken));
    EXPECT_EQ(as_text(run_task(io, read_all(to, word.size())).value()), word);
  }
}

TEST_F(LocalStreams, CancellingAWaitForClientsHarmsNothing) {
  Result<LocalListener> listener = bind(folder / "s");
  ASSERT_TRUE(listener);
  TaskGroup group(io.get_executor());
  Result<Handle> none = Handle();
  group.spawn("accept", [](LocalListener& from, Result<Handle>& into) -> Task<> {
    into = co_await from.accept();
  }(*listener, none));
  io.restart();
  io.poll();
  group.cancel();
  test::run_to_end(io, group);
  EXPECT_EQ(none.error().code, asio::error::operation_aborted);
  Result<Handle> client = connect_local(folder / "s");
  ASSERT_TRUE(client);
  EXPECT_TRUE(run_task(io, listener->accept()));
}

TEST_F(LocalStreams, AListenerThatIsGoneIsNotFoundAndItsPlaceIsFree) {
  {
    Result<LocalListener> first = bind(folder / "s");
    ASSERT_TRUE(first);
    EXPECT_TRUE(connect_local(folder / "s"));
  }
  EXPECT_FALSE(connect_local(folder / "s"));
  EXPECT_TRUE(bind(folder / "s"));
}

}  // namespace
}  // namespace jump::platform
