// Office: what all tunnels of this appliance share, and the decisions that need more than one of them: who is
// connected, sessions from one peer to another, orders, effects of the API. One thread (the network thread).
#pragma once

#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "common/control/codec.h"
#include "common/identity/psk.h"
#include "tools/appliance/api/effects.h"
#include "tools/appliance/api/enrol.h"
#include "tools/appliance/tunnels/browse_desk.h"
#include "tools/appliance/tunnels/database.h"
#include "tools/appliance/tunnels/hub.h"
#include "tools/appliance/tunnels/keys.h"
#include "tools/appliance/tunnels/tables.h"
#include "tools/appliance/tunnels/wake_desk.h"

namespace jump::appliance {

class Peer;

struct OfficeOptions {
  std::string recordings;                             // folder
  std::string software;                               // "jump-appliance 0.1.0"
  std::int64_t run_before = 0;                        // run time of earlier starts, seconds
  std::uint64_t least_free = std::uint64_t{1} << 30;  // bytes for recordings; below, no new sessions
};

class Office {
 public:
  Office(asio::any_io_executor executor, Database& database, Keys& keys, PresenceTable& presence,
         RevocationTable& revocations, OfficeOptions options);
  ~Office();

  // Live sessions of before a restart, revoked certificates, settings. Before the first tunnel.
  Task<Result<void>> load();
  // Background work: hub, presence writes, keys, retention. Until cancelled.
  void start(TaskGroup& tasks);

  asio::any_io_executor executor() const { return executor_; }
  Database& database() { return database_; }
  Keys& keys() { return keys_; }
  Hub& hub() { return hub_; }
  const OfficeOptions& options() const { return options_; }
  const store::SiteSettings& site() const { return site_; }
  std::int64_t run_seconds() const;
  TaskGroup& tasks() { return tasks_; }

  // --- tunnels ---
  Peer* endpoint(const store::Endpoint& endpoint) const;
  void add_endpoint(const store::Endpoint& endpoint, Peer& peer);
  // Only when it is still this one.
  void remove_endpoint(const store::Endpoint& endpoint, const Peer& peer);
  // Is it connected, and does it answer a ping within `limit`?
  Task<bool> answers(store::Endpoint endpoint, Duration limit);
  void add_console(Peer& peer) { consoles_.insert(&peer); }
  void remove_console(Peer& peer) { consoles_.erase(&peer); }
  std::size_t agents_online() const { return static_cast<std::size_t>(presence_.online()); }

  // --- orders ---
  // Signed for this peer's supervisor and sent. False: it is not connected, or told no start nonce.
  bool order(const store::Endpoint& endpoint, identity::OrderKind kind, json::value body);
  bool order_to(Peer& peer, identity::OrderKind kind, json::value body);

  // --- sessions ---
  Task<control::Answer> open_session(Peer& console, control::OpenSession question);
  Task<control::Answer> take_over_session(Peer& console, control::TakeOverSession question);
  Task<control::Answer> end_session(Peer& console, control::EndSession question);
  void session_start(const store::Endpoint& from, const control::SessionStart& notice);
  // Of a helper process (wake_desk.h, browse_desk.h).
  void job_report(const store::Endpoint& from, const control::JobReport& report);
  // How an attach that finds no live session is refused.
  Task<mux::Notice> why_gone(store::SessionId id, std::string who);

  // --- what the API decided ---
  void carry_out(const api::Effects& effects);
  Task<identity::EnrollResponse> enrol(identity::EnrollRequest request, std::string remote_address);
  Task<Result<control::CertificateGrant>> renew(store::Endpoint endpoint, Bytes csr, std::string old_serial);
  // The agent or node was uninstalled on its machine.
  Task<> uninstalled(store::Endpoint endpoint, std::string from);
  // Does this summary belong to the fingerprint that it registered? True where nothing is known.
  Task<bool> fingerprint_fits(store::Endpoint endpoint, std::optional<control::Digest> summary);
  // Jump Zone Proxy: settings orders to the Jumpoint's nodes and to the clients that come by it, or to one.
  Task<> tell_zone(std::optional<store::Endpoint> only, std::int64_t jumpoint);
  // All that are connected of this Jumpoint are told.
  void zone_changed(std::int64_t jumpoint);

  void event(store::Event event);
  void presence(const store::Endpoint& endpoint, store::PresenceChange change);
  PresenceTable& presence_table() { return presence_; }
  RevocationTable& revocations() { return revocations_; }
  // A command has changed the settings or the CA: agents are told what is new.
  Task<Result<void>> reloaded();
  // Tells every peer to come back later; for the end of the service.
  void drain(std::uint32_t spread_ms);

 private:
  // Of a session, waiting for the endpoint's word.
  struct Start {
    explicit Start(const asio::any_io_executor& executor) : told(executor) {}
    Event told;
    std::optional<control::SessionStart> word;
  };
  control::SessionOpened opened(const store::Session& row) const;
  Result<std::unique_ptr<Recorder>> record(const store::Session& row);
  // Nothing: the endpoint said that it started. Each node has a second to answer, the last one a minute.
  Task<Result<void>> start_on_node(store::SessionId id, const identity::Ticket& ticket,
                                   const api::Startable& asset, const std::vector<store::Node>& nodes);
  Task<Result<void>> ask_to_start(store::SessionId id, const identity::Ticket& ticket, Duration limit);
  void keep_host_key(const LiveSession& session, const std::string& key);
  Task<> write_presence();
  Task<> keep_keys();
  Task<> keep_recordings();
  Task<> apply_absence();
  Task<> read_site(bool agents_too);
  // The agents' own periods (PRODUCT.md 3.5), to those that are connected and hold others.
  Task<> tell_absence(std::vector<std::int64_t> agents);
  Task<> tell_absence_to_all();
  Task<> announce_addresses();
  Task<> run_quietly(std::function<Result<void>(Backend&)> work);
  Hub::Events hub_events();
  void session_over(const store::Session& row, const mux::Notice& why, std::uint64_t bytes);
  void update_session_count(const store::Endpoint& endpoint);

  asio::any_io_executor executor_;
  Database& database_;
  Keys& keys_;
  PresenceTable& presence_;
  RevocationTable& revocations_;
  OfficeOptions options_;
  Instant started_;
  store::SiteSettings site_;
  TaskGroup tasks_;
  Hub hub_;
  WakeDesk wakes_;
  BrowseDesk sweeps_;
  std::unordered_map<store::Endpoint, Peer*, store::EndpointHash> endpoints_;
  std::unordered_set<Peer*> consoles_;
  std::map<store::SessionId, Start*> starts_;                 // each owned by the question that waits
  std::vector<store::PresenceChange> presence_changes_;       // of agents
  std::vector<store::PresenceChange> node_presence_changes_;  // `agent`: the node
  std::map<std::int64_t, std::uint64_t> assigned_;            // node → starts that it was asked for
  std::vector<store::Event> events_;
};

}  // namespace jump::appliance
