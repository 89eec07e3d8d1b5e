#include "tools/appliance/api/jumpoint_access.h"

#include "common/identity/deployment_key.h"

namespace jump::api {

Result<bool> on_jumpoint(Call& call, std::int64_t jumpoint) {
  if (call.who.configures()) return true;
  if (!call.who.user) return false;
  return call.store.jumpoints.has_user(jumpoint, call.who.user->id);
}

Result<std::optional<store::Jumpoint>> visible_jumpoint(Call& call) {
  const std::optional<std::int64_t> id = call.id();
  if (!id) return std::optional<store::Jumpoint>();
  const Result<bool> his = on_jumpoint(call, *id);
  if (!his) return his.error();
  if (!*his) return std::optional<store::Jumpoint>();
  return call.store.jumpoints.get(*id);
}

Result<JumpointState> JumpointStates::of(std::int64_t jumpoint) {
  const auto [entry, fresh] = known_.try_emplace(jumpoint);
  if (!fresh) return entry->second;
  const Result<std::optional<store::Jumpoint>> row = call_.store.jumpoints.get(jumpoint);
  if (!row) return row.error();
  if (!*row) return entry->second;
  JumpointState& state = entry->second;
  state.name = (*row)->name;
  state.enabled = (*row)->enabled;
  const Result<std::vector<store::Node>> nodes = call_.store.jumpoints.all_nodes(jumpoint);
  if (!nodes) return nodes.error();
  for (const store::Node& node : *nodes) {
    ++state.nodes;
    const std::optional<AgentPresence> presence = call_.presence.node(node.id);
    if (!presence) continue;
    ++state.nodes_online;
    state.sessions += presence->sessions;
  }
  return state;
}

Secret jumpoint_secret(const ApiOptions& options, const std::string& installer_id) {
  return identity::hkdf_sha256(options.installer_master, as_bytes("jump jumpoint v1 " + installer_id), 32);
}

Result<std::string> jumpoint_key(Call& call, const store::Jumpoint& jumpoint) {
  const Result<store::SiteSettings> site = call.store.settings.site();
  if (!site) return site.error();
  const Result<Bytes> id = from_hex(jumpoint.installer_id);
  if (call.options.installer_master.empty() || site->addresses.empty() || !id || id->size() != 16)
    return std::string();
  identity::DeploymentKey key;
  key.addresses = site->addresses;
  key.ca_pin = call.options.ca_pin;
  std::copy(id->begin(), id->end(), key.installer.begin());
  key.secret = jumpoint_secret(call.options, jumpoint.installer_id);
  key.site_salt = call.options.site_salt;
  const Result<Secret> text = identity::format_deployment_key(key);
  if (!text) return text.error();
  return std::string(text->reveal_text());
}

}  // namespace jump::api
