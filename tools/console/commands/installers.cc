// installer create|list|extend|delete.
#include <CLI/CLI.hpp>

#include "tools/console/commands/all.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/human.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

constexpr std::string_view kPath = "/jump-client/installer";
// What people call the overrides, in the order of the API's fields.
constexpr std::array<std::string_view, 8> kOverrides = {"jump_group",
                                                        "jump_policy",
                                                        "name",
                                                        "tag",
                                                        "comments",
                                                        "attended_session_policy",
                                                        "unattended_session_policy",
                                                        "max_offline_minutes"};

struct CreateOptions {
  std::string group;
  std::string name;
  std::string tag;
  std::string comments;
  std::string valid;
  std::string through;
  std::optional<std::int64_t> max_offline_minutes;
  std::vector<std::string> allow;
  bool personal = false;
  bool ephemeral = false;
  bool as_json = false;
};

std::string key_of(const json::object& installer) {
  const json::value* info = installer.if_contains("key_info");
  return info != nullptr && info->is_object() ? text_of(info->get_object(), "encodedInfo") : std::string();
}

Result<void> put_overrides(json::object& body, const std::vector<std::string>& allow) {
  for (const std::string& one : allow) {
    std::string field = one;
    std::ranges::replace(field, '-', '_');
    if (field == "group") field = "jump_group";
    if (std::ranges::find(kOverrides, field) == kOverrides.end()) {
      return Error(Fault::invalid,
                   "--allow '" + printable(one, 64) +
                       "': group, name, tag, comments, jump-policy, "
                       "attended-session-policy, unattended-session-policy or max-offline-minutes is meant");
    }
    body["allow_override_" + field] = true;
  }
  return {};
}

// The key carries the proxies that listen now.
Task<> warn_without_proxies(ApiClient& api, std::string jumpoint) {
  const Result<std::int64_t> id = co_await jumpoint_id(api, jumpoint);
  if (!id) co_return;
  const Result<json::value> one = co_await api.get("/jumpoint/" + std::to_string(*id));
  if (!one || !one->is_object()) co_return;
  const json::value* proxies = one->get_object().if_contains("zone_proxies");
  if (proxies == nullptr || !proxies->is_array() || !proxies->get_array().empty()) co_return;
  note("warning: no node of " + printable(jumpoint, 80) +
       " has its Jump Zone Proxy listening, so there is none in this key; look at `jump jumpoint nodes " +
       printable(jumpoint, 80) + "` and make another");
}

Task<int> create_installer(Context& context, CreateOptions options) {
  json::object body;
  if (options.group.empty() == !options.personal) {
    note("give --group GROUP, or --personal for your own list");
    co_return kWrongUse;
  }
  Result<void> fine = put_overrides(body, options.allow);
  if (fine && !options.valid.empty()) {
    const Result<std::int64_t> minutes = parse_minutes(options.valid);
    if (minutes) body["valid_minutes"] = *minutes;
    if (!minutes) fine = minutes.error();
  }
  if (!fine) {
    note(fine.error().message());
    co_return kWrongUse;
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  if (options.personal) {
    const Result<Login> login = context.home().login();
    if (!login || !login->user_id) co_return fail("this log-in has no user; log in again");
    body["jump_group_type"] = "personal";
    body["jump_group_id"] = *login->user_id;
  } else {
    const Result<std::int64_t> group = co_await group_id(**api, options.group);
    if (!group) co_return fail(group.error());
    body["jump_group_id"] = *group;
  }
  body["name"] = options.name;
  body["tag"] = options.tag;
  body["comments"] = options.comments;
  body["ephemeral"] = options.ephemeral;
  if (!options.through.empty()) body["jumpoint_proxy"] = options.through;
  if (options.max_offline_minutes) body["max_offline_minutes"] = *options.max_offline_minutes;
  const Result<json::value> made = co_await (*api)->post(std::string(kPath), std::move(body));
  if (!made) co_return fail(made.error());
  if (!options.through.empty()) {
    Task<> warning = warn_without_proxies(**api, options.through);
    co_await std::move(warning);
  }
  if (options.as_json) co_return print_json(*made);
  if (!made->is_object()) co_return fail("the appliance's answer is no installer");
  const json::object& installer = made->get_object();
  note("installer " + std::to_string(number_of(installer, "id").value_or(0)) + ", valid until " +
       text_of(installer, "expiration_timestamp") + "; use: jump-client install --key-info-file -");
  // Alone on standard output, so that it can be piped; it is a secret until then.
  co_return print(key_of(installer) + "\n");
}

Task<int> list_installers(Context& context, bool as_json) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<json::array> rows = co_await (*api)->list(std::string(kPath), Query());
  if (!rows) co_return fail(rows.error());
  if (as_json) co_return print_json(*rows);
  Table table({"ID", "NAME", "GROUP", "TAG", "VALID UNTIL", "USED", "KIND"});
  for (const json::value& row : *rows) {
    if (!row.is_object()) continue;
    const json::object& one = row.get_object();
    const std::string until = text_of(one, "expiration_timestamp");
    table.add({std::to_string(number_of(one, "id").value_or(0)), text_of(one, "name"),
               text_of(one, "jump_group_name"), text_of(one, "tag"),
               flag_of(one, "expired") ? until + " (over)" : until,
               std::to_string(number_of(one, "used").value_or(0)),
               flag_of(one, "ephemeral") ? "ephemeral" : ""});
  }
  co_return print(table.text());
}

Task<int> extend_installer(Context& context, std::int64_t id, std::string valid) {
  const Result<std::int64_t> minutes = parse_minutes(valid);
  if (!minutes) {
    note(minutes.error().message());
    co_return kWrongUse;
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  json::object body;
  body["valid_minutes"] = *minutes;
  const Result<json::value> changed =
      co_await (*api)->patch(std::string(kPath) + "/" + std::to_string(id), std::move(body));
  if (!changed) co_return fail(changed.error());
  co_return print(changed->is_object()
                      ? "valid until " + text_of(changed->get_object(), "expiration_timestamp") + "\n"
                      : "");
}

Task<int> delete_installers(Context& context, std::vector<std::int64_t> ids) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  int status = kDone;
  for (const std::int64_t id : ids) {
    const Result<json::value> gone = co_await (*api)->remove(std::string(kPath) + "/" + std::to_string(id));
    if (!gone) status = fail(wrap(gone.error(), "installer " + std::to_string(id)));
  }
  co_return status;
}

void add_create(CLI::App& group, Chosen& chosen) {
  auto options = std::make_shared<CreateOptions>();
  CLI::App* one = add_command(group, "create", "Make an installer and print its deployment key, a secret",
                              "jump installer create --group servers --valid 7d > key.txt");
  one->add_option("--group", options->group, "Asset group that its clients come into");
  one->add_flag("--personal", options->personal, "Your own list instead of a group");
  one->add_option("--name", options->name, "At most 128 characters");
  one->add_option("--tag", options->tag, "Of its clients; at most 64 characters");
  one->add_option("--comments", options->comments, "Of its clients; at most 1024 characters");
  one->add_option("--valid", options->valid,
                  "90m, 12h, 7d; 10 minutes to 365 days, a day when it is left out")
      ->type_name("TIME");
  one->add_option("--through", options->through,
                  "For machines that reach the appliance by this Jumpoint's Jump Zone Proxy only")
      ->type_name("JUMPOINT");
  one->add_option("--max-offline-minutes", options->max_offline_minutes,
                  "Of its clients; 0: as the site says");
  one->add_option("--allow", options->allow,
                  "What its clients may be called otherwise at installing: group, name, tag, …")
      ->delimiter(',')
      ->type_name("WHAT");
  one->add_flag("--ephemeral", options->ephemeral, "Its clients are removed after 5 minutes offline");
  one->add_flag("--json", options->as_json, "For programs");
  runs(one, chosen, [options](Context& context) { return create_installer(context, *options); });
}

}  // namespace

void add_installer_commands(CLI::App& app, Chosen& chosen) {
  CLI::App* group = add_group(app, "installer", "Deployment keys for new Jump Clients");
  add_create(*group, chosen);
  {
    auto as_json = std::make_shared<bool>(false);
    CLI::App* one = add_command(*group, "list", "List installers", "jump installer list");
    one->add_flag("--json", *as_json, "For programs");
    runs(one, chosen, [as_json](Context& context) { return list_installers(context, *as_json); });
  }
  {
    auto id = std::make_shared<std::int64_t>(0);
    auto valid = std::make_shared<std::string>();
    CLI::App* one = add_command(*group, "extend", "Let an installer be valid for longer, from now on",
                                "jump installer extend 3 --valid 30d");
    one->add_option("ID", *id, "Of the installer")->required();
    one->add_option("--valid", *valid, "90m, 12h, 7d")->required()->type_name("TIME");
    runs(one, chosen, [id, valid](Context& context) { return extend_installer(context, *id, *valid); });
  }
  auto ids = std::make_shared<std::vector<std::int64_t>>();
  CLI::App* one =
      add_command(*group, "delete", "Delete installers; clients that were deployed with them stay",
                  "jump installer delete 3");
  one->add_option("ID", *ids, "Of the installers")->required();
  runs(one, chosen, [ids](Context& context) { return delete_installers(context, *ids); });
}

}  // namespace jump::console
