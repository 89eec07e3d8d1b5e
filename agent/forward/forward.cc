#include "agent/forward/forward.h"

#include <memory>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "common/endpoint/dial_tcp.h"
#include "common/endpoint/tcp_stream.h"
#include "common/session/codec.h"
#include "common/session/serve_streams.h"

namespace jump::agent {
namespace {

using tcp = asio::ip::tcp;

Task<Result<tcp::socket>> dial(session::ForwardStart to, const AllowList& allowed) {
  Result<std::vector<tcp::endpoint>> endpoints = co_await endpoint::resolve(to.host, to.port);
  if (!endpoints) co_return endpoints.error();
  const std::string asked = printable(to.host, 80) + ":" + std::to_string(to.port);
  Error last(Fault::refused, "forward to " + asked + " is not allowed by this endpoint");
  for (const tcp::endpoint& endpoint : *endpoints) {
    if (!allowed.allows(to.host, endpoint.address(), endpoint.port())) continue;
    Result<tcp::socket> socket = co_await endpoint::connect_tcp(endpoint);
    if (socket) co_return socket;
    last = socket.error();
  }
  co_return last;
}

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
    const Result<void> done = co_await endpoint::join_stream(std::move(stream), std::move(*socket));
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
