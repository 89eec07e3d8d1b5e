// /jumpoint: the gateways, their keys and their users. Their nodes: node_routes.cc.
#include <boost/asio/ip/address.hpp>

#include "common/identity/deployment_key.h"
#include "common/identity/host_port.h"
#include "common/identity/random.h"
#include "tools/appliance/api/handlers.h"
#include "tools/appliance/api/jump_item_rules.h"
#include "tools/appliance/api/jumpoint_access.h"

namespace jump::api {
namespace {

constexpr std::size_t kPrefixBytes = 30000;  // identity::ZoneProxySettings

std::string object_name(std::int64_t id) {
  return "jumpoint:" + std::to_string(id);
}
std::string location_of(std::int64_t id) {
  return std::string(kBase) + "/jumpoint/" + std::to_string(id);
}

bool is_address(const std::string& text) {
  boost::system::error_code failure;
  boost::asio::ip::make_address(text, failure);
  return !failure;
}

// What is accepted and may be a mistake all the same.
json::array warnings_of(const store::Jumpoint& jumpoint) {
  json::array warnings;
  if (!jumpoint.jzp_proxy_hostname.empty() && jumpoint.clustered) {
    warnings.emplace_back(
        "jzp_proxy_hostname: each node of a cluster finds its own name; this one is not used");
  } else if (is_address(jumpoint.jzp_proxy_hostname)) {
    warnings.emplace_back("jzp_proxy_hostname: an address; clients lose the proxy when it changes");
  }
  if (jumpoint.jzp_client_address_restrictions_type == store::Restriction::deny_all &&
      jumpoint.jzp_restricted_ips.empty()) {
    warnings.emplace_back("jzp_restricted_ips: empty: nobody may use the proxy");
  }
  for (const std::string& warning : check_prefixes(jumpoint.jzp_restricted_ips).warnings) {
    warnings.emplace_back(json::string("jzp_restricted_ips: " + warning));
  }
  return warnings;
}

void check_zone_proxy(const store::Jumpoint& jumpoint, Faults& faults) {
  const std::string& host = jumpoint.jzp_proxy_hostname;
  if (host.starts_with("http://") || host.starts_with("https://")) {
    faults["jzp_proxy_hostname"].push_back("is a host name, without http:// or https://");
  } else if (!host.empty()) {
    const std::string fault = host_fault(host);
    if (!fault.empty()) faults["jzp_proxy_hostname"].push_back(fault);
  }
  std::size_t bytes = 0;
  for (const std::string& line : jumpoint.jzp_restricted_ips) bytes += line.size() + 1;
  if (bytes > kPrefixBytes) {
    faults["jzp_restricted_ips"].push_back("has " + std::to_string(bytes) + " bytes, at most " +
                                           std::to_string(kPrefixBytes));
    return;
  }
  for (std::string& fault : check_prefixes(jumpoint.jzp_restricted_ips).faults)
    faults["jzp_restricted_ips"].push_back(std::move(fault));
}

// Which of the unique fields is taken by another Jumpoint.
Result<void> check_unique(Call& call, const store::Jumpoint& jumpoint, Faults& faults) {
  const auto taken = [&](const char* field, const store::JumpointFilter& filter) -> Result<void> {
    const Result<store::Rows<store::Jumpoint>> found = call.store.jumpoints.list(filter, {0, 1});
    if (!found) return found.error();
    if (!found->items.empty() && found->items.front().id != jumpoint.id)
      faults[field].push_back("is taken by another Jumpoint");
    return {};
  };
  store::JumpointFilter by_name;
  by_name.name = jumpoint.name;
  Result<void> done = taken("name", by_name);
  if (!done || jumpoint.code_name.empty()) return done;
  store::JumpointFilter by_code;
  by_code.code_name = jumpoint.code_name;
  return taken("code_name", by_code);
}

Result<json::object> shown_jumpoint(Call& call, const store::Jumpoint& jumpoint) {
  json::object object = to_json(jumpoint).as_object();
  const Result<JumpointState> state = JumpointStates(call).of(jumpoint.id);
  if (!state) return state.error();
  object["connected"] = state->nodes_online > 0;
  object["online"] = state->nodes_online > 0;
  object["nodes"] = state->nodes;
  object["nodes_online"] = state->nodes_online;
  object["sessions"] = state->sessions;
  const Result<std::vector<std::string>> proxies = call.store.jumpoints.zone_proxies(jumpoint.id);
  if (!proxies) return proxies.error();
  object["zone_proxies"] = to_json(*proxies);
  object["warnings"] = warnings_of(jumpoint);
  object["created_timestamp"] = jumpoint.created_at;
  // A secret: whoever has it may add a node.
  if (call.who.configures()) {
    const Result<std::string> key = jumpoint_key(call, jumpoint);
    if (!key) return key.error();
    object["key_info"] = *key;
    object["docker_deploy_key"] = *key;
  }
  return shown(kJumpointSchema, object);
}

Result<void> new_key(Call& call, store::Jumpoint& jumpoint, Bytes& hash) {
  if (call.options.installer_master.empty())
    return Error(Fault::unavailable, "the appliance has no master key for deployment keys");
  jumpoint.installer_id = to_hex(identity::random_bytes(16));
  const identity::Digest digest =
      identity::deployment_secret_hash(jumpoint_secret(call.options, jumpoint.installer_id));
  hash.assign(digest.begin(), digest.end());
  return {};
}

// The zone's nodes and clients are told what changed.
bool concerns_zone(const json::object& different) {
  for (const auto& [key, value] : different) {
    if (std::string_view(key).starts_with("jzp_") || key == "clustered") return true;
  }
  return false;
}

}  // namespace

Reply list_jumpoints(Call& call) {
  constexpr std::array kExtra{Field{.name = "hostname", .kind = Kind::string},
                              Field{.name = "public_ip", .kind = Kind::string},
                              Field{.name = "private_ip", .kind = Kind::string}};
  Faults faults;
  const ListQuery query = list_query(call, kJumpointSchema, {"name", "code_name"}, kExtra, faults);
  if (!faults.empty()) return invalid(faults);
  store::JumpointFilter filter;
  filter.name = query.text("name");
  filter.code_name = query.text("code_name");
  filter.hostname = query.text("hostname");
  filter.public_ip = query.text("public_ip");
  filter.private_ip = query.text("private_ip");
  filter.visible_to = call.who.seen_by();
  const Result<store::Rows<store::Jumpoint>> rows = call.store.jumpoints.list(filter, query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const store::Jumpoint& row : rows->items) {
    const Result<json::object> item = shown_jumpoint(call, row);
    if (!item) return item.error();
    items.push_back(*item);
  }
  return list_response(call, query, std::move(items), rows->total);
}

Reply create_jumpoint(Call& call) {
  Faults faults;
  const json::object given = checked(kJumpointSchema, call.body, Mode::create, faults);
  if (!faults.empty()) return invalid(faults);
  Result<store::Jumpoint> jumpoint =
      from_json<store::Jumpoint>(merged(to_json(store::Jumpoint{}).as_object(), given));
  if (!jumpoint) return jumpoint.error();
  check_zone_proxy(*jumpoint, faults);
  const Result<void> unique = check_unique(call, *jumpoint, faults);
  if (!unique) return unique.error();
  if (!faults.empty()) return invalid(faults);
  jumpoint->created_at = call.clock.wall;
  Bytes hash;
  Result<void> done = new_key(call, *jumpoint, hash);
  if (!done) return done.error();
  const Result<store::Jumpoint> made = call.store.jumpoints.create(*jumpoint, hash);
  if (!made) return made.error();
  done = call.event("jumpoint.create", object_name(made->id), "made the Jumpoint " + made->name);
  if (!done) return done.error();
  const Result<json::object> object = shown_jumpoint(call, *made);
  if (!object) return object.error();
  return created(location_of(made->id), *object);
}

Reply get_jumpoint(Call& call) {
  const Result<std::optional<store::Jumpoint>> jumpoint = visible_jumpoint(call);
  if (!jumpoint) return jumpoint.error();
  if (!*jumpoint) return not_found();
  const Result<json::object> object = shown_jumpoint(call, **jumpoint);
  if (!object) return object.error();
  return json_response(200, *object);
}

Reply change_jumpoint(Call& call) {
  const Result<std::optional<store::Jumpoint>> jumpoint = visible_jumpoint(call);
  if (!jumpoint) return jumpoint.error();
  if (!*jumpoint) return not_found();
  Faults faults;
  const json::object changes = checked(kJumpointSchema, call.body, Mode::change, faults);
  if (!faults.empty()) return invalid(faults);
  const json::object before = to_json(**jumpoint).as_object();
  const json::object different = differences(before, changes);
  const Result<store::Jumpoint> changed = from_json<store::Jumpoint>(merged(before, changes));
  if (!changed) return changed.error();
  check_zone_proxy(*changed, faults);
  if (different.contains("clustered") && !changed->clustered) {
    const Result<JumpointState> state = JumpointStates(call).of(changed->id);
    if (!state) return state.error();
    if (state->nodes > 1) {
      faults["clustered"].push_back("it has " + std::to_string(state->nodes) +
                                    " nodes; remove all but one of them first");
    }
  }
  const Result<void> unique = check_unique(call, *changed, faults);
  if (!unique) return unique.error();
  if (!faults.empty()) return invalid(faults);
  if (!different.empty()) {
    Result<void> done = call.store.jumpoints.change(*changed);
    if (done)
      done = call.event("jumpoint.edit", object_name(changed->id), "edited the Jumpoint " + changed->name,
                        different);
    if (!done) return done.error();
    if (concerns_zone(different)) call.effects.emplace_back(ZoneChanged{changed->id});
  }
  return get_jumpoint(call);
}

Reply remove_jumpoint(Call& call) {
  const Result<std::optional<store::Jumpoint>> jumpoint = visible_jumpoint(call);
  if (!jumpoint) return jumpoint.error();
  if (!*jumpoint) return not_found();
  const std::int64_t id = (*jumpoint)->id;
  const Result<std::vector<store::Node>> nodes = call.store.jumpoints.all_nodes(id);
  if (!nodes) return nodes.error();
  const Result<void> removed = call.store.jumpoints.remove(id, call.who.name(), call.clock.wall);
  if (!removed) {
    if (removed.error().is(Fault::refused)) return invalid("id", removed.error().message());
    return removed.error();
  }
  for (const store::Node& node : *nodes)
    call.effects.emplace_back(UninstallEndpoint{store::node_endpoint(node.id)});
  call.effects.emplace_back(ZoneChanged{id});
  const Result<void> done =
      call.event("jumpoint.remove", object_name(id), "removed the Jumpoint " + (*jumpoint)->name);
  if (!done) return done.error();
  return no_content();
}

Reply get_jumpoint_installer(Call& call) {
  const Result<std::optional<store::Jumpoint>> jumpoint = visible_jumpoint(call);
  if (!jumpoint) return jumpoint.error();
  if (!*jumpoint) return not_found();
  const Result<std::string> key = jumpoint_key(call, **jumpoint);
  if (!key) return key.error();
  const json::object info{{"encodedInfo", json::string(*key)}, {"filename", ""}, {"installerPath", ""}};
  return json_response(200, json::object{{"platform", (*jumpoint)->platform}, {"key_info", info}});
}

// The present nodes are told to uninstall, and another key enrols new ones; assets and settings stay.
Reply redeploy_jumpoint(Call& call) {
  const Result<std::optional<store::Jumpoint>> found = visible_jumpoint(call);
  if (!found) return found.error();
  if (!*found) return not_found();
  store::Jumpoint jumpoint = **found;
  const Result<std::vector<store::Node>> nodes = call.store.jumpoints.all_nodes(jumpoint.id);
  if (!nodes) return nodes.error();
  for (const store::Node& node : *nodes) {
    const Result<bool> gone = call.store.jumpoints.remove_node(node.id, call.who.name(), call.clock.wall);
    if (!gone) return gone.error();
    call.effects.emplace_back(UninstallEndpoint{store::node_endpoint(node.id)});
  }
  Bytes hash;
  Result<void> done = new_key(call, jumpoint, hash);
  if (done) done = call.store.jumpoints.set_key(jumpoint.id, jumpoint.installer_id, hash);
  if (done) {
    done = call.event("jumpoint.redeploy", object_name(jumpoint.id),
                      "redeploys the Jumpoint " + jumpoint.name, json::object{{"nodes", nodes->size()}});
  }
  if (!done) return done.error();
  call.effects.emplace_back(ZoneChanged{jumpoint.id});
  return get_jumpoint(call);
}

// --- users
// ---------------------------------------------------------------------------------------------------

namespace {

Result<json::object> shown_user_of(Call& call, std::int64_t id) {
  json::object object{{"user_id", id}};
  const Result<std::optional<store::User>> user = call.store.users.get(id);
  if (!user) return user.error();
  if (*user) object["username"] = (*user)->username;
  return shown(kJumpointUserSchema, object);
}

// The user of {id}/user/{user_id} who is on the Jumpoint.
Result<std::optional<std::int64_t>> user_of_path(Call& call) {
  const Result<std::optional<store::Jumpoint>> jumpoint = visible_jumpoint(call);
  if (!jumpoint) return jumpoint.error();
  const std::optional<std::int64_t> user = call.id(1);
  if (!*jumpoint || !user) return std::optional<std::int64_t>();
  const Result<bool> there = call.store.jumpoints.has_user((*jumpoint)->id, *user);
  if (!there) return there.error();
  return *there ? user : std::optional<std::int64_t>();
}

}  // namespace

Reply list_jumpoint_users(Call& call) {
  Faults faults;
  const ListQuery query = list_query(call, kJumpointUserSchema, {}, {}, faults);
  if (!faults.empty()) return invalid(faults);
  const Result<std::optional<store::Jumpoint>> jumpoint = visible_jumpoint(call);
  if (!jumpoint) return jumpoint.error();
  if (!*jumpoint) return not_found();
  const Result<store::Rows<std::int64_t>> rows = call.store.jumpoints.users((*jumpoint)->id, query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const std::int64_t user : rows->items) {
    const Result<json::object> item = shown_user_of(call, user);
    if (!item) return item.error();
    items.push_back(*item);
  }
  return list_response(call, query, std::move(items), rows->total);
}

Reply add_jumpoint_user(Call& call) {
  const Result<std::optional<store::Jumpoint>> jumpoint = visible_jumpoint(call);
  if (!jumpoint) return jumpoint.error();
  if (!*jumpoint) return not_found();
  Faults faults;
  const json::object given = checked(kJumpointUserSchema, call.body, Mode::create, faults);
  if (!faults.empty()) return invalid(faults);
  const std::int64_t id = given.at("user_id").to_number<std::int64_t>();
  const Result<std::optional<store::User>> user = call.store.users.get(id);
  if (!user) return user.error();
  if (!*user) return invalid("user_id", "there is no user " + std::to_string(id));
  const Result<bool> there = call.store.jumpoints.has_user((*jumpoint)->id, id);
  if (!there) return there.error();
  if (*there) return invalid("user_id", "is on the Jumpoint already");
  Result<void> done = call.store.jumpoints.add_user((*jumpoint)->id, id);
  if (done) {
    done = call.event("jumpoint.user.add", object_name((*jumpoint)->id),
                      "let " + (*user)->username + " create assets on " + (*jumpoint)->name,
                      json::object{{"user_id", id}});
  }
  if (!done) return done.error();
  const Result<json::object> object = shown_user_of(call, id);
  if (!object) return object.error();
  return created(location_of((*jumpoint)->id) + "/user/" + std::to_string(id), *object);
}

Reply get_jumpoint_user(Call& call) {
  const Result<std::optional<std::int64_t>> user = user_of_path(call);
  if (!user) return user.error();
  if (!*user) return not_found();
  const Result<json::object> object = shown_user_of(call, **user);
  if (!object) return object.error();
  return json_response(200, *object);
}

Reply remove_jumpoint_user(Call& call) {
  const Result<std::optional<std::int64_t>> user = user_of_path(call);
  if (!user) return user.error();
  if (!*user) return not_found();
  const Result<bool> removed = call.store.jumpoints.remove_user(*call.id(0), **user);
  if (!removed) return removed.error();
  const Result<void> done = call.event("jumpoint.user.remove", object_name(*call.id(0)),
                                       "took a user off the Jumpoint", json::object{{"user_id", **user}});
  if (!done) return done.error();
  return no_content();
}

}  // namespace jump::api
