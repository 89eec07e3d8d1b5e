#include "tools/appliance/api/start.h"

#include "tools/appliance/api/jump_item_rules.h"
#include "tools/appliance/api/vault.h"

namespace jump::api {
namespace {

// Nothing: he may start what is in this group.
Result<void> check_role(store::Store& store, const store::User& user, std::int64_t group,
                        store::GroupType type) {
  const Error none(Fault::not_found, "there is no such asset, or it is not yours to see");
  if (user.perm_admin) return {};
  if (type == store::GroupType::personal) return group == user.id ? Result<void>() : none;
  const Result<std::optional<store::Role>> role = store.groups.role_of(user.id, group);
  if (!role) return role.error();
  if (!*role || (*role)->id == store::kNoAccess) return none;
  if ((*role)->perm_start) return {};
  return Error(Fault::refused, "your role in the group (" + (*role)->name + ") does not start sessions");
}

Result<session::Target> target_of(store::Store& store, const Secret& vault_key, const store::JumpItem& item) {
  session::Target target;
  target.host = item.hostname;
  target.username = item.username;
  if (item.kind == store::AssetKind::protocol_tunnel_jump) {
    target.protocol = session::Protocol::tcp;
    target.port = 0;
    Result<std::vector<session::PortPair>> ports = parse_ports(item.tunnel_definitions);
    if (!ports) return Error(Fault::refused, item.name + " has no port pairs");
    target.ports = std::move(*ports);
    return target;
  }
  const bool ssh = item.protocol == store::Protocol::ssh;
  target.protocol = ssh ? session::Protocol::ssh : session::Protocol::telnet;
  target.port = static_cast<std::uint16_t>(item.port);
  target.terminal = boost::describe::enum_to_string(item.terminal, "xterm");
  target.keep_alive_seconds = static_cast<std::uint32_t>(item.keep_alive);
  target.legacy_algorithms = item.legacy_algorithms;
  for (const std::string& entry : item.environment) {
    const std::size_t equals = entry.find('=');
    target.environment[entry.substr(0, equals)] = entry.substr(std::min(entry.size(), equals + 1));
  }
  if (ssh) {
    const Result<std::vector<store::HostKey>> keys = store.jump_items.host_keys(item.id);
    if (!keys) return keys.error();
    for (const store::HostKey& one : *keys) target.host_keys.push_back(one.key);
    target.filter.mode = item.filter_mode;
    if (!item.filter_prompt.empty()) target.filter.prompt = item.filter_prompt;
    target.filter.allow = item.filter_allow;
    target.filter.deny = item.filter_deny;
  } else {
    session::LoginPrompts& prompts = target.login_prompts.emplace();
    if (!item.login_prompt_username.empty()) prompts.username = item.login_prompt_username;
    if (!item.login_prompt_password.empty()) prompts.password = item.login_prompt_password;
    prompts.seconds = static_cast<std::uint32_t>(item.login_prompt_seconds);
  }
  if (item.vault_account_id) {
    Result<session::Credential> credential = credential_of(store, vault_key, *item.vault_account_id);
    if (!credential) return credential.error();
    target.credential = std::move(*credential);
  }
  return target;
}

Result<Startable> startable_item(store::Store& store, const Secret& vault_key, const store::User& user,
                                 const store::JumpItem& item) {
  // Who may start what is in the group needs not be on the Jumpoint (PRODUCT.md 5.7).
  const Result<void> role = check_role(store, user, item.jump_group_id, item.jump_group_type);
  if (!role) return role.error();
  const Result<std::optional<store::Jumpoint>> jumpoint = store.jumpoints.get(item.jumpoint_id);
  if (!jumpoint) return jumpoint.error();
  if (!*jumpoint) return Error(Fault::refused, "the Jumpoint of " + item.name + " was removed");
  const std::string called = "the Jumpoint " + (*jumpoint)->name;
  if (!(*jumpoint)->enabled) return Error(Fault::refused, called + " is disabled");
  const bool shell = item.kind == store::AssetKind::shell_jump;
  if (shell && !(*jumpoint)->shell_jump_enabled)
    return Error(Fault::refused, "Shell Jump is switched off on " + called);
  if (!shell && !(*jumpoint)->protocol_tunnel_jump_enabled)
    return Error(Fault::refused, "tunnel jumps are switched off on " + called);
  Startable found;
  found.kind = item.kind;
  found.asset = item.id;
  found.name = item.name;
  found.jump_group_id = item.jump_group_id;
  found.jump_group_type = item.jump_group_type;
  found.jumpoint = item.jumpoint_id;
  found.jumpoint_name = (*jumpoint)->name;
  found.node_id = item.node_id;
  found.node_tag = item.node_tag;
  if (shell) {
    found.ability = item.protocol == store::Protocol::ssh ? "ssh" : "telnet";
  } else {
    found.ability = "tunnel";
  }
  Result<session::Target> target = target_of(store, vault_key, item);
  if (!target) return target.error();
  found.target = std::move(*target);
  return found;
}

}  // namespace

Result<Startable> may_start(store::Store& store, const Secret& vault_key, std::int64_t user_id,
                            std::int64_t asset) {
  const Result<std::optional<store::User>> user = store.users.get(user_id);
  if (!user) return user.error();
  if (!*user || !(*user)->enabled) return Error(Fault::refused, "the user is disabled");
  if ((*user)->password_reset_next_login) return Error(Fault::refused, "the password must be changed first");
  const Result<std::optional<store::JumpClientRow>> row = store.jump_clients.get(asset);
  if (!row) return row.error();
  if (!*row) {
    const Result<std::optional<store::JumpItem>> item = store.jump_items.get(asset);
    if (!item) return item.error();
    if (!*item) return Error(Fault::not_found, "there is no such asset, or it is not yours to see");
    return startable_item(store, vault_key, **user, **item);
  }
  const store::JumpClientRow& client = **row;
  const Result<void> role = check_role(store, **user, client.jump_group_id, client.jump_group_type);
  if (!role) return role.error();
  if (client.disabled) return Error(Fault::refused, client.name + " is disabled");
  if (client.connection_type == store::ConnectionType::uninstalled) {
    return Error(Fault::refused, client.name + " was uninstalled");
  }
  Startable found;
  found.asset = client.id;
  found.name = client.name;
  found.jump_group_id = client.jump_group_id;
  found.jump_group_type = client.jump_group_type;
  found.agent = client.agent;
  return found;
}

namespace {

Result<void> check_ad_hoc(const control::AdHocTarget& wanted) {
  const auto plain = [](std::string_view text) {
    return std::ranges::none_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7F; });
  };
  if (wanted.host.empty() || wanted.host.size() > 128 || !plain(wanted.host))
    return Error(Fault::invalid, "the host must be a name or address of 1 to 128 characters");
  if (wanted.protocol != "ssh" && wanted.protocol != "telnet")
    return Error(Fault::invalid,
                 "the protocol '" + printable(wanted.protocol, 32) + "' is neither ssh nor telnet");
  if (wanted.username.size() > 128)
    return Error(Fault::invalid, "the user name has more than 128 characters");
  return {};
}

}  // namespace

Result<Startable> may_start_ad_hoc(store::Store& store, std::int64_t user_id,
                                   const control::AdHocTarget& wanted) {
  const Result<void> fine = check_ad_hoc(wanted);
  if (!fine) return fine.error();
  const Result<std::optional<store::User>> user = store.users.get(user_id);
  if (!user) return user.error();
  if (!*user || !(*user)->enabled) return Error(Fault::refused, "the user is disabled");
  if ((*user)->password_reset_next_login) return Error(Fault::refused, "the password must be changed first");
  const auto number = static_cast<std::int64_t>(wanted.jumpoint);
  const Result<std::optional<store::Jumpoint>> jumpoint = store.jumpoints.get(number);
  if (!jumpoint) return jumpoint.error();
  const Result<bool> on_it = store.jumpoints.has_user(number, user_id);
  if (!on_it) return on_it.error();
  if (!*jumpoint || !(*on_it || (*user)->perm_admin))
    return Error(Fault::not_found, "there is no such Jumpoint, or you are not on it");
  const std::string called = "the Jumpoint " + (*jumpoint)->name;
  if (!(*jumpoint)->enabled) return Error(Fault::refused, called + " is disabled");
  if (!(*jumpoint)->shell_jump_enabled)
    return Error(Fault::refused, "Shell Jump is switched off on " + called);
  const bool ssh = wanted.protocol == "ssh";
  const std::uint16_t port = wanted.port != 0 ? wanted.port : ssh ? 22 : 23;
  Startable found;
  found.kind = store::AssetKind::shell_jump;
  found.name = (*jumpoint)->name + "/" + wanted.host;
  found.jump_group_id = user_id;
  found.jump_group_type = store::GroupType::personal;
  found.jumpoint = number;
  found.jumpoint_name = (*jumpoint)->name;
  found.ability = wanted.protocol;
  session::Target& target = found.target.emplace();
  target.protocol = ssh ? session::Protocol::ssh : session::Protocol::telnet;
  target.host = wanted.host;
  target.port = port;
  target.username = wanted.username;
  if (ssh) {
    Result<std::vector<std::string>> keys = store.jump_items.ad_hoc_host_keys(number, wanted.host, port);
    if (!keys) return keys.error();
    target.host_keys = std::move(*keys);
  } else {
    target.login_prompts.emplace();
  }
  return found;
}

Result<void> check_kind(const Startable& asset, control::SessionKind kind) {
  using control::SessionKind;
  if (!asset.target) return {};
  const bool fits = asset.ability == "ssh" ? kind == SessionKind::shell || kind == SessionKind::exec ||
                                                 kind == SessionKind::files
                    : asset.ability == "telnet" ? kind == SessionKind::shell
                                                : kind == SessionKind::forward;
  if (fits) return {};
  const char* what = asset.ability == "ssh"      ? " is reached by SSH: shell, exec and files"
                     : asset.ability == "telnet" ? " is reached by Telnet: shell only"
                                                 : " is a tunnel: forward only";
  return Error(Fault::refused, asset.name + what);
}

}  // namespace jump::api
