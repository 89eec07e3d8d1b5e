#include "agent/forward/forward.h"

#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/base/with_timeout.h"
#include "common/session/codec.h"
#include "common/session/serve_streams.h"

namespace jump::agent {
namespace {

using tcp = asio::ip::tcp;
using namespace std::chrono_literals;

constexpr auto kDialLimit = 10s;  // for each address
constexpr std::size_t kPieceBytes = 64 * 1024;

std::string to_text(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

// Not cancellable once the system asks its servers: its own limits (resolv.conf(5)) end it.
Task<Result<std::vector<tcp::endpoint>>> resolve(std::string host, std::uint16_t port) {
  std::vector<tcp::endpoint> endpoints;
  boost::system::error_code failed;
  const asio::ip::address address = asio::ip::make_address(host, failed);
  if (!failed) {
    endpoints.emplace_back(address, port);
    co_return endpoints;
  }
  tcp::resolver resolver(co_await asio::this_coro::executor);
  const tcp::resolver::results_type found =
      co_await resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service,
                                      asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return Error(failed, "look up " + printable(host, 80));
  for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  co_return endpoints;
}

Task<Result<void>> connect(tcp::socket& socket, tcp::endpoint to) {
  boost::system::error_code failed;
  co_await socket.async_connect(to, asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return Error(failed, "connect " + to_text(to));
  co_return Result<void>();
}

Task<Result<tcp::socket>> dial(session::ForwardStart to, const AllowList& allowed) {
  Result<std::vector<tcp::endpoint>> endpoints = co_await resolve(to.host, to.port);
  if (!endpoints) co_return endpoints.error();
  const std::string asked = printable(to.host, 80) + ":" + std::to_string(to.port);
  Error last(Fault::refused, "forward to " + asked + " is not allowed by this endpoint");
  for (const tcp::endpoint& endpoint : *endpoints) {
    if (!allowed.allows(to.host, endpoint.address(), endpoint.port())) continue;
    tcp::socket socket(co_await asio::this_coro::executor);
    Task<Result<void>> attempt = connect(socket, endpoint);
    Result<void> connected =
        co_await with_timeout(kDialLimit, "connect " + to_text(endpoint), std::move(attempt));
    if (connected) {
      boost::system::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      co_return socket;
    }
    last = connected.error();
  }
  co_return last;
}

class Connection {
 public:
  Connection(asio::any_io_executor executor, std::unique_ptr<session::Stream> stream, tcp::socket socket)
      : group(executor), stream_(std::move(stream)), socket_(std::move(socket)) {}

  // Until both directions are over, or one broke.
  Task<Result<void>> go() {
    group.spawn("forward to target", to_target());
    group.spawn("forward from target", from_target());
    co_await group.join();
    if (broken_) co_return *broken_;
    co_return co_await stream_->flushed();
  }

  // The other side learns that it was no orderly end.
  void abort(const Error& error) {
    stream_->reset(error.message());
    boost::system::error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
  }

  TaskGroup group;

 private:
  Task<> to_target() {
    std::array<std::uint8_t, kPieceBytes> piece;
    while (true) {
      const Result<std::size_t> got = co_await stream_->read(piece);
      if (!got) co_return fail(got.error());
      boost::system::error_code failed;
      if (*got == 0) {
        socket_.shutdown(tcp::socket::shutdown_send, failed);
        co_return;
      }
      co_await asio::async_write(socket_, asio::buffer(piece.data(), *got),
                                 asio::redirect_error(asio::use_awaitable, failed));
      if (failed) co_return fail(Error(failed, "forwarded connection"));
      stream_->taken(*got);
    }
  }

  Task<> from_target() {
    std::array<std::uint8_t, kPieceBytes> piece;
    while (true) {
      boost::system::error_code failed;
      const std::size_t got = co_await socket_.async_read_some(
          asio::buffer(piece), asio::redirect_error(asio::use_awaitable, failed));
      if (failed == asio::error::eof) {
        stream_->end();
        co_return;
      }
      if (failed) co_return fail(Error(failed, "forwarded connection"));
      const Result<void> written = co_await stream_->write(ByteView(piece.data(), got));
      if (!written) co_return fail(written.error());
    }
  }

  // One broken direction ends both.
  void fail(Error error) {
    if (broken_) return;
    broken_ = std::move(error);
    abort(*broken_);
  }

  std::unique_ptr<session::Stream> stream_;
  tcp::socket socket_;
  std::optional<Error> broken_;
};

class Forwarder : public session::StreamServer {
 public:
  Forwarder(session::ForwardStart start, AllowList allowed)
      : start_(std::move(start)), allowed_(std::move(allowed)) {}

  Task<> serve(session::StreamOpen open, std::unique_ptr<session::Stream> stream) override {
    if (open.purpose != "connection") {
      stream->reset("a forward has no stream '" + printable(open.purpose, 32) + "'");
      co_return;
    }
    Result<tcp::socket> socket = co_await dial(start_, allowed_);
    if (!socket) {
      log::info("forward", "not connected", {{"why", socket.error().message()}});
      stream->reset(socket.error().message());
      co_return;
    }
    Connection connection(co_await asio::this_coro::executor, std::move(stream), std::move(*socket));
    Task<Result<void>> work = connection.go();
    const Result<void> done = co_await and_stop(connection.group, std::move(work));
    if (!done) log::debug("forward", "connection broken", {{"why", done.error().message()}});
  }

 private:
  session::ForwardStart start_;
  AllowList allowed_;
};

}  // namespace

Task<Result<void>> run_forward(session::Session& session, session::ForwardStart start, AllowList allowed) {
  if (Result<void> fine = session::check(start); !fine) {
    session::Fail fail;
    fail.text = fine.error().message();
    session.send(session::encode(fail));
    co_return fine.error();
  }
  Forwarder forwarder(std::move(start), std::move(allowed));
  co_return co_await session::serve_streams(session, forwarder);
}

}  // namespace jump::agent
