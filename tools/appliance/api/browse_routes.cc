// /jumpoint/{id}/browse: the machines of a Jumpoint's network, found by one of its nodes (PRODUCT.md 5.6).
#include <array>

#include "common/control/messages.h"
#include "tools/appliance/api/handlers.h"
#include "tools/appliance/api/jumpoint_access.h"

namespace jump::api {
namespace {

constexpr std::size_t kHostsOfAnswer = 500;
constexpr std::array kCursor{Field{.name = "after", .kind = Kind::integer}};

json::object shown_sweep(const SweepView& view) {
  json::object object{{"sweep", view.sweep}, {"node_id", view.node},        {"node", view.node_name},
                      {"over", view.over},   {"found", view.hosts_in_all},  {"cursor", view.cursor},
                      {"more", view.more},   {"hosts", to_json(view.hosts)}};
  if (view.end) object["end"] = to_json(*view.end);
  return object;
}

// Nothing: he may browse. Otherwise what he is told.
Result<std::optional<ApiResponse>> why_not(Call& call, const store::Jumpoint& jumpoint) {
  const Result<store::SiteSettings> site = call.store.settings.site();
  if (!site) return site.error();
  if (!site->network_browsing)
    return std::optional(
        forbidden("Network browsing is switched off for this site; type a host name or address."));
  if (!jumpoint.enabled)
    return std::optional(message(409, "The Jumpoint " + printable(jumpoint.name, 255) + " is disabled."));
  return std::optional<ApiResponse>();
}

// The least busy node that is there and may browse; otherwise the reason.
Result<std::variant<store::Node, std::string>> choose_node(Call& call, const store::Jumpoint& jumpoint) {
  const Result<std::vector<store::Node>> nodes = call.store.jumpoints.all_nodes(jumpoint.id);
  if (!nodes) return nodes.error();
  const store::Node* best = nullptr;
  std::uint32_t fewest = 0;
  bool online = false;
  bool fresh = false;  // its tunnel stands, and it has not told yet what it can
  for (const store::Node& node : *nodes) {
    const std::optional<AgentPresence> presence = call.presence.node(node.id);
    if (!presence) continue;
    online = true;
    if (best != nullptr && presence->sessions >= fewest) continue;
    const Result<json::value> told = call.store.jumpoints.node_inventory(node.id);
    if (!told) return told.error();
    fresh = fresh || told->is_null();
    const Result<control::Inventory> inventory = from_json<control::Inventory>(*told);
    if (!inventory || std::ranges::find(inventory->kinds, "browse") == inventory->kinds.end()) continue;
    best = &node;
    fewest = presence->sessions;
  }
  using Choice = std::variant<store::Node, std::string>;
  if (best != nullptr) return Choice(*best);
  if (!online) return Choice(std::string("no node of it is online"));
  return Choice(fresh ? std::string("its node has only just come; ask again in a moment")
                      : std::string("no node that is online may browse: its own file forbids it, or it is "
                                    "too old"));
}

}  // namespace

Reply browse_jumpoint(Call& call) {
  const Result<std::optional<store::Jumpoint>> jumpoint = visible_jumpoint(call);
  if (!jumpoint) return jumpoint.error();
  if (!*jumpoint) return not_found();
  Result<std::optional<ApiResponse>> refusal = why_not(call, **jumpoint);
  if (!refusal) return refusal.error();
  if (*refusal) return std::move(**refusal);
  // One sweep serves all who ask while it runs, and for a minute after.
  const std::optional<SweepView> present = call.presence.sweep((*jumpoint)->id, 0, 0, call.clock.now);
  if (present) {
    json::object object = shown_sweep(*present);
    object["cursor"] = 0;
    object["cached"] = true;
    return json_response(200, object);
  }
  const Result<std::variant<store::Node, std::string>> chosen = choose_node(call, **jumpoint);
  if (!chosen) return chosen.error();
  if (const auto* reason = std::get_if<std::string>(&*chosen)) {
    return message(
        409, "The network of " + printable((*jumpoint)->name, 255) + " cannot be browsed: " + *reason + ".");
  }
  const store::Node& node = std::get<store::Node>(*chosen);
  BrowseNetwork browse;
  browse.sweep = call.memory.next_number(call.clock.wall);
  browse.jumpoint = (*jumpoint)->id;
  browse.name = (*jumpoint)->name;
  browse.node = node.id;
  browse.node_name = node.hostname;
  browse.who = call.who.name();
  browse.source = call.request.remote_address;
  SweepView view;
  view.sweep = browse.sweep;
  view.node = node.id;
  view.node_name = node.hostname;
  call.effects.emplace_back(std::move(browse));
  json::object object = shown_sweep(view);
  object["cached"] = false;
  return json_response(202, object);
}

Reply get_browse(Call& call) {
  Faults faults;
  const ListQuery query = list_query(call, kNodeSchema, {}, kCursor, faults);
  if (!faults.empty()) return invalid(faults);
  const Result<std::optional<store::Jumpoint>> jumpoint = visible_jumpoint(call);
  if (!jumpoint) return jumpoint.error();
  if (!*jumpoint) return not_found();
  Result<std::optional<ApiResponse>> refusal = why_not(call, **jumpoint);
  if (!refusal) return refusal.error();
  if (*refusal) return std::move(**refusal);
  const auto after = static_cast<std::uint64_t>(std::max<std::int64_t>(0, query.number("after").value_or(0)));
  const std::optional<SweepView> view =
      call.presence.sweep((*jumpoint)->id, after, kHostsOfAnswer, call.clock.now);
  if (!view) return not_found();
  return json_response(200, shown_sweep(*view));
}

}  // namespace jump::api
