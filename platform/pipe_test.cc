// What is promised on each system.
#include "platform/pipe.h"

#include <gtest/gtest.h>

#include <array>

#include <boost/asio/io_context.hpp>

#include "common/base/with_timeout.h"
#include "tests/support/run_task.h"

namespace jump::platform {
namespace {

using test::run_task;

Task<Result<Bytes>> read_all(Pipe& from, std::size_t size) {
  Bytes all;
  std::array<std::uint8_t, 4096> piece;
  while (all.size() < size) {
    const Result<std::size_t> got = co_await from.read(piece);
    if (!got) co_return got.error();
    if (*got == 0) break;
    all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got));
  }
  co_return all;
}

template <typename T>
Task<> keep(Task<T> task, T& into) {
  into = co_await std::move(task);
}

struct Pipes : testing::Test {
  Pipes() : Pipes(make_pipe().value()) {}
  explicit Pipes(std::pair<Handle, Handle> ends)
      : reader(io.get_executor(), std::move(ends.first)), writer(io.get_executor(), std::move(ends.second)) {}

  asio::io_context io{1};
  TaskGroup group{io.get_executor()};
  Pipe reader;
  Pipe writer;
};

TEST_F(Pipes, CarryMoreThanTheSystemKeeps) {
  Bytes bytes(1 << 20);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 >> 8);
  Result<Bytes> got = Bytes();
  group.spawn("read", keep(read_all(reader, bytes.size()), got));
  const Result<void> written = run_task(io, writer.write(bytes));
  test::run_to_end(io, group);
  ASSERT_TRUE(written) << written.error().message();
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_TRUE(*got == bytes);
}

TEST_F(Pipes, WhatComesAfterACancelledReadIsRead) {
  const Result<Bytes> nothing =
      run_task(io, with_timeout(std::chrono::milliseconds(20), "read", read_all(reader, 1)));
  ASSERT_FALSE(nothing);
  EXPECT_TRUE(nothing.error().is(Fault::timed_out)) << nothing.error().message();
  ASSERT_TRUE(run_task(io, writer.write(as_bytes("later"))));
  const Result<Bytes> got = run_task(io, read_all(reader, 5));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(as_text(*got), "later");
}

// The object that was closed is still there: its handle is not.
TEST_F(Pipes, TheEndComesAfterTheLastByteOfAClosedWriter) {
  ASSERT_TRUE(run_task(io, writer.write(as_bytes("the end"))));
  writer.close();
  EXPECT_FALSE(writer.is_open());
  const Result<Bytes> got = run_task(io, read_all(reader, 100));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(as_text(*got), "the end");
}

TEST_F(Pipes, AWriterIsToldThatNobodyReads) {
  ASSERT_TRUE(run_task(io, writer.write(as_bytes("one"))));
  ASSERT_TRUE(run_task(io, read_all(reader, 3)));
  reader.close();
  const Result<void> written = run_task(io, writer.write(as_bytes("two")));
  ASSERT_FALSE(written);
  EXPECT_TRUE(written.error().is(Fault::closed)) << written.error().message();
}

// The task began before and waits by the time that this one runs.
Task<> close(Pipe& pipe) {
  pipe.close();
  co_return;
}

TEST_F(Pipes, CloseEndsAReadThatWaits) {
  Result<Bytes> got = Bytes();
  group.spawn("read", keep(read_all(reader, 1), got));
  group.spawn("close", close(reader));
  test::run_to_end(io, group);
  ASSERT_FALSE(got);
  EXPECT_TRUE(got.error().is(Fault::closed)) << got.error().message();
}

TEST_F(Pipes, CloseEndsAWriteThatWaits) {
  const Bytes much(1 << 20);
  Result<void> written;
  group.spawn("write", keep(writer.write(much), written));
  group.spawn("close", close(writer));
  test::run_to_end(io, group);
  ASSERT_FALSE(written);
  EXPECT_TRUE(written.error().is(Fault::closed)) << written.error().message();
}

}  // namespace
}  // namespace jump::platform
