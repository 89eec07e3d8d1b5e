#include "jumpoint/bridge/tcp_bridge.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "common/base/log.h"
#include "common/endpoint/tcp_stream.h"
#include "common/session/serve_streams.h"
#include "jumpoint/bridge/target_address.h"

namespace jump::bridge {
namespace {

class Tunnel : public session::StreamServer {
 public:
  Tunnel(session::Target target, std::uint16_t port, endpoint::AllowList allowed)
      : target_(std::move(target)), port_(port), allowed_(std::move(allowed)) {}

  Task<> serve(session::StreamOpen open, std::unique_ptr<session::Stream> stream) override {
    const Result<std::uint16_t> port = port_of(open);
    if (!port) {
      stream->reset(port.error().message());
      co_return;
    }
    Result<asio::ip::tcp::socket> socket = co_await dial_target(target_.host, *port, allowed_);
    if (!socket) {
      log::info("tunnel jump", "not connected", {{"why", socket.error().message()}});
      stream->reset(socket.error().message());
      co_return;
    }
    const Result<void> done = co_await endpoint::join_stream(std::move(stream), std::move(*socket));
    if (!done) log::debug("tunnel jump", "connection broken", {{"why", done.error().message()}});
  }

 private:
  Result<std::uint16_t> port_of(const session::StreamOpen& open) const {
    if (open.purpose != "connection")
      return Error(Fault::refused, "a tunnel jump has no stream '" + printable(open.purpose, 32) + "'");
    std::uint16_t port = port_;
    if (open.arguments.is_object()) {
      const Result<ConnectionStart> start = from_json<ConnectionStart>(open.arguments);
      if (!start) return start.error();
      port = start->port.value_or(port_);
    }
    const bool listed = std::ranges::any_of(
        target_.ports, [port](const session::PortPair& pair) { return pair.remote == port; });
    if (!listed)
      return Error(Fault::refused, "port " + std::to_string(port) + " is none of this asset's ports");
    return port;
  }

  session::Target target_;
  std::uint16_t port_;
  endpoint::AllowList allowed_;
};

}  // namespace

Task<Result<void>> run_tcp(session::Session& session, session::Target target, std::uint16_t port,
                           endpoint::AllowList allowed) {
  Tunnel tunnel(std::move(target), port, std::move(allowed));
  co_return co_await session::serve_streams(session, tunnel);
}

}  // namespace jump::bridge
