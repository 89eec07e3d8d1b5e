// assets, info, asset edit|remove.
#include <cmath>

#include <CLI/CLI.hpp>

#include "common/base/clock.h"
#include "tools/console/commands/all.h"
#include "tools/console/commands/session_command.h"
#include "tools/console/session/sysinfo.h"
#include "tools/console/terminal/terminal.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/human.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

struct ListOptions {
  std::string search;
  std::vector<std::string> filters;
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
std::string name_lines(const json::array& rows) {
  std::map<std::string, int> count;
  for (const json::value& row : rows) ++count[text_of(row.as_object(), "name")];
  std::string lines;
  for (const json::value& row : rows) {
    const Asset asset = asset_from(row.as_object());
    lines += printable(count[asset.names.name] > 1 ? asset.full_name() : asset.names.name) + "\n";
  }
  return lines;
}

Task<int> list_assets(Context& context, ListOptions options) {
  Result<Query> query = query_of(options);
  if (!query) {
    fail(query.error());
    co_return kWrongUse;
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<json::array> rows = co_await (*api)->list("/jump-client", std::move(*query), options.limit);
  if (!rows) co_return fail(rows.error());
  if (options.as_json) co_return print_json(*rows);
  if (options.names) co_return print(name_lines(*rows));
  const std::int64_t now = wall_seconds();
  Table table({"ID", "NAME", "GROUP", "STATE", "LAST SEEN", "PRIVATE IP", "TAG", "SYSTEM"});
  for (const json::value& row : *rows) {
    if (!row.is_object()) continue;
    const Asset asset = asset_from(row.get_object());
    table.add({std::to_string(asset.names.id), asset.names.name, asset.names.group, asset.state,
               seen_text(asset, now), text_of(asset.all, "private_ip"), text_of(asset.all, "tag"),
               text_of(asset.all, "operating_system")});
  }
  co_return print(table.text());
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
      details.add("interface " + printable(text_of(one.get_object(), "name"), 32), text);
    }
  }
  details.add("session user", text_of(inventory, "session_user"));
}

std::string info_text(const Asset& asset, std::int64_t now) {
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
  Result<std::unique_ptr<SessionCommand>> command = SessionCommand::create(context);
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
  const Result<json::value> one =
      co_await (*api)->get("/jump-client/" + std::to_string(picked.asset->names.id));
  if (!one) co_return fail(one.error());
  if (as_json) co_return print_json(*one);
  if (!one->is_object()) co_return fail("the appliance's answer is no asset");
  co_return print(info_text(asset_from(one->get_object()), wall_seconds()));
}

// --- edit and remove
// ----------------------------------------------------------------------------------------

struct EditOptions {
  std::string asset;
  std::optional<std::string> name;
  std::optional<std::string> tag;
  std::optional<std::string> comments;
  std::string group;
  std::optional<std::int64_t> max_offline_minutes;
  std::optional<bool> disabled;
  bool as_json = false;
};

Task<int> edit_asset(Context& context, EditOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  json::object changes;
  if (options.name) changes["name"] = *options.name;
  if (options.tag) changes["tag"] = *options.tag;
  if (options.comments) changes["comments"] = *options.comments;
  if (options.max_offline_minutes) changes["max_offline_minutes"] = *options.max_offline_minutes;
  if (options.disabled) changes["disabled"] = *options.disabled;
  if (!options.group.empty()) {
    const Result<std::int64_t> group = co_await group_id(**api, options.group);
    if (!group) co_return fail(group.error());
    changes["jump_group_id"] = *group;
    changes["jump_group_type"] = "shared";
  }
  if (changes.empty()) {
    fail("nothing to change was given; see `jump asset edit --help`");
    co_return kWrongUse;
  }
  const PickedAsset picked = co_await pick_asset(**api, options.asset);
  if (!picked.asset) co_return picked.status;
  const std::string path = "/jump-client/" + std::to_string(picked.asset->names.id);
  const Result<json::value> changed = co_await (*api)->patch(path, std::move(changes));
  if (!changed) co_return fail(changed.error());
  co_return options.as_json ? print_json(*changed) : kDone;
}

struct RemoveOptions {
  std::vector<std::string> assets;
  bool yes = false;
};

// All are found before the first is removed.
Task<int> remove_assets(Context& context, RemoveOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  std::vector<Asset> found;
  for (const std::string& wanted : options.assets) {
    PickedAsset picked = co_await pick_asset(**api, wanted);
    if (!picked.asset) co_return picked.status;
    found.push_back(std::move(*picked.asset));
  }
  if (!options.yes) {
    std::string names;
    for (const Asset& asset : found) names += (names.empty() ? "" : ", ") + printable(asset.full_name(), 80);
    const Result<std::string> answer =
        ask_line("Remove " + names + "? Each uninstalls itself now or at its next contact. [yes/no] ");
    if (!answer) {
      fail("no terminal to ask on: give --yes");
      co_return kWrongUse;
    }
    if (*answer != "yes") co_return fail("nothing was removed");
  }
  int status = kDone;
  for (const Asset& asset : found) {
    const Result<json::value> gone =
        co_await (*api)->remove("/jump-client/" + std::to_string(asset.names.id));
    if (!gone) status = fail(wrap(gone.error(), asset.full_name()));
  }
  co_return status;
}

void add_edit(CLI::App& group, Chosen& chosen) {
  auto options = std::make_shared<EditOptions>();
  CLI::App* one = add_command(group, "edit", "Change an asset", "jump asset edit web-01 --tag production");
  one->add_option("ASSET", options->asset, "Id, name or group/name")->required();
  one->add_option("--name", options->name, "1 to 128 characters");
  one->add_option("--tag", options->tag, "At most 64 characters; \"\" takes it away");
  one->add_option("--comments", options->comments, "At most 1024 characters");
  one->add_option("--group", options->group, "Move it to this asset group");
  one->add_option("--max-offline-minutes", options->max_offline_minutes, "0: as the site says");
  one->add_flag("--disable,!--enable", options->disabled, "Refuse it, or let it in again");
  one->add_flag("--json", options->as_json, "Print the asset as it is now");
  runs(one, chosen, [options](Context& context) { return edit_asset(context, *options); });
}

}  // namespace

void add_asset_commands(CLI::App& app, Chosen& chosen) {
  {
    auto options = std::make_shared<ListOptions>();
    CLI::App* one =
        add_command(app, "assets", "List assets", "jump assets --search web --filter tag=production");
    one->add_option("--search", options->search,
                    "Parts of names, addresses, comments, tag, group or console user");
    one->add_option("--filter", options->filters, "FIELD=VALUE, exactly; several add up")
        ->type_name("FIELD=VALUE");
    one->add_option("--limit", options->limit, "At most so many");
    one->add_flag("--online", options->online, "Only those that are there");
    one->add_flag("--names", options->names, "Only the names, one a line");
    one->add_flag("--json", options->as_json, "For programs");
    runs(one, chosen, [options](Context& context) { return list_assets(context, *options); });
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
  CLI::App* group = add_group(app, "asset", "Change or remove assets");
  add_edit(*group, chosen);
  auto options = std::make_shared<RemoveOptions>();
  CLI::App* one = add_command(*group, "remove", "Remove assets: each uninstalls itself",
                              "jump asset remove web-01 --yes");
  one->add_option("ASSET", options->assets, "Id, name or group/name")->required();
  one->add_flag("--yes", options->yes, "Do not ask");
  runs(one, chosen, [options](Context& context) { return remove_assets(context, *options); });
}

}  // namespace jump::console
