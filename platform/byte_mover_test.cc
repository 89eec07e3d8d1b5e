// What is promised on each system.
#include "platform/byte_mover.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace jump::platform {
namespace {

namespace asio = boost::asio;

// writer → source ‖ sink → reader
TEST(ByteMover, KeepsEveryByteWhenTheSinkIsFull) {
  asio::io_context io(1);
  using asio::ip::tcp;
  tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  tcp::socket writer(io), source(io), sink(io), reader(io);
  writer.connect(acceptor.local_endpoint());
  acceptor.accept(source);
  sink.connect(acceptor.local_endpoint());
  acceptor.accept(reader);
  for (tcp::socket* one : {&writer, &source, &sink, &reader}) one->non_blocking(true);
  ByteMover mover;
  Flow flow;
  tune_relayed(static_cast<int>(source.native_handle()));
  constexpr std::size_t kAll = 8 * 1024 * 1024;
  std::string sent(kAll, '\0');
  for (std::size_t i = 0; i < kAll; ++i) sent[i] = static_cast<char>(i * 31 + i / 251);
  std::string got;
  std::size_t given = 0;
  bool was_full = false;
  std::vector<char> piece(100'000);
  MoveStop stop = MoveStop::budget;
  for (int turn = 0; stop != MoveStop::ended; ++turn) {
    boost::system::error_code failed;
    if (given < kAll)
      given += writer.write_some(
          asio::buffer(sent.data() + given, std::min<std::size_t>(60'000, kAll - given)), failed);
    if (given == kAll) writer.shutdown(tcp::socket::shutdown_send, failed);
    stop = mover.move(static_cast<int>(source.native_handle()), static_cast<int>(sink.native_handle()), flow,
                      1 << 20, failed);
    ASSERT_TRUE(stop != MoveStop::source_failed && stop != MoveStop::sink_failed) << failed.message();
    was_full |= stop == MoveStop::sink_full;
    // Slow at first, so that it fills up.
    if (turn > 400 || turn % 7 == 0) got.append(piece.data(), reader.read_some(asio::buffer(piece), failed));
  }
  sink.close();
  boost::system::error_code failed;
  reader.non_blocking(false);
  while (!failed) got.append(piece.data(), reader.read_some(asio::buffer(piece), failed));
  EXPECT_TRUE(got == sent);
  EXPECT_TRUE(was_full);
  EXPECT_EQ(flow.moved, kAll);
}

}  // namespace
}  // namespace jump::platform
