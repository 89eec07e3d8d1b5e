#include "agent/forward/forward.h"

#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/session/codec.h"
#include "tests/support/memory_session.h"
#include "tests/support/run_task.h"

namespace jump::agent {
namespace {

using namespace asio::experimental::awaitable_operators;
using tcp = asio::ip::tcp;

AllowList list(const std::vector<std::string>& entries) {
  Result<AllowList> parsed = AllowList::parse(entries);
  EXPECT_TRUE(parsed) << parsed.error().message();
  return std::move(*parsed);
}

bool allows(const AllowList& allowed, const char* host, const char* address, std::uint16_t port) {
  return allowed.allows(host, asio::ip::make_address(address), port);
}

TEST(AllowList, ComparesAddressesPrefixesNamesAndPorts) {
  const AllowList allowed = list({"10.1.0.0/16:22", "192.0.2.7:8000-8100", "[fd00::/8]:*", "[::1]:80",
                                  "DB.internal:5432", "10.9.9.9/8:443"});
  EXPECT_TRUE(allows(allowed, "x", "10.1.2.3", 22));
  EXPECT_FALSE(allows(allowed, "x", "10.1.2.3", 23));
  EXPECT_FALSE(allows(allowed, "x", "10.2.0.0", 22));
  EXPECT_TRUE(allows(allowed, "x", "192.0.2.7", 8000));
  EXPECT_TRUE(allows(allowed, "x", "192.0.2.7", 8100));
  EXPECT_FALSE(allows(allowed, "x", "192.0.2.7", 8101));
  EXPECT_TRUE(allows(allowed, "x", "fd12::1", 1));
  EXPECT_FALSE(allows(allowed, "x", "fe80::1", 1));
  EXPECT_TRUE(allows(allowed, "x", "::1", 80));
  EXPECT_TRUE(allows(allowed, "db.INTERNAL.", "203.0.113.9", 5432));
  EXPECT_FALSE(allows(allowed, "evil.db.internal", "203.0.113.9", 5432));
  EXPECT_TRUE(allows(allowed, "x", "10.200.0.1", 443)) << "host bits are masked";
}

TEST(AllowList, AMappedAddressIsTheIpv4AddressItMeans) {
  const AllowList allowed = list({"10.0.0.0/8:*", "[::/0]:9"});
  EXPECT_TRUE(allows(allowed, "x", "::ffff:10.1.1.1", 22));
  EXPECT_FALSE(allows(allowed, "x", "::ffff:127.0.0.1", 9)) << "an IPv6 prefix must not let IPv4 through";
}

TEST(AllowList, SomeAddressesAreNeverAllowed) {
  const AllowList allowed = list({"*:*"});
  EXPECT_TRUE(allows(allowed, "x", "127.0.0.1", 1));
  for (const char* address : {"0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"}) {
    EXPECT_FALSE(allows(allowed, "x", address, 80)) << address;
  }
  EXPECT_FALSE(allows(AllowList(), "x", "127.0.0.1", 80));
}

TEST(AllowList, NamesTheBadEntry) {
  for (const char* entry : {"", "host", "host:", "host:0", "host:65536", "host:9-8", "a b:1", "10.0.0.0/33:1",
                            "::1:80", "[host]:1", "host:1x", ":80", "[]:1", "10.0.0.300:1/2"}) {
    const Result<AllowList> parsed = AllowList::parse({"ok:1", entry});
    EXPECT_FALSE(parsed) << entry;
    if (!parsed) EXPECT_EQ(parsed.error().message().find("forward entry '" + std::string(entry) + "'"), 0u);
  }
}

// --- connections -------------------------------------------------------------------------------------------

std::unique_ptr<session::Stream> announce(session::Session& session, const std::string& purpose) {
  Result<std::unique_ptr<session::Stream>> stream = session.open_stream();
  CHECK(stream.has_value());
  session::StreamOpen open;
  open.stream = (*stream)->number();
  open.purpose = purpose;
  session.send(session::encode(open));
  return std::move(*stream);
}

Task<> keep_result(Task<Result<void>> work, std::optional<Result<void>>& to) {
  to = co_await std::move(work);
}

struct ForwardTest : testing::Test {
  asio::io_context io{1};
  test::MemorySessionPair pair{io.get_executor()};
  TaskGroup endpoint{io.get_executor()};
  std::optional<Result<void>> result;
  tcp::acceptor target{io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};

  ~ForwardTest() override {
    pair.close("the test is over");
    test::run_to_end(io, endpoint);
  }
  void begin(const std::vector<std::string>& allowed, const std::string& host = "127.0.0.1") {
    session::ForwardStart start;
    start.host = host;
    start.port = target.local_endpoint().port();
    endpoint.spawn("forward", keep_result(run_forward(pair.endpoint(), start, list(allowed)), result));
  }
};

// Answers only after it has seen the end of what it reads: half-close must get through.
Task<> count_then_answer(tcp::acceptor& acceptor) {
  tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
  Bytes all(16 * 1024 * 1024);
  boost::system::error_code ended;
  const std::size_t size =
      co_await asio::async_read(socket, asio::buffer(all), asio::redirect_error(asio::use_awaitable, ended));
  const std::string answer = std::to_string(size) + std::string(3'000'000, 'a');
  co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
}

Task<> send_then_read(session::Session& session, std::size_t size) {
  const std::unique_ptr<session::Stream> stream = announce(session, "connection");
  const Bytes piece(50'000, 'x');
  for (std::size_t sent = 0; sent < size; sent += piece.size()) {
    const Result<void> written = co_await stream->write(piece);
    EXPECT_TRUE(written);
  }
  stream->end();
  std::string answer;
  std::array<std::uint8_t, 65536> part;
  while (true) {
    const Result<std::size_t> got = co_await stream->read(part);
    EXPECT_TRUE(got) << got.error().message();
    if (!got || *got == 0) break;
    answer += as_text(ByteView(part.data(), *got));
    stream->taken(*got);
  }
  EXPECT_EQ(answer, std::to_string(size) + std::string(3'000'000, 'a'));
}

Task<> both(tcp::acceptor& acceptor, session::Session& session) {
  co_await (count_then_answer(acceptor) && send_then_read(session, 5'000'000));
}

TEST_F(ForwardTest, CarriesBothDirectionsAndHalfClose) {
  begin({"127.0.0.1:*"});
  test::run_task(io, both(target, pair.console()));
  pair.console().send(session::encode(session::Hangup()));
  test::run_to_end(io, endpoint);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(*result);
}

Task<std::string> reason_of(session::Session& session, std::string purpose) {
  const std::unique_ptr<session::Stream> stream = announce(session, purpose);
  std::array<std::uint8_t, 16> part;
  const Result<std::size_t> got = co_await stream->read(part);
  co_return got ? "read " + std::to_string(*got) : got.error().message();
}

TEST_F(ForwardTest, WhatTheListDoesNotNameIsNeverDialled) {
  begin({"127.0.0.2:*"});
  const std::string port = std::to_string(target.local_endpoint().port());
  EXPECT_EQ(test::run_task(io, reason_of(pair.console(), "connection")),
            "forward to 127.0.0.1:" + port + " is not allowed by this endpoint");
  target.non_blocking(true);
  boost::system::error_code nobody;
  tcp::socket socket(io);
  target.accept(socket, nobody);
  EXPECT_EQ(nobody, asio::error::would_block);
}

TEST_F(ForwardTest, ANameIsComparedByWhatItResolvesTo) {
  begin({"192.0.2.0/24:*"}, "localhost");
  EXPECT_NE(test::run_task(io, reason_of(pair.console(), "connection")).find("is not allowed"),
            std::string::npos);
}

TEST_F(ForwardTest, ARefusedConnectionResetsItsStreamAndTheSessionGoesOn) {
  begin({"*:*"});
  const std::string port = std::to_string(target.local_endpoint().port());
  target.close();
  const std::string expected = "connect 127.0.0.1:" + port + ": Connection refused";
  EXPECT_EQ(test::run_task(io, reason_of(pair.console(), "connection")), expected);
  EXPECT_EQ(test::run_task(io, reason_of(pair.console(), "connection")), expected);
  EXPECT_EQ(test::run_task(io, reason_of(pair.console(), "tty")), "a forward has no stream 'tty'");
  EXPECT_FALSE(result.has_value());
}

Task<> accept_and_abort(tcp::acceptor& acceptor) {
  tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
  socket.set_option(asio::socket_base::linger(true, 0));
  socket.close();  // the destructor alone would be orderly
}

Task<std::string> reason_of_abort(tcp::acceptor& acceptor, session::Session& session) {
  co_return co_await (reason_of(session, "connection") && accept_and_abort(acceptor));
}

TEST_F(ForwardTest, AResetOfTheTargetIsNoOrderlyEnd) {
  begin({"*:*"});
  EXPECT_EQ(test::run_task(io, reason_of_abort(target, pair.console())),
            "forwarded connection: Connection reset by peer");
}

Task<> accept_then_reset(tcp::acceptor& acceptor, session::Stream& stream, boost::system::error_code& ended) {
  tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
  std::array<char, 16> piece;
  const Result<void> written = co_await stream.write(as_bytes("hello"));
  EXPECT_TRUE(written);
  co_await asio::async_read(socket, asio::buffer(piece, 5), asio::use_awaitable);
  stream.reset("gone");
  co_await socket.async_read_some(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, ended));
}

TEST_F(ForwardTest, AResetOfTheConsoleIsNoOrderlyEndForTheTarget) {
  begin({"*:*"});
  const std::unique_ptr<session::Stream> stream = announce(pair.console(), "connection");
  boost::system::error_code ended;
  test::run_task(io, accept_then_reset(target, *stream, ended));
  EXPECT_EQ(ended, asio::error::connection_reset);
}

}  // namespace
}  // namespace jump::agent
