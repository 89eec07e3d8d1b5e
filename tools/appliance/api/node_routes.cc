// /jumpoint/{id}/node: the hosts that a Jumpoint runs on.
#include "tools/appliance/api/handlers.h"
#include "tools/appliance/api/jumpoint_access.h"

namespace jump::api {
namespace {

json::object shown_node(Call& call, const store::Node& node) {
  json::object object = to_json(node).as_object();
  const std::optional<AgentPresence> presence = call.presence.node(node.id);
  object["online"] = presence.has_value();
  // Of one that is away: those that wait for it.
  const Result<std::vector<store::SessionId>> live = call.store.sessions.live_of_node(node.id);
  object["sessions"] = presence ? presence->sessions : live ? live->size() : 0;
  object["created_timestamp"] = node.created_at;
  if (presence) {
    object["online_since"] = presence->since;
    object["route"] = presence->route;
    object["last_seen"] = call.clock.wall;
  }
  if (!node.zone_proxy.is_object()) object.erase("zone_proxy");
  return shown(kNodeSchema, object);
}

// The node of {id}/node/{node_id}, of that very Jumpoint.
Result<std::optional<store::Node>> node_of_path(Call& call) {
  const Result<std::optional<store::Jumpoint>> jumpoint = visible_jumpoint(call);
  if (!jumpoint) return jumpoint.error();
  const std::optional<std::int64_t> id = call.id(1);
  if (!*jumpoint || !id) return std::optional<store::Node>();
  Result<std::optional<store::Node>> node = call.store.jumpoints.node(*id);
  if (node && *node && (*node)->jumpoint_id != (*jumpoint)->id) return std::optional<store::Node>();
  return node;
}

}  // namespace

Reply list_nodes(Call& call) {
  Faults faults;
  const ListQuery query = list_query(call, kNodeSchema, {}, {}, faults);
  if (!faults.empty()) return invalid(faults);
  const Result<std::optional<store::Jumpoint>> jumpoint = visible_jumpoint(call);
  if (!jumpoint) return jumpoint.error();
  if (!*jumpoint) return not_found();
  const Result<store::Rows<store::Node>> rows = call.store.jumpoints.nodes((*jumpoint)->id, query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const store::Node& node : rows->items) items.push_back(shown_node(call, node));
  return list_response(call, query, std::move(items), rows->total);
}

Reply get_node(Call& call) {
  const Result<std::optional<store::Node>> node = node_of_path(call);
  if (!node) return node.error();
  if (!*node) return not_found();
  return json_response(200, shown_node(call, **node));
}

Reply change_node(Call& call) {
  const Result<std::optional<store::Node>> node = node_of_path(call);
  if (!node) return node.error();
  if (!*node) return not_found();
  Faults faults;
  const json::object changes = checked(kNodeSchema, call.body, Mode::change, faults);
  if (!faults.empty()) return invalid(faults);
  const json::object different = differences(to_json(**node).as_object(), changes);
  if (!different.empty()) {
    Result<void> set;
    if (const json::value* tag = changes.if_contains("tag"))
      set = call.store.jumpoints.set_node_tag((*node)->id, std::string_view(tag->get_string()));
    const json::value* draining = changes.if_contains("draining");
    if (set && draining != nullptr)
      set = call.store.jumpoints.set_node_draining((*node)->id, draining->get_bool());
    if (!set) return set.error();
    const Result<void> done = call.event("node.edit", "node:" + std::to_string((*node)->id),
                                         "edited the node " + (*node)->hostname, different);
    if (!done) return done.error();
  }
  return get_node(call);
}

// It is told to uninstall now or at its next contact, and its place is free.
Reply remove_node(Call& call) {
  const Result<std::optional<store::Node>> node = node_of_path(call);
  if (!node) return node.error();
  if (!*node) return not_found();
  const Result<bool> removed =
      call.store.jumpoints.remove_node((*node)->id, call.who.name(), call.clock.wall);
  if (!removed) return removed.error();
  call.effects.emplace_back(UninstallEndpoint{store::node_endpoint((*node)->id)});
  call.effects.emplace_back(ZoneChanged{(*node)->jumpoint_id});
  const Result<void> done = call.event("node.remove", "node:" + std::to_string((*node)->id),
                                       "removed the node " + (*node)->hostname);
  if (!done) return done.error();
  return no_content();
}

}  // namespace jump::api
