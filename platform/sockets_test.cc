// What every system promises of sockets.
#include "platform/sockets.h"

#include <gtest/gtest.h>

#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace jump::platform {
namespace {

using asio::ip::tcp;

struct Connected {
  asio::io_context io{1};
  tcp::socket here{io};
  tcp::socket there{io};

  Connected() {
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    here.connect(acceptor.local_endpoint());
    acceptor.accept(there);
  }
};

TEST(Sockets, NothingThereIsNoError) {
  Connected sockets;
  const int here = static_cast<int>(sockets.here.native_handle());
  ASSERT_TRUE(tune_tcp(here));
  std::array<std::uint8_t, 16> room;
  const Result<std::size_t> nothing = receive_now(here, room);
  ASSERT_TRUE(nothing) << nothing.error().message();
  EXPECT_EQ(*nothing, 0U);
}

TEST(Sockets, BytesArriveAndTheEndIsTold) {
  Connected sockets;
  const int here = static_cast<int>(sockets.here.native_handle());
  const int there = static_cast<int>(sockets.there.native_handle());
  ASSERT_TRUE(tune_tcp(here));
  ASSERT_TRUE(tune_tcp(there));
  const Result<std::size_t> sent = send_now(there, as_bytes("hello"));
  ASSERT_TRUE(sent) << sent.error().message();
  EXPECT_EQ(*sent, 5U);
  std::array<std::uint8_t, 16> room;
  sockets.here.wait(tcp::socket::wait_read);
  const Result<std::size_t> got = receive_now(here, room);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(as_text(ByteView(room).first(*got)), "hello");
  sockets.there.shutdown(tcp::socket::shutdown_send);
  sockets.here.wait(tcp::socket::wait_read);
  const Result<std::size_t> end = receive_now(here, room);
  ASSERT_FALSE(end);
  EXPECT_TRUE(end.error().is(Fault::closed)) << end.error().message();
}

TEST(Sockets, AFullSocketTakesNothingAndDoesNotWait) {
  Connected sockets;
  const int here = static_cast<int>(sockets.here.native_handle());
  ASSERT_TRUE(tune_tcp(here));
  const Bytes piece(64 * 1024, 7);
  for (int i = 0; i < 10'000; ++i) {
    const Result<std::size_t> sent = send_now(here, piece);
    ASSERT_TRUE(sent) << sent.error().message();
    if (*sent == 0) return;
  }
  FAIL() << "640 MB fit into a socket that nobody reads";
}

TEST(Sockets, APairIsConnectedBothWays) {
  asio::io_context io(1);
  Result<std::pair<StreamSocket, StreamSocket>> pair = socket_pair(io.get_executor());
  ASSERT_TRUE(pair) << pair.error().message();
  asio::write(pair->first, asio::buffer("to", 2));
  asio::write(pair->second, asio::buffer("fro", 3));
  std::array<char, 3> got{};
  asio::read(pair->second, asio::buffer(got, 2));
  EXPECT_EQ(std::string(got.data(), 2), "to");
  asio::read(pair->first, asio::buffer(got, 3));
  EXPECT_EQ(std::string(got.data(), 3), "fro");
}

TEST(Sockets, ADuplicateLivesOnItsOwn) {
  asio::io_context io(1);
  Result<std::pair<StreamSocket, StreamSocket>> pair = socket_pair(io.get_executor());
  ASSERT_TRUE(pair) << pair.error().message();
  const Result<int> number = duplicate_socket(static_cast<int>(pair->first.native_handle()));
  ASSERT_TRUE(number) << number.error().message();
  pair->first.close();
  std::array<std::uint8_t, 4> room;
  const Result<std::size_t> nothing = receive_now(*number, room);
  EXPECT_TRUE(nothing && *nothing == 0);
  asio::write(pair->second, asio::buffer("more", 4));
  Result<std::size_t> got = std::size_t{0};
  // Local bytes are there within no time, which is not at once on every system.
  for (int i = 0; got && *got == 0 && i < 1'000'000; ++i) got = receive_now(*number, room);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(as_text(ByteView(room).first(*got)), "more");
  close_socket(*number);
  boost::system::error_code end;
  std::array<char, 1> byte;
  asio::read(pair->second, asio::buffer(byte), end);
  EXPECT_EQ(end, asio::error::eof);
}

}  // namespace
}  // namespace jump::platform
