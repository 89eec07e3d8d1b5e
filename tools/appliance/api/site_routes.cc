// /event, /site and the description of all.
#include "tools/appliance/api/handlers.h"
#include "tools/appliance/api/openapi.h"

namespace jump::api {
namespace {

constexpr std::array kEventExtra{
    Field{.name = "since_id", .kind = Kind::integer},
    Field{.name = "newest_first", .kind = Kind::boolean},
};

json::object shown_event(const store::Event& event) {
  json::object object = to_json(event).as_object();
  object["timestamp"] = event.at;
  return shown(kEventSchema, object);
}

Result<json::object> shown_site(Call& call, const store::SiteSettings& site) {
  json::object object = to_json(site).as_object();
  const Result<std::int64_t> agents = call.store.jump_clients.agents();
  if (!agents) return agents.error();
  const Result<std::int64_t> knowing = call.store.jump_clients.holding_addresses(site.addresses_serial);
  if (!knowing) return knowing.error();
  object["agents"] = *agents;
  object["agents_online"] = call.presence.online();
  object["agents_knowing_addresses"] = *knowing;
  return shown(kSiteSchema, object);
}

}  // namespace

// Oldest first; since_id gives what came later, for those who follow.
Reply list_events(Call& call) {
  Faults faults;
  const ListQuery query = list_query(call, kEventSchema, {"what", "who", "object"}, kEventExtra, faults);
  if (!faults.empty()) return invalid(faults);
  store::EventFilter filter;
  filter.since_id = query.number("since_id").value_or(0);
  filter.what = query.text("what");
  filter.who = query.text("who");
  filter.object = query.text("object");
  filter.newest_first = query.flag("newest_first").value_or(false);
  const Result<store::Rows<store::Event>> rows = call.store.events.page(filter, query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const store::Event& event : rows->items) items.push_back(shown_event(event));
  return list_response(call, query, std::move(items), rows->total);
}

Reply get_site(Call& call) {
  const Result<store::SiteSettings> site = call.store.settings.site();
  if (!site) return site.error();
  const Result<json::object> object = shown_site(call, *site);
  if (!object) return object.error();
  return json_response(200, *object);
}

Reply change_site(Call& call) {
  Faults faults;
  const json::object changes = checked(kSiteSchema, call.body, Mode::change, faults);
  if (!faults.empty()) return invalid(faults);
  const Result<store::SiteSettings> old = call.store.settings.site();
  if (!old) return old.error();
  const json::object before = to_json(*old).as_object();
  const Result<store::SiteSettings> changed = from_json<store::SiteSettings>(merged(before, changes));
  if (!changed) return changed.error();
  if (changed->lost_days > changed->absence_days) {
    return invalid("lost_days", "is longer than absence_days, " + std::to_string(changed->absence_days));
  }
  Result<void> done = call.store.settings.change(*changed);
  if (!done) return done.error();
  const json::object different = differences(before, changes);
  if (!different.empty()) {
    done = call.event("site.edit", "site", "edited the site's settings", different);
    if (!done) return done.error();
    const bool agents_too = different.contains("statistics") ||
                            different.contains("statistics_interval_seconds") ||
                            different.contains("absence_days") || different.contains("wait_limit_seconds");
    call.effects.emplace_back(SettingsChanged{agents_too});
  }
  const Result<store::SiteSettings> now = call.store.settings.site();
  if (!now) return now.error();
  if (different.contains("addresses")) call.effects.emplace_back(AnnounceAddresses{now->addresses_serial});
  const Result<json::object> object = shown_site(call, *now);
  if (!object) return object.error();
  return json_response(200, *object);
}

Reply get_openapi(Call&) {
  ApiResponse response;
  response.headers = {{"Content-Type", "application/yaml"}, {"Cache-Control", "max-age=300"}};
  response.body = std::string(openapi_yaml());
  return response;
}

}  // namespace jump::api
