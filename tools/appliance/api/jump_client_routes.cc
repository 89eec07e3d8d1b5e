// /jump-client: the assets.
#include <map>

#include "tools/appliance/api/absence.h"
#include "tools/appliance/api/handlers.h"
#include "tools/appliance/api/rights.h"

namespace jump::api {
namespace {

constexpr std::array kExtraFilters{
    Field{.name = "search", .kind = Kind::string},
    Field{.name = "online", .kind = Kind::boolean},
    Field{.name = "is_lost", .kind = Kind::boolean},
};

std::string asset_name(std::int64_t id) {
  return "asset:" + std::to_string(id);
}

bool newer_needed(const Call& call, const store::JumpClient& client) {
  return !client.software_version.empty() && !call.options.software_version.empty() &&
         client.software_version != call.options.software_version;
}

std::string_view state_of(const store::JumpClientRow& row, const std::optional<AgentPresence>& presence,
                          bool lost, bool needs_update) {
  if (row.connection_type == store::ConnectionType::uninstalled) return "uninstalled";
  if (row.disabled) return "disabled";
  if (presence && presence->sessions > 0) return "in_use";
  if (presence && needs_update) return "upgrade_pending";
  if (presence) return "online";
  return lost ? "lost" : "offline";
}

void put_time(json::object& object, std::string_view name, const std::optional<std::int64_t>& value) {
  if (value) object[name] = *value;
}

// What only one asset shows.
Result<void> add_report(Call& call, const store::JumpClientRow& row, json::object& object) {
  const Result<store::JumpClientReport> report = call.store.jump_clients.report(row.agent);
  if (!report) return report.error();
  object["inventory"] = report->inventory;
  put_time(object, "inventory_timestamp", report->inventory_at);
  object["statistics"] = report->statistics;
  put_time(object, "statistics_timestamp", report->statistics_at);
  return {};
}

json::object row_object(Call& call, const store::JumpClientRow& row, const store::SiteSettings& site) {
  json::object object = to_json(row).as_object();
  const std::optional<AgentPresence> presence = call.presence.agent(row.agent);
  const bool lost = !presence && is_lost(row, site.lost_days, call.clock.run);
  const bool needs_update = newer_needed(call, row);
  object["is_lost"] = lost;
  object["needs_update"] = needs_update;
  object["unavailable_reason"] = row.disabled ? "disabled" : "none";
  if (row.public_site_address.empty()) object["public_site_address"] = site.site_name;
  object["state"] = state_of(row, presence, lost, needs_update);
  object["online"] = presence.has_value();
  object["sessions"] = presence ? presence->sessions : 0;
  object["created_timestamp"] = row.created_at;
  if (presence) {
    object["online_since"] = presence->since;
    object["route"] = presence->route;
    object["last_seen"] = call.clock.wall;
  } else {
    put_time(object, "expiration_timestamp",
             planned_removal(row, site.absence_days, call.clock.run, call.clock.wall));
  }
  return object;
}

Reply one_asset(Call& call, const store::JumpClientRow& row) {
  const Result<store::SiteSettings> site = call.store.settings.site();
  if (!site) return site.error();
  json::object object = row_object(call, row, *site);
  Result<void> done = add_group_name(call, row.jump_group_id, row.jump_group_type, object);
  if (!done) return done.error();
  done = add_report(call, row, object);
  if (!done) return done.error();
  Result<json::object> hint = wake_hint(call, row);
  if (!hint) return hint.error();
  object["wake"] = std::move(*hint);
  return json_response(200, shown(kJumpClientSchema, object));
}

}  // namespace

Result<std::optional<store::JumpClientRow>> visible_jump_client(Call& call) {
  const std::optional<std::int64_t> id = call.id();
  if (!id) return std::optional<store::JumpClientRow>();
  Result<std::optional<store::JumpClientRow>> row = call.store.jump_clients.get(*id);
  if (!row || !*row) return row;
  const Result<std::optional<store::Role>> role =
      role_in(call, (*row)->jump_group_id, (*row)->jump_group_type);
  if (!role) return role.error();
  if (!*role) return std::optional<store::JumpClientRow>();
  return row;
}

json::object shown_jump_client(Call& call, const store::JumpClientRow& row, const store::SiteSettings& site) {
  return shown(kJumpClientSchema, row_object(call, row, site));
}

Reply list_jump_clients(Call& call) {
  Faults faults;
  const ListQuery query = list_query(call, kJumpClientSchema,
                                     {"name", "hostname", "fqdn", "tag", "jump_group_id", "jump_group_type",
                                      "console_user", "public_ip", "private_ip", "connection_type"},
                                     kExtraFilters, faults);
  if (!faults.empty()) return invalid(faults);
  const Result<store::SiteSettings> site = call.store.settings.site();
  if (!site) return site.error();
  store::JumpClientFilter filter;
  filter.name = query.text("name");
  filter.hostname = query.text("hostname");
  filter.fqdn = query.text("fqdn");
  filter.tag = query.text("tag");
  filter.jump_group_id = query.number("jump_group_id");
  filter.jump_group_type = query.choice<store::GroupType>("jump_group_type");
  filter.console_user = query.text("console_user");
  filter.public_ip = query.text("public_ip");
  filter.private_ip = query.text("private_ip");
  filter.connection_type = query.choice<store::ConnectionType>("connection_type");
  filter.online = query.flag("online");
  filter.search = query.text("search").value_or("");
  if (const std::optional<bool> lost = query.flag("is_lost")) {
    const std::int64_t before = call.clock.run - std::int64_t{site->lost_days} * 86400;
    (*lost ? filter.offline_before_run : filter.not_offline_before_run) = before;
  }
  filter.visible_to = call.who.seen_by();
  const Result<store::Rows<store::JumpClientRow>> rows = call.store.jump_clients.list(filter, query.page());
  if (!rows) return rows.error();

  json::array items;
  GroupNames names(call);
  for (const store::JumpClientRow& row : rows->items) {
    json::object object = row_object(call, row, *site);
    const Result<void> done = names.add(row.jump_group_id, row.jump_group_type, object);
    if (!done) return done.error();
    items.push_back(shown(kJumpClientSchema, object));
  }
  return list_response(call, query, std::move(items), rows->total);
}

Reply get_jump_client(Call& call) {
  const Result<std::optional<store::JumpClientRow>> row = visible_jump_client(call);
  if (!row) return row.error();
  if (!*row) return not_found();
  return one_asset(call, **row);
}

Reply change_jump_client(Call& call) {
  const Result<std::optional<store::JumpClientRow>> row = visible_jump_client(call);
  if (!row) return row.error();
  if (!*row) return not_found();
  const store::JumpClient& old = **row;
  Faults faults;
  json::object changes = checked(kJumpClientSchema, call.body, Mode::change, faults);
  if (!faults.empty()) return invalid(faults);
  const Result<void> site = leave_default_site(call, old.public_site_address, changes);
  if (!site) return site.error();
  const json::object before = to_json(old).as_object();
  const json::object different = differences(before, changes);

  const Result<std::optional<store::Role>> role = role_in(call, old.jump_group_id, old.jump_group_type);
  if (!role) return role.error();
  const std::string missing = missing_rights(kJumpClientSchema, different, role->value());
  if (!missing.empty()) return forbidden("Your role does not allow to change: " + missing + ".");

  Result<store::JumpClient> changed = from_json<store::JumpClient>(merged(before, changes));
  if (!changed) return changed.error();
  Result<void> checks = check_placing(call, *changed, different, faults);
  if (!checks) return checks.error();
  if (!faults.empty()) return invalid(faults);
  Result<void> done;
  if (!different.empty()) {
    done = call.store.jump_clients.change(*changed);
    if (!done) return done.error();
    done = call.event("asset.edit", asset_name(old.id), "edited " + changed->name, different);
    if (!done) return done.error();
    call.effects.emplace_back(RefreshAgent{old.agent});
  }
  if (changed->disabled && !old.disabled) {
    const Result<std::vector<store::SessionId>> live = call.store.sessions.live_of_agent(old.agent);
    if (!live) return live.error();
    call.end_sessions(*live, "the asset was disabled by " + call.who.name());
    call.effects.emplace_back(DisableAgent{old.agent, "disabled by an administrator"});
  }
  const Result<std::optional<store::JumpClientRow>> now = call.store.jump_clients.get(old.id);
  if (!now) return now.error();
  return one_asset(call, **now);
}

Reply remove_jump_client(Call& call) {
  const Result<std::optional<store::JumpClientRow>> row = visible_jump_client(call);
  if (!row) return row.error();
  if (!*row) return not_found();
  const Result<std::optional<store::Role>> role =
      role_in(call, (*row)->jump_group_id, (*row)->jump_group_type);
  if (!role) return role.error();
  if (!(*role)->perm_remove) return forbidden("Your role does not allow to remove assets of this group.");

  const Result<std::vector<store::SessionId>> live = call.store.sessions.live_of_asset((*row)->id);
  if (!live) return live.error();
  call.end_sessions(*live, "the asset was removed by " + call.who.name());
  const Result<store::JumpClients::Removed> removed =
      call.store.jump_clients.remove((*row)->id, call.who.name(), call.clock.wall);
  if (!removed) return removed.error();
  if (*removed == store::JumpClients::Removed::agent)
    call.effects.emplace_back(UninstallEndpoint{store::agent_endpoint((*row)->agent)});
  const Result<void> done = call.event("asset.remove", asset_name((*row)->id), "removed " + (*row)->name);
  if (!done) return done.error();
  return no_content();
}

Reply copy_jump_client(Call& call) {
  const Result<std::optional<store::JumpClientRow>> row = visible_jump_client(call);
  if (!row) return row.error();
  if (!*row) return not_found();
  constexpr std::size_t kCopies = 100;
  const Result<std::vector<store::JumpClientRow>> assets = call.store.jump_clients.of_agent((*row)->agent);
  if (!assets) return assets.error();
  if (assets->size() >= kCopies)
    return invalid("id", "has " + std::to_string(assets->size()) + " copies, that is the most");
  Faults faults;
  const json::object changes = checked(kJumpClientSchema, call.body, Mode::change, faults);
  for (const auto& [key, value] : changes) {
    if (key != "jump_group_id" && key != "jump_group_type") {
      faults[std::string(std::string_view(key))].push_back("cannot be given for a copy; edit it afterwards");
    }
  }
  if (!faults.empty()) return invalid(faults);
  const Result<std::optional<store::Role>> role =
      role_in(call, (*row)->jump_group_id, (*row)->jump_group_type);
  if (!role) return role.error();
  if (!(*role)->perm_assign_jump_group)
    return forbidden("Your role does not allow to copy assets of this group.");
  const store::JumpClient& old = **row;
  Result<store::JumpClient> wanted = from_json<store::JumpClient>(merged(to_json(old).as_object(), changes));
  if (!wanted) return wanted.error();
  const Result<void> checks = check_placing(call, *wanted, json::object{{"jump_group_id", true}}, faults);
  if (!checks) return checks.error();
  if (!faults.empty()) return invalid(faults);
  const Result<store::JumpClient> made =
      call.store.jump_clients.copy(old.id, wanted->jump_group_id, wanted->jump_group_type, call.clock.wall);
  if (!made) return made.error();
  const Result<void> done =
      call.event("asset.copy", asset_name(old.id), "copied " + old.name,
                 json::object{{"copy", made->id}, {"jump_group_id", made->jump_group_id}});
  if (!done) return done.error();
  return json_response(200, json::object{{"action", "copy"}, {"success", "true"}, {"destId", made->id}});
}

// For the next enrolment that would adopt or clone it (enrol.h), within the hour.
Reply approve_jump_client(Call& call) {
  constexpr std::int64_t kApproval = 3600;
  const Result<std::optional<store::JumpClientRow>> row = visible_jump_client(call);
  if (!row) return row.error();
  if (!*row) return not_found();
  Result<void> done = call.store.jump_clients.approve_enrolment((*row)->agent, call.clock.wall + kApproval);
  if (!done) return done.error();
  done = call.event("asset.approve", asset_name((*row)->id),
                    "approved that " + (*row)->name + " is enrolled again");
  if (!done) return done.error();
  return no_content();
}

}  // namespace jump::api
