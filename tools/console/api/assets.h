// Assets of all kinds as the console needs them, and finding the one that is meant. Ids are unique over all
// kinds; each kind has its own path in the API.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/control/messages.h"
#include "tools/console/api/client.h"
#include "tools/console/text/argument.h"

namespace jump::console {

enum class AssetKind { jump_client, shell_jump, tunnel };
inline constexpr std::array kAssetKinds = {AssetKind::jump_client, AssetKind::shell_jump, AssetKind::tunnel};
// "jump-client", "shell-jump", "tunnel"; and where the API has them.
std::string_view name_of(AssetKind kind);
std::string path_of(AssetKind kind);
std::string path_of(AssetKind kind, std::int64_t id);
std::optional<AssetKind> kind_named(std::string_view name);

struct Asset {
  AssetKind kind = AssetKind::jump_client;
  AssetNames names;
  std::string state;  // online, offline, in_use, upgrade_pending, lost, uninstalled, disabled
  bool online = false;
  std::string last_seen;                       // ISO 8601; may be empty
  std::string route;                           // the last one
  std::string jumpoint;                        // its name; empty for a Jump Client
  json::object all;                            // as the API shows it
  std::optional<control::AdHocTarget> ad_hoc;  // no asset, but a machine of a Jumpoint's network; its id is 0

  // "Servers/web-01", or the name where there is no group.
  std::string full_name() const;
};
Asset asset_from(AssetKind kind, const json::object& object);

// What fits `query`, of these kinds in turn, at most `limit`. A kind that does not know a field of the query
// has nothing that fits; when none knows it, that is the error.
Task<Result<std::vector<Asset>>> list_assets(ApiClient& api, std::vector<AssetKind> kinds, Query query,
                                             std::size_t limit = ApiClient::kListMost);

// Those that fit best: by id, else by name (in its group), else by host name. Fault::not_found when there are
// none.
Task<Result<std::vector<Asset>>> find_assets(ApiClient& api, std::string wanted);

// "JUMPOINT/[USER@]HOST[:PORT]", as `jump browse` shows hosts; IPv6 in brackets where a port follows.
// Fault::not_found: it is none, or there is no such Jumpoint to be seen.
Task<Result<Asset>> find_ad_hoc(ApiClient& api, std::string wanted, bool telnet);

// The state as it is now; an id that is gone is Fault::not_found.
Task<Result<Asset>> fetch_asset(ApiClient& api, AssetKind kind, std::int64_t id);

// "web-01 is offline since 2026-11-21 20:45 (3 min ago), last route direct 10.0.0.5:443"; "is disabled".
std::string absence_text(const Asset& asset, std::int64_t now);

}  // namespace jump::console
