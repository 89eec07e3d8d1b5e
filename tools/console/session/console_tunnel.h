// ConsoleTunnel: the console's tunnel to the appliance, dialled again and again while sessions are open.
//
// A frame's way in: link → on_frame → by slot to the session's end, or to the control channel. Out: session
// ends and the control channel are bound to the link's outbox while it is up.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/endpoint/control_channel.h"
#include "common/endpoint/session_io.h"
#include "common/tunnel/link.h"
#include "tools/console/api/trust.h"
#include "tools/console/session/backoff.h"

namespace jump::console {

using TransportPtr = std::unique_ptr<tunnel::Transport>;

class ConsoleTunnel : tunnel::LinkHandler {
 public:
  // How to get a connection; tests give one over memory.
  using Dial = std::function<Task<Result<TransportPtr>>()>;
  ConsoleTunnel(asio::any_io_executor executor, Dial dial, Secret token, std::string software,
                Backoff backoff = Backoff());
  ~ConsoleTunnel() override;

  // Dials, and dials again, until cancelled, or until going on is senseless (the first try failed, the token
  // is void, no common version): then what is asked is answered with the error, and sessions are told.
  Task<> run();
  // Ends when the tunnel is up for the first time, or with why it will not be.
  Task<Result<void>> up();

  endpoint::ControlChannel& control() { return control_; }
  // What to do with a trust bundle of the appliance. An error is its fault, and logged.
  std::function<Result<void>(ByteView bundle)> on_trust;

  // Binds the session's end to this tunnel and every later one. It must be taken out before it goes.
  void add(endpoint::SessionIo& session);
  void remove(endpoint::SessionIo& session);

  asio::any_io_executor executor() const { return executor_; }
  bool connected() const { return welcomed_; }
  // Why the last tunnel ended; empty while there was none.
  const std::string& trouble() const { return trouble_; }
  // Why there will be no other.
  const std::optional<Error>& over() const { return over_; }

 private:
  Task<Error> one_tunnel(tunnel::Transport& transport);
  void send_hello();
  void welcome();
  void detach_all();
  void give_up(Error why);
  void bind(endpoint::SessionIo& session);
  Result<void> on_frame(const mux::FrameView& frame, Instant now) override;
  void on_go_away(const mux::GoAwayBody& body) override;
  Result<void> on_control_frame(const mux::FrameView& frame);

  asio::any_io_executor executor_;
  Dial dial_;
  Secret token_;
  std::string software_;
  std::string boot_id_;
  endpoint::ControlChannel control_;
  Backoff backoff_;
  std::vector<endpoint::SessionIo*> sessions_;
  std::map<std::uint32_t, endpoint::SessionIo*> slots_;
  std::uint32_t last_slot_ = 0;
  tunnel::Link* link_ = nullptr;
  bool welcomed_ = false;
  bool ever_up_ = false;
  Event settled_;  // up for the first time, or over
  std::string trouble_;
  std::optional<Error> over_;
  Duration retry_after_{};
};

// Over TLS to the appliance of this log-in.
ConsoleTunnel::Dial dial_appliance(identity::HostPort address, TrustPtr trust);

}  // namespace jump::console
