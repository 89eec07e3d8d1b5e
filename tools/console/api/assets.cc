#include "tools/console/api/assets.h"

#include <algorithm>

#include "tools/console/text/human.h"

namespace jump::console {
namespace {

// Keeps the assets that fit best.
std::vector<Asset> best(const AssetArgument& wanted, const json::array& rows) {
  std::vector<Asset> found;
  int best_match = 1;
  for (const json::value& row : rows) {
    if (!row.is_object()) continue;
    Asset asset = asset_from(row.get_object());
    const int how_well = match(wanted, asset.names);
    if (how_well < best_match) continue;
    if (how_well > best_match) found.clear();
    best_match = how_well;
    found.push_back(std::move(asset));
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

void put_code(json::array& rows, std::int64_t group, const std::string& code) {
  for (json::value& row : rows) {
    if (row.is_object() && number_of(row.get_object(), "jump_group_id") == group &&
        text_of(row.get_object(), "jump_group_type") == "shared") {
      row.get_object()["jump_group_code_name"] = code;
    }
  }
}

}  // namespace

std::string Asset::full_name() const {
  return names.group.empty() ? names.name : names.group + "/" + names.name;
}

Asset asset_from(const json::object& object) {
  Asset asset;
  asset.names.id = number_of(object, "id").value_or(0);
  asset.names.name = text_of(object, "name");
  asset.names.hostname = text_of(object, "hostname");
  asset.names.group = text_of(object, "jump_group_name");
  asset.names.group_code = text_of(object, "jump_group_code_name");
  asset.state = text_of(object, "state");
  asset.online = flag_of(object, "online");
  asset.last_seen = text_of(object, "last_seen");
  asset.route = text_of(object, "route");
  asset.all = object;
  return asset;
}

Task<Result<std::vector<Asset>>> find_assets(ApiClient& api, std::string wanted) {
  const Result<AssetArgument> argument = parse_asset(wanted);
  if (!argument) co_return argument.error();
  if (argument->id) {
    const Result<json::value> one = co_await api.get("/jump-client/" + std::to_string(*argument->id));
    if (one && one->is_object()) co_return std::vector<Asset>{asset_from(one->get_object())};
    if (!one && !one.error().is(Fault::not_found)) co_return one.error();
  }
  for (const char* field : {"name", "hostname"}) {
    Query query{{field, argument->name}};
    Result<json::array> rows = co_await api.list("/jump-client", std::move(query));
    if (!rows) co_return rows.error();
    std::vector<Asset> found = best(*argument, *rows);
    if (found.empty() && argument->group && !rows->empty()) {
      const Result<std::optional<std::int64_t>> group = co_await group_by_code(api, *argument->group);
      if (!group) co_return group.error();
      if (*group) put_code(*rows, **group, *argument->group);
      found = best(*argument, *rows);
    }
    if (!found.empty()) co_return found;
  }
  co_return Error(Fault::not_found,
                  "there is no asset '" + printable(wanted, 80) +
                      "', or it is not yours to see; `jump assets --search` looks for parts");
}

std::string absence_text(const Asset& asset, std::int64_t now) {
  std::string text = printable(asset.names.name, 128) + " is ";
  if (asset.state == "disabled" || asset.state == "uninstalled") return text + asset.state;
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
