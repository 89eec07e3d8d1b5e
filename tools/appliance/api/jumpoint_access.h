// Who sees a Jumpoint and may put assets on it (PRODUCT.md 5.7), and how many of its nodes are there.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tools/appliance/api/call.h"

namespace jump::api {

// The caller configures, or is on the Jumpoint.
Result<bool> on_jumpoint(Call& call, std::int64_t jumpoint);
// The Jumpoint of {id}; nothing: not there, or not the caller's to see.
Result<std::optional<store::Jumpoint>> visible_jumpoint(Call& call);

struct JumpointState {
  std::string name;
  bool enabled = false;
  std::int64_t nodes = 0;
  std::int64_t nodes_online = 0;
  std::int64_t sessions = 0;
};
// Each looked up once for a list.
class JumpointStates {
 public:
  explicit JumpointStates(Call& call) : call_(call) {}
  Result<JumpointState> of(std::int64_t jumpoint);

 private:
  Call& call_;
  std::map<std::int64_t, JumpointState> known_;
};

// The secret in the deployment key of this installer id: of the master, so that it can be shown again.
Secret jumpoint_secret(const ApiOptions& options, const std::string& installer_id);
// The deployment key; empty where it cannot be made: no master, or the site has no address yet.
Result<std::string> jumpoint_key(Call& call, const store::Jumpoint& jumpoint);

}  // namespace jump::api
