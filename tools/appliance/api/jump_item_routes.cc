// /jump-item/shell-jump and /jump-item/protocol-tunnel-jump: assets behind a Jumpoint.
#include <boost/asio/ip/address.hpp>

#include "tools/appliance/api/handlers.h"
#include "tools/appliance/api/jump_item_rules.h"
#include "tools/appliance/api/jumpoint_access.h"
#include "tools/appliance/api/rights.h"

namespace jump::api {
namespace {

using store::AssetKind;
using store::JumpItem;

constexpr std::array kExtraFilters{Field{.name = "search", .kind = Kind::string}};

// With a stored credential only who may give it away may say where it goes, or how it is asked for.
constexpr std::array<std::string_view, 8> kGuarded{"hostname",
                                                   "port",
                                                   "protocol",
                                                   "jumpoint_id",
                                                   "legacy_algorithms",
                                                   "login_prompt_username",
                                                   "login_prompt_password",
                                                   "login_prompt_seconds"};
// Another machine has other host keys.
constexpr std::array<std::string_view, 4> kOtherMachine{"hostname", "port", "protocol", "jumpoint_id"};

const Schema& schema_of(AssetKind kind) {
  return kind == AssetKind::shell_jump ? kShellJumpSchema : kTunnelJumpSchema;
}

std::string location_of(const JumpItem& item) {
  const char* kind =
      item.kind == AssetKind::shell_jump ? "/jump-item/shell-jump/" : "/jump-item/protocol-tunnel-jump/";
  return std::string(kBase) + kind + std::to_string(item.id);
}
std::string object_name(std::int64_t id) {
  return "asset:" + std::to_string(id);
}
std::int32_t default_port(store::Protocol protocol) {
  return protocol == store::Protocol::ssh ? 22 : 23;
}

template <std::size_t N>
bool touches(const json::object& different, const std::array<std::string_view, N>& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return different.contains(name); });
}

// The item, or nothing when it is not there, of the other kind, or not to be seen.
Result<std::optional<JumpItem>> visible_item(Call& call, AssetKind kind) {
  const std::optional<std::int64_t> id = call.id();
  if (!id) return std::optional<JumpItem>();
  Result<std::optional<JumpItem>> item = call.store.jump_items.get(*id);
  if (!item || !*item) return item;
  if ((*item)->kind != kind) return std::optional<JumpItem>();
  const Result<std::optional<store::Role>> role =
      role_in(call, (*item)->jump_group_id, (*item)->jump_group_type);
  if (!role) return role.error();
  if (!*role) return std::optional<JumpItem>();
  return item;
}

Result<json::object> shown_item(Call& call, const JumpItem& item, JumpointStates& jumpoints,
                                GroupNames& groups) {
  json::object object = to_json(item).as_object();
  const Result<JumpointState> jumpoint = jumpoints.of(item.jumpoint_id);
  if (!jumpoint) return jumpoint.error();
  const bool online = jumpoint->enabled && jumpoint->nodes_online > 0;
  object["jumpoint_name"] = jumpoint->name;
  object["online"] = online;
  object["state"] = !jumpoint->enabled ? "disabled" : online ? "online" : "offline";
  object["created_timestamp"] = item.created_at;
  if (item.kind == AssetKind::shell_jump) {
    const Result<std::vector<store::HostKey>> keys = call.store.jump_items.host_keys(item.id);
    if (!keys) return keys.error();
    json::array texts;
    for (const store::HostKey& one : *keys) texts.emplace_back(json::string(one.key));
    object["host_keys"] = std::move(texts);
  }
  const Result<void> named = groups.add(item.jump_group_id, item.jump_group_type, object);
  if (!named) return named.error();
  return shown(schema_of(item.kind), object);
}

Result<json::object> shown_item(Call& call, const JumpItem& item) {
  JumpointStates jumpoints(call);
  GroupNames groups(call);
  return shown_item(call, item, jumpoints, groups);
}

void put_fault(Faults& faults, const char* field, std::string fault) {
  if (!fault.empty()) faults[field].push_back(std::move(fault));
}

// What the fields themselves must be.
void check_texts(const JumpItem& item, Faults& faults) {
  put_fault(faults, "hostname", host_fault(item.hostname));
  if (item.kind == AssetKind::shell_jump) {
    put_fault(faults, "filter_prompt", pattern_fault({item.filter_prompt}));
    put_fault(faults, "filter_allow", pattern_fault(item.filter_allow));
    put_fault(faults, "filter_deny", pattern_fault(item.filter_deny));
    put_fault(faults, "login_prompt_username", pattern_fault({item.login_prompt_username}));
    put_fault(faults, "login_prompt_password", pattern_fault({item.login_prompt_password}));
    for (const std::string& entry : item.environment)
      put_fault(faults, "environment", environment_fault(entry));
    return;
  }
  put_fault(faults, "tunnel_listen_address", listen_fault(item.tunnel_listen_address));
  if (item.tunnel_type != store::TunnelType::tcp) {
    faults["tunnel_type"].push_back("this appliance makes tcp tunnels only");
  }
  const Result<std::vector<session::PortPair>> ports = parse_ports(item.tunnel_definitions);
  if (!ports) faults["tunnel_definitions"].push_back(ports.error().context);
}

// What it refers to, where that is `different` from before.
Result<void> check_references(Call& call, const JumpItem& item, const json::object& different,
                              Faults& faults) {
  if (different.contains("jumpoint_id")) {
    const Result<std::optional<store::Jumpoint>> jumpoint = call.store.jumpoints.get(item.jumpoint_id);
    if (!jumpoint) return jumpoint.error();
    const Result<bool> on = on_jumpoint(call, item.jumpoint_id);
    if (!on) return on.error();
    if (!*jumpoint || !*on) {
      faults["jumpoint_id"].push_back("there is no Jumpoint " + std::to_string(item.jumpoint_id) +
                                      " that you are on; an administrator can add you to it");
    }
  }
  if (item.node_id && (different.contains("node_id") || different.contains("jumpoint_id"))) {
    const Result<std::optional<store::Node>> node = call.store.jumpoints.node(*item.node_id);
    if (!node) return node.error();
    if (!*node || (*node)->jumpoint_id != item.jumpoint_id)
      faults["node_id"].push_back("the Jumpoint has no node " + std::to_string(*item.node_id));
  }
  if (item.vault_account_id && different.contains("vault_account_id")) {
    const Result<std::optional<store::VaultAccount>> account =
        call.store.vault_accounts.get(*item.vault_account_id);
    if (!account) return account.error();
    if (!*account)
      faults["vault_account_id"].push_back("there is no account " + std::to_string(*item.vault_account_id));
  }
  if (item.session_policy_id && different.contains("session_policy_id")) {
    faults["session_policy_id"].push_back("there is no session policy " +
                                          std::to_string(*item.session_policy_id));
  }
  const Placing placing{item.jump_group_id, item.jump_group_type, item.jump_policy_id, {}, {}};
  return check_placing(call, placing, different, faults);
}

// host_keys stand in a table of their own: taken out of the object and given back.
std::optional<std::vector<std::string>> take_host_keys(json::object& given, Faults& faults) {
  const json::value* value = given.if_contains("host_keys");
  if (value == nullptr) return std::nullopt;
  const Result<std::vector<std::string>> keys = from_json<std::vector<std::string>>(*value);
  given.erase("host_keys");
  if (!keys) return std::nullopt;
  for (const std::string& key : *keys) put_fault(faults, "host_keys", host_key_fault(key));
  return *keys;
}

// Fields that the body names and only who configures may set.
std::string reserved(const Call& call, const Schema& schema) {
  std::string names;
  if (call.who.configures()) return names;
  for (const auto& [key, value] : call.body) {
    const Field* field = schema.find(std::string_view(key));
    if (field == nullptr || (field->rights & kWrite) == 0 || !field->role_right.empty() || value.is_null())
      continue;
    names += (names.empty() ? "" : ", ") + std::string(std::string_view(key));
  }
  return names;
}

Reply list_items(Call& call, AssetKind kind) {
  Faults faults;
  const ListQuery query = list_query(
      call, schema_of(kind), {"name", "hostname", "jump_group_id", "jump_group_type", "jumpoint_id", "tag"},
      kExtraFilters, faults);
  if (!faults.empty()) return invalid(faults);
  store::JumpItemFilter filter;
  filter.kind = kind;
  filter.name = query.text("name");
  filter.hostname = query.text("hostname");
  filter.jump_group_id = query.number("jump_group_id");
  filter.jump_group_type = query.choice<store::GroupType>("jump_group_type");
  filter.jumpoint_id = query.number("jumpoint_id");
  filter.tag = query.text("tag");
  filter.search = query.text("search").value_or("");
  filter.visible_to = call.who.seen_by();
  const Result<store::Rows<JumpItem>> rows = call.store.jump_items.list(filter, query.page());
  if (!rows) return rows.error();
  json::array items;
  JumpointStates jumpoints(call);
  GroupNames groups(call);
  for (const JumpItem& row : rows->items) {
    const Result<json::object> item = shown_item(call, row, jumpoints, groups);
    if (!item) return item.error();
    items.push_back(*item);
  }
  return list_response(call, query, std::move(items), rows->total);
}

Reply create_item(Call& call, AssetKind kind) {
  Faults faults;
  const Schema& schema = schema_of(kind);
  json::object given = checked(schema, call.body, Mode::create, faults);
  const std::optional<std::vector<std::string>> host_keys = take_host_keys(given, faults);
  if (!faults.empty()) return invalid(faults);
  const std::string names = reserved(call, schema);
  if (!names.empty()) return forbidden("Only an administrator may set: " + names + ".");
  Result<JumpItem> item = from_json<JumpItem>(merged(to_json(JumpItem{}).as_object(), given));
  if (!item) return item.error();
  item->kind = kind;
  item->created_at = call.clock.wall;
  if (!given.contains("port")) item->port = default_port(item->protocol);
  check_texts(*item, faults);
  const Result<void> checks = check_references(call, *item, given, faults);
  if (!checks) return checks.error();
  if (!faults.empty()) return invalid(faults);
  const Result<JumpItem> made = call.store.jump_items.create(*item);
  if (!made) return made.error();
  Result<void> done;
  if (host_keys)
    done = call.store.jump_items.set_host_keys(made->id, *host_keys, call.who.name(), call.clock.wall);
  if (done) {
    done = call.event("asset.create", object_name(made->id), "made the asset " + made->name,
                      json::object{{"kind", boost::describe::enum_to_string(kind, "?")},
                                   {"jumpoint_id", made->jumpoint_id},
                                   {"hostname", json::string(made->hostname)}});
  }
  if (!done) return done.error();
  const Result<json::object> object = shown_item(call, *made);
  if (!object) return object.error();
  return created(location_of(*made), *object);
}

Reply get_item(Call& call, AssetKind kind) {
  const Result<std::optional<JumpItem>> item = visible_item(call, kind);
  if (!item) return item.error();
  if (!*item) return not_found();
  const Result<json::object> object = shown_item(call, **item);
  if (!object) return object.error();
  return json_response(200, *object);
}

Result<void> store_change(Call& call, const JumpItem& old, const JumpItem& changed,
                          const std::optional<std::vector<std::string>>& host_keys, json::object different) {
  Result<void> done = call.store.jump_items.change(changed);
  if (!done) return done;
  const bool other = changed.kind == AssetKind::shell_jump && touches(different, kOtherMachine);
  if (host_keys || other) {
    const std::vector<std::string> keys = host_keys.value_or(std::vector<std::string>());
    done = call.store.jump_items.set_host_keys(old.id, keys, call.who.name(), call.clock.wall);
    if (!done) return done;
    different["host_keys"] = to_json(keys);
  }
  if (different.empty()) return {};
  return call.event("asset.edit", object_name(old.id), "edited " + changed.name, different);
}

Reply change_item(Call& call, AssetKind kind) {
  const Result<std::optional<JumpItem>> found = visible_item(call, kind);
  if (!found) return found.error();
  if (!*found) return not_found();
  const JumpItem& old = **found;
  const Schema& schema = schema_of(kind);
  Faults faults;
  json::object changes = checked(schema, call.body, Mode::change, faults);
  std::optional<std::vector<std::string>> host_keys = take_host_keys(changes, faults);
  if (!faults.empty()) return invalid(faults);
  if (host_keys) {
    const Result<std::vector<store::HostKey>> known = call.store.jump_items.host_keys(old.id);
    if (!known) return known.error();
    const bool same =
        std::equal(known->begin(), known->end(), host_keys->begin(), host_keys->end(),
                   [](const store::HostKey& one, const std::string& key) { return one.key == key; });
    if (same) host_keys.reset();
  }
  const json::object before = to_json(old).as_object();
  json::object different = differences(before, changes);
  if (!call.who.configures()) {
    const Result<std::optional<store::Role>> role = role_in(call, old.jump_group_id, old.jump_group_type);
    if (!role) return role.error();
    std::string missing = missing_rights(schema, different, role->value());
    if (host_keys) missing += missing.empty() ? "host_keys" : ", host_keys";
    if (!missing.empty()) return forbidden("Your role does not allow to change: " + missing + ".");
    if (old.vault_account_id && touches(different, kGuarded)) {
      return forbidden("The asset has a stored credential: only an administrator may say where it is sent.");
    }
  }
  Result<JumpItem> changed = from_json<JumpItem>(merged(before, changes));
  if (!changed) return changed.error();
  // The port follows the protocol while it is the usual one.
  if (different.contains("protocol") && !changes.contains("port") && old.port == default_port(old.protocol)) {
    changed->port = default_port(changed->protocol);
    different["port"] = json::array{old.port, changed->port};
  }
  check_texts(*changed, faults);
  const Result<void> checks = check_references(call, *changed, different, faults);
  if (!checks) return checks.error();
  if (!faults.empty()) return invalid(faults);
  const Result<void> done = store_change(call, old, *changed, host_keys, std::move(different));
  if (!done) return done.error();
  return get_item(call, kind);
}

Reply remove_item(Call& call, AssetKind kind) {
  const Result<std::optional<JumpItem>> item = visible_item(call, kind);
  if (!item) return item.error();
  if (!*item) return not_found();
  const Result<std::optional<store::Role>> role =
      role_in(call, (*item)->jump_group_id, (*item)->jump_group_type);
  if (!role) return role.error();
  if (!(*role)->perm_remove) return forbidden("Your role does not allow to remove assets of this group.");
  const Result<std::vector<store::SessionId>> live = call.store.sessions.live_of_asset((*item)->id);
  if (!live) return live.error();
  call.end_sessions(*live, "the asset was removed by " + call.who.name());
  const Result<bool> removed = call.store.jump_items.remove((*item)->id);
  if (!removed) return removed.error();
  const Result<void> done = call.event("asset.remove", object_name((*item)->id), "removed " + (*item)->name);
  if (!done) return done.error();
  return no_content();
}

// Into another group. The stored credential goes along only when the caller may give it away.
Reply copy_item(Call& call, AssetKind kind) {
  const Result<std::optional<JumpItem>> found = visible_item(call, kind);
  if (!found) return found.error();
  if (!*found) return not_found();
  JumpItem item = **found;
  Faults faults;
  const json::object changes = checked(schema_of(kind), call.body, Mode::change, faults);
  for (const auto& [key, value] : changes) {
    if (key != "jump_group_id" && key != "jump_group_type") {
      faults[std::string(std::string_view(key))].push_back("cannot be given for a copy; edit it afterwards");
    }
  }
  if (!faults.empty()) return invalid(faults);
  const Result<std::optional<store::Role>> role = role_in(call, item.jump_group_id, item.jump_group_type);
  if (!role) return role.error();
  if (!(*role)->perm_assign_jump_group)
    return forbidden("Your role does not allow to copy assets of this group.");
  Result<JumpItem> wanted = from_json<JumpItem>(merged(to_json(item).as_object(), changes));
  if (!wanted) return wanted.error();
  wanted->created_at = call.clock.wall;
  wanted->last_access_timestamp.reset();
  if (!call.who.configures()) wanted->vault_account_id.reset();
  // A copy is another asset on the Jumpoint.
  const Result<void> checks =
      check_references(call, *wanted, json::object{{"jump_group_id", true}, {"jumpoint_id", true}}, faults);
  if (!checks) return checks.error();
  if (!faults.empty()) return invalid(faults);
  const Result<JumpItem> made = call.store.jump_items.create(*wanted);
  if (!made) return made.error();
  const Result<std::vector<store::HostKey>> keys = call.store.jump_items.host_keys(item.id);
  if (!keys) return keys.error();
  std::vector<std::string> texts;
  for (const store::HostKey& one : *keys) texts.push_back(one.key);
  Result<void> done = call.store.jump_items.set_host_keys(made->id, texts, call.who.name(), call.clock.wall);
  if (done) {
    done = call.event("asset.copy", object_name(item.id), "copied " + item.name,
                      json::object{{"copy", made->id}, {"jump_group_id", made->jump_group_id}});
  }
  if (!done) return done.error();
  return json_response(200, json::object{{"action", "copy"}, {"success", "true"}, {"destId", made->id}});
}

}  // namespace

Reply list_shell_jumps(Call& call) {
  return list_items(call, AssetKind::shell_jump);
}
Reply create_shell_jump(Call& call) {
  return create_item(call, AssetKind::shell_jump);
}
Reply get_shell_jump(Call& call) {
  return get_item(call, AssetKind::shell_jump);
}
Reply change_shell_jump(Call& call) {
  return change_item(call, AssetKind::shell_jump);
}
Reply remove_shell_jump(Call& call) {
  return remove_item(call, AssetKind::shell_jump);
}
Reply copy_shell_jump(Call& call) {
  return copy_item(call, AssetKind::shell_jump);
}
Reply list_tunnel_jumps(Call& call) {
  return list_items(call, AssetKind::protocol_tunnel_jump);
}
Reply create_tunnel_jump(Call& call) {
  return create_item(call, AssetKind::protocol_tunnel_jump);
}
Reply get_tunnel_jump(Call& call) {
  return get_item(call, AssetKind::protocol_tunnel_jump);
}
Reply change_tunnel_jump(Call& call) {
  return change_item(call, AssetKind::protocol_tunnel_jump);
}
Reply remove_tunnel_jump(Call& call) {
  return remove_item(call, AssetKind::protocol_tunnel_jump);
}
Reply copy_tunnel_jump(Call& call) {
  return copy_item(call, AssetKind::protocol_tunnel_jump);
}

}  // namespace jump::api
