// The supervisor: the part of an endpoint's service that has rights and no network. It keeps the tunnel
// process running and acts on orders of the appliance that it verifies itself; nothing else makes it act. As
// little code as can be.
#pragma once

#include <functional>
#include <memory>

#include "common/base/clock.h"
#include "common/endpoint/family.h"
#include "common/endpoint/proxy_keeper.h"
#include "common/endpoint/state.h"
#include "common/endpoint/wake/helper_jobs.h"
#include "platform/process.h"
#include "platform/service_notify.h"

namespace jump::endpoint {

// What the endpoint's own configuration file allows; no order widens it.
struct LocalRules {
  std::string session_user;        // shells and files run as this user; empty: the service's own
  std::string tunnel_user;         // the tunnel process runs as this user; empty: the service's own
  std::vector<std::string> kinds;  // of sessions; and wake and browse: what helper processes may do
  std::vector<std::string> forward_allow;
  std::uint32_t most_sessions = 64;
  std::uint64_t session_memory_bytes = 0;  // 0: no limit
  std::string shell;                       // empty: the session user's own
};
BOOST_DESCRIBE_STRUCT(LocalRules, (),
                      (session_user, tunnel_user, kinds, forward_allow, most_sessions, session_memory_bytes,
                       shell))

// Sessions run as this user; empty: the service's own.
inline const std::string& session_user_of(const LocalRules& rules, const EndpointState& state) {
  return rules.session_user.empty() && state.session_user ? *state.session_user : rules.session_user;
}

struct SupervisorOptions {
  control::Role role = control::Role::agent;
  std::string program;   // "jump-client": names of units and sockets
  std::string software;  // "jump-client 0.1.0 (linux x86_64)"
  std::string own_path;  // of the executable; started with "tunnel" and "session"
  std::string data;
  std::string run;
  RouteSettings routes;  // addresses: added to those that the appliance told
  LocalRules rules;
  std::vector<std::string> abilities;
  std::optional<ProxyProgram> proxy;  // nodes only
};

enum class SupervisorEnd { stopped, uninstalled };

class Supervisor {
 public:
  Supervisor(asio::any_io_executor executor, SupervisorOptions options, EndpointState state);
  ~Supervisor();

  // Runs until stop() or an uninstall order. An error is one that no restart will mend.
  Task<Result<SupervisorEnd>> run();
  void stop();

 private:
  Task<> keep_tunnel();
  Task<Result<void>> run_tunnel();
  Task<Result<void>> listen_to_tunnel();
  Task<> end_when_silent(platform::Process& process);
  Result<std::optional<platform::User>> prepare_tunnel_user() const;
  Task<> on_order(Bytes order);
  Task<> start_session(identity::Order order);
  Task<Result<void>> start_session_process(identity::Ticket ticket);
  Task<> start_wake(identity::Order order);
  Task<> start_browse(identity::Order order);
  Task<> tell_job(control::JobReport report);
  // Empty: the endpoint's own file allows it.
  std::string refusal_of(std::string_view kind) const;
  Result<void> take_identity(const NewIdentity& message);
  Result<void> take_bundle(const identity::Order& order);
  Result<void> take_addresses(const identity::Order& order);
  Result<void> take_settings(const identity::Order& order);
  std::optional<ProxyInput> proxy_input() const;
  Task<> tell_proxy_state();
  Task<> watchdog();
  Task<> count_absence();
  Begin begin() const;
  void show(const TunnelStatus& status);

  asio::any_io_executor executor_;
  SupervisorOptions options_;
  EndpointState state_;
  platform::ServiceNotify notify_;
  TaskGroup tasks_;
  Event over_;
  std::optional<SupervisorEnd> end_;
  std::optional<Error> fatal_;
  std::string boot_id_;
  std::string session_program_;  // what session processes are started from
  control::Nonce start_nonce_;
  control::Nonce instance_;
  std::unique_ptr<identity::OrderVerifier> verifier_;
  std::unique_ptr<FamilyChannel> channel_;
  std::unique_ptr<ProxyKeeper> proxy_;
  HelperJobs helpers_;
  std::uint32_t live_sessions_ = 0;
  bool heard_ = false;    // a message of the tunnel process since the last look
  bool reached_ = false;  // the appliance answered at the last try
  std::uint64_t refused_orders_ = 0;
};

}  // namespace jump::endpoint
