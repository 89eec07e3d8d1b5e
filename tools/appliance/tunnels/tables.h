// What other threads and handshakes look up: who is connected, and which certificates are void.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "common/tunnel/peer_verifier.h"
#include "tools/appliance/api/presence.h"
#include "tools/appliance/store/endpoint.h"

namespace jump::appliance {

// Written by the network thread, read by the database thread.
class PresenceTable : public api::Presence {
 public:
  static constexpr auto kSweepKept = std::chrono::minutes(1);  // what a sweep found, after its end

  std::optional<api::AgentPresence> agent(std::int64_t agent) const override {
    return of(store::agent_endpoint(agent));
  }
  std::optional<api::AgentPresence> node(std::int64_t node) const override {
    return of(store::node_endpoint(node));
  }
  std::int64_t online() const override {
    const std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(endpoints_.size()) - nodes_;
  }

  std::optional<wake::AttemptResult> attempt(std::int64_t agent) const override {
    const std::lock_guard lock(mutex_);
    const auto found = attempts_.find(agent);
    if (found == attempts_.end()) return std::nullopt;
    return found->second;
  }
  void set_attempt(std::int64_t agent, wake::AttemptResult result) {
    const std::lock_guard lock(mutex_);
    // Those that are over are kept for whoever still asks; not for ever.
    if (attempts_.size() >= kAttemptsKept && !attempts_.contains(agent)) {
      std::erase_if(attempts_, [](const auto& entry) {
        return entry.second.state != wake::AttemptState::sending &&
               entry.second.state != wake::AttemptState::watching;
      });
    }
    attempts_[agent] = std::move(result);
  }

  std::optional<api::SweepView> sweep(std::int64_t jumpoint, std::uint64_t after, std::size_t most,
                                      Instant now) const override {
    const std::lock_guard lock(mutex_);
    const auto found = sweeps_.find(jumpoint);
    if (found == sweeps_.end() || found->second.stale(now)) return std::nullopt;
    const Sweep& sweep = found->second;
    api::SweepView view = sweep.view;
    view.cursor = after;
    view.hosts_in_all = static_cast<std::uint32_t>(sweep.hosts.size());
    for (auto at = sweep.order.upper_bound(after); at != sweep.order.end(); ++at) {
      if (view.hosts.size() == most) {
        view.more = true;
        break;
      }
      view.hosts.push_back(sweep.hosts.at(at->second).second);
      view.cursor = at->first;
    }
    return view;
  }
  void forget_sweeps(Instant now) {
    const std::lock_guard lock(mutex_);
    std::erase_if(sweeps_, [now](const auto& entry) { return entry.second.stale(now); });
  }
  // Whatever their age.
  void forget_ended_sweeps() {
    const std::lock_guard lock(mutex_);
    std::erase_if(sweeps_, [](const auto& entry) { return entry.second.ended.has_value(); });
  }
  void begin_sweep(std::int64_t jumpoint, std::uint64_t number, std::int64_t node, std::string node_name) {
    const std::lock_guard lock(mutex_);
    Sweep sweep;
    sweep.view.sweep = number;
    sweep.view.node = node;
    sweep.view.node_name = std::move(node_name);
    sweeps_[jumpoint] = std::move(sweep);
  }
  void add_host(std::int64_t jumpoint, std::uint64_t number, wake::FoundHost host) {
    const std::lock_guard lock(mutex_);
    const auto found = sweeps_.find(jumpoint);
    if (found == sweeps_.end() || found->second.view.sweep != number) return;
    Sweep& sweep = found->second;
    const std::uint32_t id = host.id;
    if (sweep.hosts.size() >= wake::kHostsMost && !sweep.hosts.contains(id)) return;
    auto& [changed, kept] = sweep.hosts[id];
    sweep.order.erase(changed);
    changed = ++sweep.changes;
    kept = std::move(host);
    sweep.order[changed] = id;
  }
  void end_sweep(std::int64_t jumpoint, std::uint64_t number, wake::BrowseEnd end, Instant now) {
    const std::lock_guard lock(mutex_);
    const auto found = sweeps_.find(jumpoint);
    if (found == sweeps_.end() || found->second.view.sweep != number) return;
    found->second.view.over = true;
    found->second.view.end = std::move(end);
    found->second.ended = now;
  }

  void connected(const store::Endpoint& endpoint, api::AgentPresence presence) {
    const std::lock_guard lock(mutex_);
    const bool fresh = endpoints_.insert_or_assign(endpoint, std::move(presence)).second;
    if (fresh && endpoint.node()) ++nodes_;
  }
  void disconnected(const store::Endpoint& endpoint) {
    const std::lock_guard lock(mutex_);
    if (endpoints_.erase(endpoint) > 0 && endpoint.node()) --nodes_;
  }
  void set_sessions(const store::Endpoint& endpoint, std::uint32_t sessions) {
    const std::lock_guard lock(mutex_);
    const auto found = endpoints_.find(endpoint);
    if (found != endpoints_.end()) found->second.sessions = sessions;
  }

 private:
  std::optional<api::AgentPresence> of(const store::Endpoint& endpoint) const {
    const std::lock_guard lock(mutex_);
    const auto found = endpoints_.find(endpoint);
    if (found == endpoints_.end()) return std::nullopt;
    return found->second;
  }

  static constexpr std::size_t kAttemptsKept = 4096;

  struct Sweep {
    api::SweepView view;  // without hosts
    std::optional<Instant> ended;
    std::uint64_t changes = 0;
    std::map<std::uint32_t, std::pair<std::uint64_t, wake::FoundHost>> hosts;  // by id, with their change
    std::map<std::uint64_t, std::uint32_t> order;                              // change → id
    // One that failed is not kept from whoever wants to try again.
    bool stale(Instant now) const {
      if (!ended) return false;
      const bool failed = view.end && !view.end->error.empty();
      return now - *ended >= (failed ? Duration(std::chrono::seconds(5)) : Duration(kSweepKept));
    }
  };

  mutable std::mutex mutex_;
  std::map<std::int64_t, wake::AttemptResult> attempts_;  // by agent
  std::map<std::int64_t, Sweep> sweeps_;                  // by Jumpoint
  std::unordered_map<store::Endpoint, api::AgentPresence, store::EndpointHash> endpoints_;
  std::int64_t nodes_ = 0;
};

// Network thread only.
class RevocationTable : public tunnel::Revocations {
 public:
  std::uint64_t generation() const override { return generation_; }
  Result<void> check(const identity::PeerIdentity& peer, const std::string& serial) const override {
    const auto found = reasons_.find(serial);
    if (found == reasons_.end()) return {};
    return Error(Fault::refused, "the certificate of " + peer.name() + " was revoked: " + found->second);
  }
  void add(const std::string& serial, std::string reason) {
    reasons_[serial] = std::move(reason);
    ++generation_;
  }

 private:
  std::uint64_t generation_ = 1;
  std::unordered_map<std::string, std::string> reasons_;
};

}  // namespace jump::appliance
