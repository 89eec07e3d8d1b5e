// What other threads and handshakes look up: who is connected, and which certificates are void.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "common/tunnel/peer_verifier.h"
#include "tools/appliance/api/presence.h"

namespace jump::appliance {

// Written by the network thread, read by the database thread.
class PresenceTable : public api::Presence {
 public:
  std::optional<api::AgentPresence> agent(std::int64_t agent) const override {
    const std::lock_guard lock(mutex_);
    const auto found = agents_.find(agent);
    if (found == agents_.end()) return std::nullopt;
    return found->second;
  }
  std::int64_t online() const override {
    const std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(agents_.size());
  }

  void connected(std::int64_t agent, api::AgentPresence presence) {
    const std::lock_guard lock(mutex_);
    agents_[agent] = std::move(presence);
  }
  void disconnected(std::int64_t agent) {
    const std::lock_guard lock(mutex_);
    agents_.erase(agent);
  }
  void set_sessions(std::int64_t agent, std::uint32_t sessions) {
    const std::lock_guard lock(mutex_);
    const auto found = agents_.find(agent);
    if (found != agents_.end()) found->second.sessions = sessions;
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::int64_t, api::AgentPresence> agents_;
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
