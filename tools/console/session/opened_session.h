// A session that this console has opened or taken over: its end, its names, and how it went on.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "common/control/messages.h"
#include "common/endpoint/session_io.h"
#include "common/session/codec.h"
#include "tools/console/session/asker.h"
#include "tools/console/session/console_tunnel.h"

namespace jump::console {

class OpenedSession {
 public:
  OpenedSession(ConsoleTunnel& tunnel, mux::SessionEnd::Options options, bool interactive,
                control::SessionOpened opened);
  OpenedSession(const OpenedSession&) = delete;
  OpenedSession& operator=(const OpenedSession&) = delete;
  ~OpenedSession();

  endpoint::SessionIo& io() { return io_; }
  ConsoleTunnel& tunnel() { return tunnel_; }
  const std::string& id() const { return id_; }  // 32 hex digits
  // "web-01", made printable.
  const std::string& endpoint() const { return endpoint_; }
  bool recorded() const { return opened_.recorded; }

  void send(const session::Message& message) { io_.send(session::encode(message)); }
  // A new stream of this end, announced.
  Result<std::unique_ptr<session::Stream>> open_stream(std::string purpose,
                                                       json::value arguments = json::object());

  // Who answers what the other end asks. Without one the first prompt is the end. It outlives this.
  void ask_with(Asker& asker) { asker_ = &asker; }
  // Listens to the other end until it has said how the work ended, or the session is over. One task; prompts
  // are answered beside it.
  Task<> listen();
  // Set by each of the three below.
  Event& heard() { return heard_; }
  const std::optional<session::Exit>& exit() const { return exit_; }
  const std::optional<std::string>& failure() const { return failure_; }
  // Why nothing more will come: the session is over, or the tunnel for good.
  std::optional<Error> over() const;

  // Orderly, when the work is done; and when the person leaves: the program is asked to end and may say how.
  Task<> finish();
  Task<> hang_up();
  // The session goes on without a console, until the wait limit is over.
  Task<> let_go();

 private:
  Task<Result<void>> take_messages();
  Task<> answer_prompts();

  ConsoleTunnel& tunnel_;
  control::SessionOpened opened_;
  std::string id_;
  std::string endpoint_;
  endpoint::SessionIo io_;
  Event heard_;
  std::optional<session::Exit> exit_;
  std::optional<std::string> failure_;
  std::optional<Error> broken_;
  Asker* asker_ = nullptr;
  std::deque<session::Prompt> prompts_;
  Event prompted_;
};
using OpenedSessionPtr = std::unique_ptr<OpenedSession>;

// Asks until the appliance has answered, over as many tunnels as it takes; at most a minute. Fault::timed_out
// means that nobody knows whether it started.
// `ad_hoc`: a machine of a Jumpoint's network instead of an asset.
Task<Result<OpenedSessionPtr>> open_session(ConsoleTunnel& tunnel, std::int64_t asset,
                                            control::SessionKind kind, json::value arguments,
                                            std::optional<control::AdHocTarget> ad_hoc = std::nullopt);
// A session of this user that runs without a console, or with another one, which is told. A secret of a
// session is never written anywhere: as its owner one gets a new one.
Task<Result<OpenedSessionPtr>> attach_session(ConsoleTunnel& tunnel, std::string id);

// The exit status for what the endpoint said.
int status_of(const session::Exit& exit);

}  // namespace jump::console
