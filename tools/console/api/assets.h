// Assets as the console needs them, and finding the one that is meant.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/console/api/client.h"
#include "tools/console/text/argument.h"

namespace jump::console {

struct Asset {
  AssetNames names;
  std::string state;  // online, offline, in_use, upgrade_pending, lost, uninstalled, disabled
  bool online = false;
  std::string last_seen;  // ISO 8601; may be empty
  std::string route;      // the last one
  json::object all;       // as the API shows it

  // "Servers/web-01", or the name where there is no group.
  std::string full_name() const;
};
Asset asset_from(const json::object& object);

// Those that fit best: by id, else by name (in its group), else by host name. Fault::not_found when there are
// none.
Task<Result<std::vector<Asset>>> find_assets(ApiClient& api, std::string wanted);

// "web-01 is offline since 2026-11-21 20:45 (3 min ago), last route direct 10.0.0.5:443"; "is disabled".
std::string absence_text(const Asset& asset, std::int64_t now);

}  // namespace jump::console
