// LocalRelay: one session process on its local socket, joined to a slot of the tunnel. A transparent relay:
// whatever is said about the session passes through; only bytes of streams are queued, within the budget.
#pragma once

#include <memory>

#include "common/mux/relay.h"
#include "common/tunnel/link.h"
#include "common/tunnel/local_transport.h"

namespace jump::endpoint {

class LocalRelay : tunnel::LinkHandler {
 public:
  // `tunnel` outlives this. `slot`: of the session on the tunnel.
  LocalRelay(asio::any_io_executor executor, platform::Handle end, tunnel::Link& tunnel, std::uint32_t slot);
  ~LocalRelay() override;

  // Until the session process goes, the session ends, or close().
  Task<Error> run();
  void close(Error reason);
  // A frame of this slot from the tunnel.
  Result<void> from_tunnel(const mux::FrameView& frame, Instant now);

  std::uint32_t slot() const { return slot_; }
  bool attached() const { return attached_; }

 private:
  Result<void> on_frame(const mux::FrameView& frame, Instant now) override;
  void on_go_away(const mux::GoAwayBody& body) override;

  tunnel::LocalTransport transport_;
  tunnel::Link& tunnel_;
  std::uint32_t slot_;
  tunnel::Link local_;
  mux::Relay relay_;
  bool attached_ = false;  // the appliance has taken the attach
};

}  // namespace jump::endpoint
