// assets, info.
#include <cmath>

#include <CLI/CLI.hpp>

#include "common/base/clock.h"
#include "tools/console/commands/all.h"
#include "tools/console/commands/session_command.h"
#include "tools/console/session/asker.h"
#include "tools/console/session/sysinfo.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/human.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

struct ListOptions {
  std::string search;
  std::vector<std::string> filters;
  std::string kind;
  std::size_t limit = ApiClient::kListMost;
  bool online = false;
  bool names = false;
  bool as_json = false;
};

Result<Query> query_of(const ListOptions& options) {
  Query query;
  if (!options.search.empty()) query.emplace_back("search", options.search);
  for (const std::string& filter : options.filters) {
    const std::size_t equals = filter.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Error(Fault::invalid, "--filter '" + printable(filter, 80) + "': FIELD=VALUE is meant, tag=web");
    }
    query.emplace_back(filter.substr(0, equals), filter.substr(equals + 1));
  }
  if (options.online) query.emplace_back("online", "true");
  return query;
}

std::string seen_text(const Asset& asset, std::int64_t now) {
  if (asset.online) return "";
  const Result<std::int64_t> seen = parse_iso8601(asset.last_seen);
  return seen ? human_ago(*seen, now) : "never";
}

// Names that lead to one asset each, for completion: group/name where the name alone would not.
std::string name_lines(const std::vector<Asset>& assets) {
  std::map<std::string, int> count;
  for (const Asset& asset : assets) ++count[asset.names.name];
  std::string lines;
  for (const Asset& asset : assets) {
    lines += printable(count[asset.names.name] > 1 ? asset.full_name() : asset.names.name) + "\n";
  }
  return lines;
}

// As the API shows them, each with its kind.
json::array json_of(const std::vector<Asset>& assets) {
  json::array rows;
  for (const Asset& asset : assets) {
    json::object row = asset.all;
    row["kind"] = name_of(asset.kind);
    rows.push_back(std::move(row));
  }
  return rows;
}

// Where it is: of a Jump Client its own address, behind a Jumpoint the machine that is meant.
std::string place_of(const Asset& asset) {
  return asset.kind == AssetKind::jump_client ? text_of(asset.all, "private_ip") : asset.names.hostname;
}

std::string asset_table(const std::vector<Asset>& assets) {
  const std::int64_t now = wall_seconds();
  Table table({"ID", "NAME", "KIND", "GROUP", "STATE", "LAST SEEN", "ADDRESS", "JUMPOINT", "TAG", "SYSTEM"});
  for (const Asset& asset : assets) {
    table.add({std::to_string(asset.names.id), asset.names.name, std::string(name_of(asset.kind)),
               asset.names.group, asset.state,
               asset.kind == AssetKind::jump_client ? seen_text(asset, now) : std::string(), place_of(asset),
               asset.jumpoint, text_of(asset.all, "tag"),
               asset.kind == AssetKind::jump_client ? text_of(asset.all, "operating_system")
                                                    : text_of(asset.all, "protocol")});
  }
  return table.text();
}

Task<int> show_assets(Context& context, ListOptions options) {
  Result<Query> query = query_of(options);
  if (!query) {
    fail(query.error());
    co_return kWrongUse;
  }
  std::vector<AssetKind> kinds(kAssetKinds.begin(), kAssetKinds.end());
  if (const std::optional<AssetKind> one = kind_named(options.kind)) kinds.assign(1, *one);
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<std::vector<Asset>> assets =
      co_await list_assets(**api, std::move(kinds), std::move(*query), options.limit);
  if (!assets) co_return fail(assets.error());
  if (options.as_json) co_return print_json(json_of(*assets));
  co_return print(options.names ? name_lines(*assets) : asset_table(*assets));
}

// --- info
// ---------------------------------------------------------------------------------------------------

void add_statistics(Details& details, const json::object& statistics) {
  const json::value* cpu = statistics.if_contains("cpu_percent");
  if (cpu != nullptr && cpu->is_number()) {
    details.add("CPU", std::to_string(std::lround(cpu->to_number<double>())) + " %");
  }
  if (const auto uptime = number_of(statistics, "uptime_seconds")) details.add("up for", human_time(*uptime));
  const json::value* disks = statistics.if_contains("disks");
  if (disks == nullptr || !disks->is_array()) return;
  for (const json::value& one : disks->get_array()) {
    if (!one.is_object()) continue;
    const json::object& disk = one.get_object();
    details.add("disk " + printable(text_of(disk, "mount"), 64),
                human_size(static_cast<std::uint64_t>(number_of(disk, "used").value_or(0))) + " of " +
                    human_size(static_cast<std::uint64_t>(number_of(disk, "total").value_or(0))));
  }
}

// ", gateway 10.0.0.1 at 02:77:01:00:00:01"
std::string gateway_text(const json::object& interface) {
  std::string text;
  const json::value* gateways = interface.if_contains("gateways");
  if (gateways == nullptr || !gateways->is_array()) return text;
  for (const json::value& one : gateways->get_array()) {
    if (!one.is_object()) continue;
    const std::string mac = text_of(one.get_object(), "mac");
    text += ", gateway " + text_of(one.get_object(), "address") + (mac.empty() ? "" : " at " + mac);
  }
  return text;
}

void add_inventory(Details& details, const json::object& inventory) {
  const json::value* interfaces = inventory.if_contains("interfaces");
  if (interfaces != nullptr && interfaces->is_array()) {
    for (const json::value& one : interfaces->get_array()) {
      if (!one.is_object()) continue;
      std::string text = text_of(one.get_object(), "mac");
      const json::value* addresses = one.get_object().if_contains("addresses");
      if (addresses != nullptr && addresses->is_array()) {
        for (const json::value& address : addresses->get_array()) {
          if (!address.is_object()) continue;
          text += (text.empty() ? "" : " ") + text_of(address.get_object(), "address") + "/" +
                  std::to_string(number_of(address.get_object(), "prefix").value_or(0));
        }
      }
      for (const auto& [label, field] : std::initializer_list<std::pair<const char*, const char*>>{
               {"", "kind"}, {"member of ", "member_of"}, {"on ", "below"}}) {
        const std::string value = text_of(one.get_object(), field);
        if (!value.empty()) text += (text.empty() ? "" : ", ") + std::string(label) + value;
      }
      text += gateway_text(one.get_object());
      details.add("interface " + printable(text_of(one.get_object(), "name"), 32), text);
    }
  }
  details.add("session user", text_of(inventory, "session_user"));
}

std::string list_text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  std::string text;
  if (value == nullptr || !value->is_array()) return text;
  for (const json::value& one : value->get_array()) {
    if (one.is_string()) text += (text.empty() ? "" : ", ") + std::string(std::string_view(one.get_string()));
  }
  return text;
}

std::string number_text(const json::object& object, std::string_view name) {
  const std::optional<std::int64_t> number = number_of(object, name);
  return number ? std::to_string(*number) : std::string();
}

// What is behind a Jumpoint has no state of its own.
std::string item_text(const Asset& asset) {
  const json::object& all = asset.all;
  const bool tunnel = asset.kind == AssetKind::tunnel;
  Details details;
  details.add("id", std::to_string(asset.names.id));
  details.add("kind", std::string(name_of(asset.kind)));
  for (const auto& [label, field] :
       std::initializer_list<std::pair<const char*, const char*>>{{"name", "name"},
                                                                  {"group", "jump_group_name"},
                                                                  {"tag", "tag"},
                                                                  {"comments", "comments"},
                                                                  {"Jumpoint", "jumpoint_name"},
                                                                  {"state", "state"},
                                                                  {"host", "hostname"}}) {
    details.add(label, text_of(all, field));
  }
  if (tunnel) {
    details.add("ports", text_of(all, "tunnel_definitions"));
    details.add("listens on", text_of(all, "tunnel_listen_address"));
    details.add("type", text_of(all, "tunnel_type"));
  } else {
    details.add("protocol", text_of(all, "protocol"));
    details.add("port", number_text(all, "port"));
    details.add("terminal", text_of(all, "terminal"));
    details.add("keep-alive", number_text(all, "keep_alive"));
    details.add("algorithms", flag_of(all, "legacy_algorithms") ? "legacy ones too" : "");
    const std::string filter = text_of(all, "filter_mode");
    details.add("command filter", filter == "off" ? "" : filter);
    details.add("allowed", list_text(all, "filter_allow"));
    details.add("denied", list_text(all, "filter_deny"));
  }
  details.add("user name", text_of(all, "username"));
  details.add("credential", number_text(all, "vault_account_id"));
  details.add("node", number_text(all, "node_id"));
  details.add("nodes with tag", text_of(all, "node_tag"));
  details.add("last accessed", text_of(all, "last_access_timestamp"));
  const json::value* keys = all.if_contains("host_keys");
  if (keys != nullptr && keys->is_array()) {
    for (const json::value& one : keys->get_array()) {
      if (one.is_string()) {
        details.add("host key", key_fingerprint(std::string(std::string_view(one.get_string()))));
      } else if (one.is_object()) {
        details.add("host key", key_fingerprint(text_of(one.get_object(), "key")));
      }
    }
  }
  return details.text();
}

std::string info_text(const Asset& asset, std::int64_t now) {
  if (asset.kind != AssetKind::jump_client) return item_text(asset);
  const json::object& all = asset.all;
  Details details;
  details.add("id", std::to_string(asset.names.id));
  for (const auto& [label, field] : std::initializer_list<std::pair<const char*, const char*>>{
           {"name", "name"}, {"group", "jump_group_name"}, {"tag", "tag"}, {"comments", "comments"}}) {
    details.add(label, text_of(all, field));
  }
  details.add("state", asset.state);
  const Result<std::int64_t> seen = parse_iso8601(asset.last_seen);
  if (!asset.online) {
    details.add("last seen", seen ? iso8601(*seen) + ", " + human_ago(*seen, now) : std::string("never"));
  }
  for (const auto& [label, field] : std::initializer_list<std::pair<const char*, const char*>>{
           {"online since", "online_since"},
           {"will be removed", "expiration_timestamp"},
           {"route", "route"},
           {"host name", "hostname"},
           {"FQDN", "fqdn"},
           {"private IP", "private_ip"},
           {"public IP", "public_ip"},
           {"system", "operating_system"},
           {"console user", "console_user"},
           {"software", "software_version"},
           {"last accessed", "last_access_timestamp"}}) {
    details.add(label, text_of(all, field));
  }
  if (const auto sessions = number_of(all, "sessions"); sessions && *sessions > 0) {
    details.add("sessions", std::to_string(*sessions));
  }
  const json::value* statistics = all.if_contains("statistics");
  if (statistics != nullptr && statistics->is_object()) add_statistics(details, statistics->get_object());
  const json::value* inventory = all.if_contains("inventory");
  if (inventory != nullptr && inventory->is_object()) add_inventory(details, inventory->get_object());
  const json::value* wake = all.if_contains("wake");
  if (wake != nullptr && wake->is_object())
    details.add("when it is off", text_of(wake->get_object(), "text"));
  return details.text();
}

struct InfoOptions {
  std::string asset;
  bool live = false;
  bool as_json = false;
};

Task<int> run_live_info(SessionCommand& command, const InfoOptions& options) {
  Result<OpenedSessionPtr> session =
      co_await command.open(options.asset, false, control::SessionKind::sysinfo, json::object());
  if (!session) co_return command.status_of_failure(session.error());
  const Result<std::string> text = co_await fetch_report(**session);
  if (!text)
    co_return fail((*session)->failure() ? Error(Fault::refused, printable(*(*session)->failure()))
                                         : text.error());
  if (options.as_json) co_return print(*text + "\n");
  const Result<session::SystemReport> report =
      from_json_text<session::SystemReport>(*text, session::kSystemReportMost);
  co_return report ? print(report_text(*report)) : fail(wrap(report.error(), "the report"));
}

Task<int> live_info(Context& context, InfoOptions options) {
  Result<std::unique_ptr<SessionCommand>> command = SessionCommand::create(context, AskArguments());
  if (!command) co_return fail(command.error());
  const int status = co_await run_live_info(**command, options);
  co_await (*command)->stop();
  co_return status;
}

Task<int> info(Context& context, std::string wanted, bool as_json) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const PickedAsset picked = co_await pick_asset(**api, wanted);
  if (!picked.asset) co_return picked.status;
  // Lists leave out what one asset shows.
  const Result<Asset> one = co_await fetch_asset(**api, picked.asset->kind, picked.asset->names.id);
  if (!one) co_return fail(one.error());
  if (as_json) {
    json::object row = one->all;
    row["kind"] = name_of(one->kind);
    co_return print_json(row);
  }
  co_return print(info_text(*one, wall_seconds()));
}

}  // namespace

void add_asset_commands(CLI::App& app, Chosen& chosen) {
  {
    auto options = std::make_shared<ListOptions>();
    CLI::App* one = add_command(app, "assets", "List assets of all kinds",
                                "jump assets --search web --filter tag=production");
    one->add_option("--search", options->search,
                    "Parts of names, addresses, comments, tag, group or console user");
    one->add_option("--filter", options->filters, "FIELD=VALUE, exactly; several add up")
        ->type_name("FIELD=VALUE");
    one->add_option("--kind", options->kind, "Only these: jump-client, shell-jump or tunnel")
        ->check(CLI::IsMember({"jump-client", "shell-jump", "tunnel"}));
    one->add_option("--limit", options->limit, "At most so many");
    one->add_flag("--online", options->online, "Only those that are there");
    one->add_flag("--names", options->names, "Only the names, one a line");
    one->add_flag("--json", options->as_json, "For programs");
    runs(one, chosen, [options](Context& context) { return show_assets(context, *options); });
  }
  {
    auto options = std::make_shared<InfoOptions>();
    CLI::App* one = add_command(app, "info", "Everything known about an asset", "jump info web-01 --live");
    one->add_option("ASSET", options->asset, "Id, name or group/name")->required();
    one->add_flag("--live", options->live,
                  "Ask the machine itself, now: system, disks, interfaces, processes");
    one->add_flag("--json", options->as_json, "For programs");
    runs(one, chosen, [options](Context& context) {
      return options->live ? live_info(context, *options) : info(context, options->asset, options->as_json);
    });
  }
}

}  // namespace jump::console
