// What other threads and handshakes look up: who is connected, and which certificates are void.
#pragma once

#include <atomic>
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

  mutable std::mutex mutex_;
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
