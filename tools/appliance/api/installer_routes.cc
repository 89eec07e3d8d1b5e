// /jump-client/installer: what deployment keys allow.
#include "common/identity/deployment_key.h"
#include "common/identity/random.h"
#include "tools/appliance/api/handlers.h"
#include "tools/appliance/api/jumpoint_access.h"
#include "tools/appliance/api/rights.h"

namespace jump::api {
namespace {

std::string location_of(std::int64_t id) {
  return std::string(kBase) + "/jump-client/installer/" + std::to_string(id);
}
std::string object_name(std::int64_t id) {
  return "installer:" + std::to_string(id);
}

// Nothing: not there, or no group that the caller may add to.
Result<std::optional<store::Installer>> visible_installer(Call& call) {
  const std::optional<std::int64_t> id = call.id();
  if (!id) return std::optional<store::Installer>();
  Result<std::optional<store::Installer>> installer = call.store.installers.get(*id);
  if (!installer || !*installer) return installer;
  const Result<std::optional<store::Role>> role =
      role_in(call, (*installer)->jump_group_id, (*installer)->jump_group_type);
  if (!role) return role.error();
  if (!*role || !(*role)->perm_add) return std::optional<store::Installer>();
  return installer;
}

// The same secret each time, for who has the master and the id; the database has only its hash.
Secret derived_secret(const Call& call, const std::string& installer_id) {
  return identity::hkdf_sha256(call.options.installer_master, as_bytes("jump installer v1 " + installer_id),
                               32);
}

// Empty texts where the key cannot be shown: made without a master, or the site has no address yet.
Result<json::object> key_info(const store::Installer& installer, Call& call, const store::SiteSettings& site,
                              const Secret& secret) {
  json::object info{{"encodedInfo", ""}, {"filename", ""}, {"installerPath", ""}};
  const Result<Bytes> id = from_hex(installer.installer_id);
  if (secret.empty() || site.addresses.empty() || !id || id->size() != 16) return info;
  identity::DeploymentKey key;
  key.addresses = site.addresses;
  key.ca_pin = call.options.ca_pin;
  std::copy(id->begin(), id->end(), key.installer.begin());
  key.secret = secret;
  key.validity_minutes = static_cast<std::uint32_t>(installer.valid_minutes);
  key.site_salt = call.options.site_salt;
  if (!installer.jumpoint_proxy.empty()) {
    const Result<std::optional<store::Jumpoint>> zone =
        call.store.jumpoints.by_name(installer.jumpoint_proxy);
    if (!zone) return zone.error();
    if (*zone) {
      Result<std::vector<std::string>> proxies = call.store.jumpoints.zone_proxies((*zone)->id);
      if (!proxies) return proxies.error();
      if (proxies->size() > identity::kAddresses) proxies->resize(identity::kAddresses);
      key.proxies = std::move(*proxies);
    }
  }
  const Result<Secret> text = identity::format_deployment_key(key);
  if (!text) return text.error();
  info["encodedInfo"] = json::string(text->reveal_text());
  return info;
}

Result<json::object> shown_installer(Call& call, const store::Installer& installer,
                                     const store::SiteSettings& site, const Secret& secret,
                                     GroupNames& names) {
  json::object object = to_json(installer).as_object();
  const Result<json::object> key = key_info(installer, call, site, secret);
  if (!key) return key.error();
  object["key_info"] = *key;
  object["expired"] = installer.expiration_timestamp <= call.clock.wall;
  object["created_timestamp"] = installer.created_at;
  if (installer.public_site_address.empty()) object["public_site_address"] = site.site_name;
  const Result<void> named = names.add(installer.jump_group_id, installer.jump_group_type, object);
  if (!named) return named.error();
  return shown(kInstallerSchema, object);
}

Result<json::object> shown_installer(Call& call, const store::Installer& installer) {
  const Result<store::SiteSettings> site = call.store.settings.site();
  if (!site) return site.error();
  GroupNames names(call);
  const Secret secret =
      call.options.installer_master.empty() ? Secret() : derived_secret(call, installer.installer_id);
  return shown_installer(call, installer, *site, secret, names);
}

// Installers made through a Jumpoint: for machines that reach the appliance by its Jump Zone Proxy only.
Result<void> check_zone(Call& call, const store::Installer& installer, const json::object& different,
                        Faults& faults) {
  if (installer.jumpoint_proxy.empty() || !different.contains("jumpoint_proxy")) return {};
  const Result<std::optional<store::Jumpoint>> zone = call.store.jumpoints.by_name(installer.jumpoint_proxy);
  if (!zone) return zone.error();
  Result<bool> on = false;
  if (*zone) on = on_jumpoint(call, (*zone)->id);
  if (!on) return on.error();
  if (!*on) {
    faults["jumpoint_proxy"].push_back("there is no Jumpoint '" + printable(installer.jumpoint_proxy, 64) +
                                       "' that you are on");
  } else if (!(*zone)->jzp_enabled) {
    faults["jumpoint_proxy"].push_back("the Jump Zone Proxy of " + (*zone)->name + " is switched off");
  }
  return {};
}

}  // namespace

Reply list_installers(Call& call) {
  Faults faults;
  const ListQuery query =
      list_query(call, kInstallerSchema,
                 {"name", "tag", "jump_group_id", "jump_group_type", "connection_type"}, {}, faults);
  if (!faults.empty()) return invalid(faults);
  store::InstallerFilter filter;
  filter.name = query.text("name");
  filter.tag = query.text("tag");
  filter.jump_group_id = query.number("jump_group_id");
  filter.jump_group_type = query.choice<store::GroupType>("jump_group_type");
  filter.connection_type = query.choice<store::ConnectionType>("connection_type");
  filter.visible_to = call.who.seen_by();
  const Result<store::Rows<store::Installer>> rows = call.store.installers.list(filter, query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const store::Installer& installer : rows->items) {
    const Result<json::object> item = shown_installer(call, installer);
    if (!item) return item.error();
    items.push_back(*item);
  }
  return list_response(call, query, std::move(items), rows->total);
}

Reply create_installer(Call& call) {
  Faults faults;
  const json::object given = checked(kInstallerSchema, call.body, Mode::create, faults);
  if (!faults.empty()) return invalid(faults);
  Result<store::Installer> installer =
      from_json<store::Installer>(merged(to_json(store::Installer{}).as_object(), given));
  if (!installer) return installer.error();
  Result<void> placed = check_placing(call, *installer, given, faults);
  if (placed) placed = check_zone(call, *installer, given, faults);
  if (!placed) return placed.error();
  const Result<store::SiteSettings> site = call.store.settings.site();
  if (!site) return site.error();
  if (site->addresses.empty())
    faults["key_info"].push_back("the site has no address yet that a key could name");
  if (!faults.empty()) return invalid(faults);

  installer->installer_id = to_hex(identity::random_bytes(16));
  installer->created_at = call.clock.wall;
  installer->created_by = call.who.name();
  installer->expiration_timestamp = call.clock.wall + std::int64_t{installer->valid_minutes} * 60;
  const Secret secret = call.options.installer_master.empty() ? identity::random_secret(32)
                                                              : derived_secret(call, installer->installer_id);
  const Result<store::Installer> made =
      call.store.installers.create(*installer, identity::deployment_secret_hash(secret));
  if (!made) return made.error();
  const Result<void> done =
      call.event("installer.create", object_name(made->id), "made an installer",
                 json::object{{"jump_group_id", made->jump_group_id}, {"name", made->name}});
  if (!done) return done.error();
  GroupNames names(call);
  const Result<json::object> object = shown_installer(call, *made, *site, secret, names);
  if (!object) return object.error();
  return created(location_of(made->id), *object);
}

Reply get_installer(Call& call) {
  const Result<std::optional<store::Installer>> installer = visible_installer(call);
  if (!installer) return installer.error();
  if (!*installer) return not_found();
  const Result<json::object> object = shown_installer(call, **installer);
  if (!object) return object.error();
  return json_response(200, *object);
}

// Above all: valid_minutes extends the validity, counted from now.
Reply change_installer(Call& call) {
  const Result<std::optional<store::Installer>> installer = visible_installer(call);
  if (!installer) return installer.error();
  if (!*installer) return not_found();
  Faults faults;
  json::object changes = checked(kInstallerSchema, call.body, Mode::change, faults);
  if (!faults.empty()) return invalid(faults);
  const json::object before = to_json(**installer).as_object();
  const Result<void> site = leave_default_site(call, (*installer)->public_site_address, changes);
  if (!site) return site.error();
  json::object different = differences(before, changes);
  Result<store::Installer> changed = from_json<store::Installer>(merged(before, changes));
  if (!changed) return changed.error();
  Result<void> placed = check_placing(call, *changed, different, faults);
  if (placed) placed = check_zone(call, *changed, different, faults);
  if (!placed) return placed.error();
  if (!faults.empty()) return invalid(faults);
  if (changes.contains("valid_minutes")) {
    changed->expiration_timestamp = call.clock.wall + std::int64_t{changed->valid_minutes} * 60;
    different["expiration_timestamp"] =
        json::array{(*installer)->expiration_timestamp, changed->expiration_timestamp};
  }
  Result<void> done = call.store.installers.change(*changed);
  if (!done) return done.error();
  if (!different.empty()) {
    done = call.event("installer.edit", object_name(changed->id), "edited an installer", different);
    if (!done) return done.error();
  }
  const Result<json::object> object = shown_installer(call, *changed);
  if (!object) return object.error();
  return json_response(200, *object);
}

Reply remove_installer(Call& call) {
  const Result<std::optional<store::Installer>> installer = visible_installer(call);
  if (!installer) return installer.error();
  if (!*installer) return not_found();
  const Result<bool> removed = call.store.installers.remove((*installer)->id);
  if (!removed) return removed.error();
  const Result<void> done =
      call.event("installer.remove", object_name((*installer)->id), "removed an installer");
  if (!done) return done.error();
  return no_content();
}

Reply download_installer(Call& call) {
  return message(404,
                 "There is no package for '" + printable(call.arguments.at(1), 32) +
                     "' on this appliance; install the generic package and give it the key of key_info.");
}

}  // namespace jump::api
