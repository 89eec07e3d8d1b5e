// The site's settings: one row for each member, as JSON, so that a newer version adds members without a
// migration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "common/base/json.h"
#include "tools/appliance/store/db.h"

namespace jump::store {

enum class UninstalledHandling { mark, remove };
BOOST_DESCRIBE_ENUM(UninstalledHandling, mark, remove)
enum class Adopt { automatic, ask, never };
BOOST_DESCRIBE_ENUM(Adopt, automatic, ask, never)
enum class Clones { allow, ask };
BOOST_DESCRIBE_ENUM(Clones, allow, ask)
enum class Recording { required, best_effort };
BOOST_DESCRIBE_ENUM(Recording, required, best_effort)
enum class MassRemoval { hold, allow };
BOOST_DESCRIBE_ENUM(MassRemoval, hold, allow)

struct SiteSettings {
  std::string site_name = "jump";
  std::uint32_t lost_days = 7;       // offline that long: labelled lost
  std::uint32_t absence_days = 180;  // offline that long: removed
  UninstalledHandling uninstalled = UninstalledHandling::mark;
  MassRemoval mass_removal = MassRemoval::hold;  // more than 50 and 5 % within an hour
  std::uint32_t wait_limit_seconds = 600;
  std::uint32_t statistics_interval_seconds = 300;  // 0: none
  std::vector<std::string> statistics{"cpu", "console_user", "disk", "uptime"};
  Adopt adopt = Adopt::automatic;
  Clones clones = Clones::allow;
  Recording recording = Recording::required;
  std::uint32_t retention_days = 0;            // 0: recordings stay until retention_gib
  std::uint32_t retention_gib = 0;             // 0: no limit
  std::uint32_t console_token_minutes = 720;   // a log-in
  std::uint32_t api_token_days = 365;          // the longest that a user's own token may live
  std::uint32_t account_token_seconds = 3600;  // client credentials
  bool network_browsing = true;                // may the networks of Jumpoints be browsed?
  std::vector<std::string> addresses;          // of the appliance, "host:port", the first preferred
  std::uint64_t addresses_serial = 0;          // grows with each change of `addresses`
};
BOOST_DESCRIBE_STRUCT(SiteSettings, (),
                      (site_name, lost_days, absence_days, uninstalled, mass_removal, wait_limit_seconds,
                       statistics_interval_seconds, statistics, adopt, clones, recording, retention_days,
                       retention_gib, console_token_minutes, api_token_days, account_token_seconds,
                       network_browsing, addresses, addresses_serial))

class Settings {
 public:
  explicit Settings(Db& db) : db_(db) {}

  // Kept in memory until somebody, another process too, changes the database.
  Result<SiteSettings> site();
  // Stores what differs. A change of `addresses` raises `addresses_serial`, whatever the caller put there.
  Result<void> change(SiteSettings to);
  // After a transaction that was undone.
  void reload() { cached_.reset(); }

  // The program's own values: "run_seconds", "fingerprint_salt", …; never shown. Names are written by us.
  Result<std::optional<json::value>> own(std::string_view name);
  Result<void> set_own(std::string_view name, const json::value& value,
                       Durability durability = Durability::edit);

 private:
  Db& db_;
  std::optional<SiteSettings> cached_;
  std::int64_t cached_version_ = 0;
};

}  // namespace jump::store
