#include "tools/console/api/assets.h"

#include <charconv>

#include <algorithm>

#include "tools/console/text/human.h"

namespace jump::console {
namespace {

// Keeps the assets that fit best.
std::vector<Asset> best(const AssetArgument& wanted, const std::vector<Asset>& assets) {
  std::vector<Asset> found;
  int best_match = 1;
  for (const Asset& asset : assets) {
    const int how_well = match(wanted, asset.names);
    if (how_well < best_match) continue;
    if (how_well > best_match) found.clear();
    best_match = how_well;
    found.push_back(asset);
  }
  return found;
}

// A group may be meant by its code name, which the rows do not show.
Task<Result<std::optional<std::int64_t>>> group_by_code(ApiClient& api, std::string code) {
  Query query{{"code_name", code}};
  const Result<json::array> groups = co_await api.list("/jump-group", std::move(query), 2);
  if (!groups) co_return groups.error();
  if (groups->empty() || !groups->front().is_object()) co_return std::optional<std::int64_t>();
  co_return number_of(groups->front().get_object(), "id");
}

void put_code(std::vector<Asset>& assets, std::int64_t group, const std::string& code) {
  for (Asset& asset : assets) {
    if (number_of(asset.all, "jump_group_id") == group && text_of(asset.all, "jump_group_type") == "shared") {
      asset.names.group_code = code;
    }
  }
}

// An appliance that is older than a kind has no path for it.
bool unknown_here(AssetKind kind, const Error& error) {
  return kind != AssetKind::jump_client && error.is(Fault::not_found);
}

// "admin@[fd00::7]:2222", "10.0.0.7:22", "fd00::7"
bool read_host(std::string text, control::AdHocTarget& target) {
  if (const std::size_t at = text.rfind('@'); at != std::string::npos) {
    target.username = text.substr(0, at);
    text.erase(0, at + 1);
  }
  std::string port;
  if (text.starts_with('[') && text.find(']') != std::string::npos) {
    const std::size_t end = text.find(']');
    port = text.substr(end + 1);
    text = text.substr(1, end - 1);
    if (!port.empty() && !port.starts_with(':')) return false;
  } else if (const std::size_t colon = text.find(':');
             colon != std::string::npos && colon == text.rfind(':')) {
    port = text.substr(colon);
    text.resize(colon);
  }
  if (text.empty() || text.size() > 128) return false;
  target.host = text;
  if (port.empty()) return true;
  const auto [end, failed] = std::from_chars(port.data() + 1, port.data() + port.size(), target.port);
  return failed == std::errc() && end == port.data() + port.size() && target.port != 0;
}

}  // namespace

std::string_view name_of(AssetKind kind) {
  switch (kind) {
    case AssetKind::jump_client:
      return "jump-client";
    case AssetKind::shell_jump:
      return "shell-jump";
    case AssetKind::tunnel:
      return "tunnel";
  }
  return "";
}

std::string path_of(AssetKind kind) {
  switch (kind) {
    case AssetKind::jump_client:
      return "/jump-client";
    case AssetKind::shell_jump:
      return "/jump-item/shell-jump";
    case AssetKind::tunnel:
      return "/jump-item/protocol-tunnel-jump";
  }
  return "";
}

std::string path_of(AssetKind kind, std::int64_t id) {
  return path_of(kind) + "/" + std::to_string(id);
}

std::optional<AssetKind> kind_named(std::string_view name) {
  for (const AssetKind kind : kAssetKinds) {
    if (name_of(kind) == name) return kind;
  }
  return std::nullopt;
}

std::string Asset::full_name() const {
  return names.group.empty() ? names.name : names.group + "/" + names.name;
}

Asset asset_from(AssetKind kind, const json::object& object) {
  Asset asset;
  asset.kind = kind;
  asset.names.id = number_of(object, "id").value_or(0);
  asset.names.name = text_of(object, "name");
  asset.names.hostname = text_of(object, "hostname");
  asset.names.group = text_of(object, "jump_group_name");
  asset.names.group_code = text_of(object, "jump_group_code_name");
  asset.state = text_of(object, "state");
  // Of what has no state of its own, the appliance says when it is started that it cannot be.
  asset.online = object.contains("online") ? flag_of(object, "online") : kind != AssetKind::jump_client;
  if (asset.state.empty()) asset.state = asset.online ? "online" : "offline";
  asset.jumpoint = text_of(object, "jumpoint_name");
  asset.last_seen = text_of(object, "last_seen");
  asset.route = text_of(object, "route");
  asset.all = object;
  return asset;
}

Task<Result<std::vector<Asset>>> list_assets(ApiClient& api, std::vector<AssetKind> kinds, Query query,
                                             std::size_t limit) {
  std::vector<Asset> assets;
  std::optional<Error> refused;
  bool understood = false;
  for (const AssetKind kind : kinds) {
    if (assets.size() >= limit) break;
    const Result<json::array> rows = co_await api.list(path_of(kind), query, limit - assets.size());
    if (!rows) {
      const bool no_such_field = rows.error().is(Fault::invalid);
      if (!no_such_field && !unknown_here(kind, rows.error())) co_return rows.error();
      if (no_such_field && !refused) refused = rows.error();
      continue;
    }
    understood = true;
    for (const json::value& row : *rows) {
      if (row.is_object()) assets.push_back(asset_from(kind, row.get_object()));
    }
  }
  if (!understood && refused) co_return *refused;
  co_return assets;
}

Task<Result<Asset>> find_ad_hoc(ApiClient& api, std::string wanted, bool telnet) {
  const Error none(Fault::not_found, "no JUMPOINT/HOST");
  const std::size_t slash = wanted.find('/');
  if (slash == 0 || slash == std::string::npos) co_return none;
  control::AdHocTarget target;
  target.protocol = telnet ? "telnet" : "ssh";
  if (!read_host(wanted.substr(slash + 1), target)) co_return none;
  const std::string name = wanted.substr(0, slash);
  for (const char* field : {"name", "code_name"}) {
    Query query{{field, name}};
    const Result<json::array> found = co_await api.list("/jumpoint", std::move(query), 2);
    if (!found) co_return found.error();
    if (found->size() != 1 || !found->front().is_object()) continue;
    const json::object& jumpoint = found->front().get_object();
    target.jumpoint = static_cast<std::uint64_t>(number_of(jumpoint, "id").value_or(0));
    Asset asset;
    asset.kind = AssetKind::shell_jump;
    asset.names.name = wanted;
    asset.names.hostname = target.host;
    asset.state = "online";
    asset.online = true;
    asset.jumpoint = text_of(jumpoint, "name");
    asset.all["protocol"] = target.protocol;
    asset.ad_hoc = target;
    co_return asset;
  }
  co_return none;
}

Task<Result<Asset>> fetch_asset(ApiClient& api, AssetKind kind, std::int64_t id) {
  const Result<json::value> one = co_await api.get(path_of(kind, id));
  if (!one) co_return one.error();
  if (!one->is_object()) co_return Error(Fault::malformed, "the appliance's answer is no asset");
  co_return asset_from(kind, one->get_object());
}

Task<Result<std::vector<Asset>>> find_assets(ApiClient& api, std::string wanted) {
  const Result<AssetArgument> argument = parse_asset(wanted);
  if (!argument) co_return argument.error();
  const std::vector<AssetKind> all(kAssetKinds.begin(), kAssetKinds.end());
  for (const AssetKind kind : all) {
    if (!argument->id) break;
    Result<Asset> one = co_await fetch_asset(api, kind, *argument->id);
    if (one) {
      std::vector<Asset> found;
      found.push_back(std::move(*one));
      co_return found;
    }
    if (!one.error().is(Fault::not_found)) co_return one.error();
  }
  for (const char* field : {"name", "hostname"}) {
    Query query{{field, argument->name}};
    Result<std::vector<Asset>> assets = co_await list_assets(api, all, std::move(query));
    if (!assets) co_return assets.error();
    std::vector<Asset> found = best(*argument, *assets);
    if (found.empty() && argument->group && !assets->empty()) {
      const Result<std::optional<std::int64_t>> group = co_await group_by_code(api, *argument->group);
      if (!group) co_return group.error();
      if (*group) put_code(*assets, **group, *argument->group);
      found = best(*argument, *assets);
    }
    if (!found.empty()) co_return found;
  }
  co_return Error(Fault::not_found,
                  "there is no asset '" + printable(wanted, 80) +
                      "', or it is not yours to see; `jump assets --search` looks for parts");
}

std::string absence_text(const Asset& asset, std::int64_t now) {
  std::string text = printable(asset.names.name, 128) + " is ";
  const bool behind = asset.kind != AssetKind::jump_client;
  if (asset.state == "disabled" && behind) {
    return text + "not to be reached: Jumpoint " + printable(asset.jumpoint, 128) + " is disabled";
  }
  if (asset.state == "disabled" || asset.state == "uninstalled") return text + asset.state;
  if (behind) {
    return text + "offline: no node of Jumpoint " +
           (asset.jumpoint.empty() ? std::string("it is on") : printable(asset.jumpoint, 128)) + " is online";
  }
  text += asset.state == "lost" ? "lost, offline" : "offline";
  const Result<std::int64_t> seen = parse_iso8601(asset.last_seen);
  if (seen) {
    text += " since " + iso8601(*seen) + " (" + human_ago(*seen, now) + ")";
  } else {
    text += "; it was never online";
  }
  if (!asset.route.empty()) text += ", last route " + printable(asset.route, 128);
  return text;
}

}  // namespace jump::console
