#include "tools/appliance/store/settings.h"

#include "tools/appliance/store/rows.h"

namespace jump::store {
namespace {

constexpr std::size_t kValueBytes = 1u << 20;

struct Setting {
  std::string key;
  std::string value;
};
BOOST_DESCRIBE_STRUCT(Setting, (), (key, value))

Result<void> put(Db& db, std::string_view key, const std::string& value) {
  return run(db, "INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
             key, value);
}

}  // namespace

Result<SiteSettings> Settings::site() {
  // Grows when another process committed something: `jump-appliance address add` beside a running appliance.
  const Result<std::int64_t> version = value<std::int64_t>(db_, "PRAGMA data_version");
  if (!version) return version.error();
  if (cached_ && cached_version_ == *version) return *cached_;
  cached_version_ = *version;
  Result<std::vector<Setting>> rows =
      all<Setting>(db_, "SELECT key, value FROM settings WHERE key LIKE 'site.%'");
  if (!rows) return rows.error();
  json::object object = to_json(SiteSettings{}).as_object();
  for (const Setting& row : *rows) {
    Result<json::value> parsed = parse_json_value(row.value, kValueBytes);
    if (!parsed) return wrap(parsed.error(), "setting " + row.key);
    object[row.key.substr(5)] = std::move(*parsed);
  }
  Result<SiteSettings> settings = from_json<SiteSettings>(object);
  if (!settings) return wrap(settings.error(), "settings");
  cached_ = *settings;
  return settings;
}

Result<void> Settings::change(SiteSettings to) {
  Transaction transaction(db_);
  const Result<SiteSettings> old = site();
  if (!old) return old.error();
  to.addresses_serial = old->addresses_serial + (to.addresses != old->addresses ? 1 : 0);
  const json::object before = to_json(*old).as_object();
  const json::object after = to_json(to).as_object();
  for (const auto& [key, value] : after) {
    if (value == before.at(key)) continue;
    const Result<void> done = put(db_, "site." + std::string(std::string_view(key)), json::serialize(value));
    if (!done) return done;
  }
  Result<void> done = transaction.commit();
  // An outer transaction may still be undone: the next reader looks at the table.
  cached_.reset();
  return done;
}

Result<std::optional<json::value>> Settings::own(std::string_view name) {
  Result<std::optional<std::string>> text =
      first<std::string>(db_, "SELECT value FROM settings WHERE key = 'own.' || ?", name);
  if (!text) return text.error();
  if (!*text) return std::optional<json::value>();
  Result<json::value> parsed = parse_json_value(**text, kValueBytes);
  if (!parsed) return parsed.error();
  return std::optional<json::value>(std::move(*parsed));
}

Result<void> Settings::set_own(std::string_view name, const json::value& value, Durability durability) {
  Transaction transaction(db_, durability);
  const Result<void> done = put(db_, "own." + std::string(name), json::serialize(value));
  if (!done) return done;
  return transaction.commit();
}

}  // namespace jump::store
