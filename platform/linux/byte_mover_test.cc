#include "platform/byte_mover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <random>
#include <string>

namespace jump::platform {
namespace {

// writer → source ‖ sink → reader
struct Ends {
  Handle writer, source, sink, reader;
  Ends() {
    make(writer, source);
    make(sink, reader);
  }
  static void make(Handle& a, Handle& b) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    a = Handle(ends[0]);
    b = Handle(ends[1]);
  }
};

std::size_t write_some(const Handle& to, std::string_view text) {
  const ssize_t put = ::send(to.get(), text.data(), text.size(), MSG_NOSIGNAL);
  return put < 0 ? 0 : static_cast<std::size_t>(put);
}
std::string read_some(const Handle& from) {
  std::array<char, 65536> piece;
  const ssize_t got = ::recv(from.get(), piece.data(), piece.size(), 0);
  return got <= 0 ? std::string() : std::string(piece.data(), static_cast<std::size_t>(got));
}

constexpr std::size_t kBudget = 1024 * 1024;

TEST(ByteMover, MovesALittleByCopy) {
  ByteMover mover;
  Ends ends;
  Flow flow;
  boost::system::error_code failed;
  write_some(ends.writer, "hello");
  EXPECT_EQ(mover.move(ends.source.get(), ends.sink.get(), flow, kBudget, failed), MoveStop::source_empty);
  EXPECT_EQ(read_some(ends.reader), "hello");
  EXPECT_EQ(flow.moved, 5u);
  EXPECT_EQ(mover.pipes_in_use(), 0u);
}

TEST(ByteMover, KeepsEveryByteWhenTheSinkIsFull) {
  ByteMover mover;
  Ends ends;
  Flow flow;
  boost::system::error_code failed;
  std::mt19937 random(1);
  std::string sent;
  std::string got;
  bool used_a_pipe = false;
  bool was_full = false;
  constexpr std::size_t kAll = 8 * 1024 * 1024;
  while (got.size() < kAll) {
    if (sent.size() < kAll) {
      std::string piece(1 + random() % 60'000, '\0');
      for (char& c : piece) c = static_cast<char>(random());
      piece.resize(std::min(piece.size(), kAll - sent.size()));
      sent += piece.substr(0, write_some(ends.writer, piece));
    } else {
      ends.writer.close();
    }
    const MoveStop stop =
        mover.move(ends.source.get(), ends.sink.get(), flow, 1 + random() % kBudget, failed);
    ASSERT_TRUE(stop != MoveStop::source_failed && stop != MoveStop::sink_failed);
    used_a_pipe |= mover.pipes_in_use() > 0;
    was_full |= stop == MoveStop::sink_full;
    if (random() % 3 == 0) got += read_some(ends.reader);
  }
  EXPECT_TRUE(sent == got);
  EXPECT_TRUE(used_a_pipe);
  EXPECT_TRUE(was_full);
  ends.writer.close();
  EXPECT_EQ(mover.move(ends.source.get(), ends.sink.get(), flow, kBudget, failed), MoveStop::ended);
  EXPECT_TRUE(flow.done());
  EXPECT_EQ(flow.moved, kAll);
  EXPECT_EQ(mover.pipes_in_use(), 0u);
}

TEST(ByteMover, TellsWhichSideFailed) {
  ByteMover mover;
  Ends ends;
  Flow flow;
  boost::system::error_code failed;
  write_some(ends.writer, "hello");
  ends.reader.close();
  EXPECT_EQ(mover.move(ends.source.get(), ends.sink.get(), flow, kBudget, failed), MoveStop::sink_failed);
  EXPECT_TRUE(failed);
}

// A pipe that held bytes of one flow never gives them to the next.
TEST(ByteMover, ForgetsWhatAReleasedFlowHeld) {
  ByteMover mover;
  boost::system::error_code failed;
  for (int round = 0; round < 3; ++round) {
    Ends ends;
    Flow flow;
    std::string seen;
    while (mover.pipes_in_use() == 0) {
      write_some(ends.writer, std::string(200'000, static_cast<char>('a' + round)));
      static_cast<void>(mover.move(ends.source.get(), ends.sink.get(), flow, kBudget, failed));
    }
    for (std::string piece = read_some(ends.reader); !piece.empty(); piece = read_some(ends.reader))
      seen += piece;
    EXPECT_EQ(seen.find_first_not_of(static_cast<char>('a' + round)), std::string::npos);
    EXPECT_GT(flow.held, 0u);
    mover.release(flow);
    EXPECT_EQ(mover.pipes_in_use(), 0u);
  }
}

TEST(ByteMover, GoesOnByCopyWithoutPipes) {
  ByteMover mover;
  boost::system::error_code failed;
  std::vector<Ends> many(ByteMover::kPipesMost + 4);
  std::vector<Flow> flows(many.size());
  for (std::size_t i = 0; i < many.size(); ++i) {
    for (int turn = 0; turn < 6; ++turn) {
      write_some(many[i].writer, std::string(200'000, static_cast<char>(i)));
      static_cast<void>(mover.move(many[i].source.get(), many[i].sink.get(), flows[i], kBudget, failed));
    }
    EXPECT_GT(flows[i].held, 0u);
  }
  EXPECT_EQ(mover.pipes_in_use(), ByteMover::kPipesMost);
  EXPECT_LT(flows.back().pipe, 0);
  for (std::size_t i = 0; i < many.size(); ++i) {
    many[i].writer.close();
    for (MoveStop stop = MoveStop::budget; stop != MoveStop::ended;) {
      const std::string piece = read_some(many[i].reader);
      ASSERT_EQ(piece.find_first_not_of(static_cast<char>(i)), std::string::npos);
      stop = mover.move(many[i].source.get(), many[i].sink.get(), flows[i], kBudget, failed);
      ASSERT_TRUE(stop != MoveStop::source_failed && stop != MoveStop::sink_failed);
    }
  }
  EXPECT_EQ(mover.pipes_in_use(), 0u);
}

}  // namespace
}  // namespace jump::platform
