// site show|edit: what holds for everybody on this appliance.
#include <CLI/CLI.hpp>

#include "tools/console/commands/all.h"
#include "tools/console/commands/fields.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

constexpr std::array kFields = std::to_array<Field>({
    {"--name", "site_name", 1, FieldType::text, "NAME", "1 to 128 characters"},
    {"--lost-days", "lost_days", 1, FieldType::number, "DAYS",
     "Offline for so long: an asset is shown as lost; 1 to 3650, at most --absence-days"},
    {"--absence-days", "absence_days", 1, FieldType::number, "DAYS",
     "Offline for so long: an asset is removed; 1 to 3650"},
    {"--uninstalled", "uninstalled", 1, FieldType::text, "mark|remove",
     "What becomes of the asset of a Jump Client that was uninstalled on its machine"},
    {"--mass-removal", "mass_removal", 1, FieldType::text, "hold|allow",
     "When more than 50 and 5 % of the assets would be removed within an hour"},
    {"--wait-limit", "wait_limit_seconds", 1, FieldType::number, "SECONDS",
     "How long a session waits for its console or its machine; 0 to 2592000"},
    {"--statistics-interval", "statistics_interval_seconds", 1, FieldType::number, "SECONDS",
     "Between two reports of a Jump Client; 0 to 86400, 0: none"},
    {"--statistics", "statistics", 1, FieldType::list, "LIST",
     "What they report: of cpu,console_user,disk,uptime; \"\": nothing"},
    {"--adopt", "adopt", 1, FieldType::text, "automatic|ask|never",
     "A machine that is installed anew takes over its old asset; ask: with an administrator's leave"},
    {"--clones", "clones", 1, FieldType::text, "allow|ask",
     "The copy of a machine becomes an asset of its own; ask: with an administrator's leave"},
    {"--recording", "recording", 1, FieldType::text, "required|best_effort",
     "required: no session without its recording"},
    {"--retention-days", "retention_days", 1, FieldType::number, "DAYS",
     "Recordings are removed after; 0 to 36500, 0: never"},
    {"--retention-gib", "retention_gib", 1, FieldType::number, "GIB",
     "The oldest recordings are removed beyond; 0 to 1048576, 0: no limit"},
    {"--console-token", "console_token_minutes", 1, FieldType::number, "MINUTES",
     "A log-in lasts; 5 to 43200"},
    {"--api-token", "api_token_days", 1, FieldType::number, "DAYS",
     "The longest that a user's own token may live; 1 to 3650"},
    {"--account-token", "account_token_seconds", 1, FieldType::number, "SECONDS",
     "A token for client credentials lasts; 60 to 86400"},
    {"--network-browsing", "network_browsing", 1, FieldType::on_off, "on|off",
     "May the networks of Jumpoints be browsed? off: an address or a name has to be typed"},
    {"--addresses", "addresses", 1, FieldType::list, "HOST:PORT,…",
     "Of the appliance, the preferred first; every Jump Client and node is told"},
});

struct SiteOptions {
  FieldValues values;
  bool as_json = false;
};

// As it would be typed behind the option.
std::string shown_value(const json::object& site, const Field& field) {
  const json::value* value = site.if_contains(field.api);
  if (value == nullptr) return {};
  if (value->is_bool()) return value->get_bool() ? "on" : "off";
  if (value->is_string()) return std::string(std::string_view(value->get_string()));
  if (!value->is_array()) return std::to_string(number_of(site, field.api).value_or(0));
  std::string text;
  for (const json::value& one : value->get_array()) {
    if (one.is_string()) text += (text.empty() ? "" : ",") + std::string(std::string_view(one.get_string()));
  }
  return text.empty() ? "\"\"" : text;
}

Task<int> show_site(Context& context, bool as_json) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<json::value> site = co_await (*api)->get("/site");
  if (!site) co_return fail(site.error());
  if (as_json) co_return print_json(*site);
  if (!site->is_object()) co_return fail("the appliance's answer makes no sense");
  const json::object& all = site->get_object();
  Details details;
  for (const Field& field : kFields) details.add(field.option + 2, shown_value(all, field));
  details.add("Jump Clients", std::to_string(number_of(all, "agents").value_or(0)) + ", " +
                                  std::to_string(number_of(all, "agents_online").value_or(0)) + " online, " +
                                  std::to_string(number_of(all, "agents_knowing_addresses").value_or(0)) +
                                  " know these addresses");
  co_return print(details.text());
}

Task<int> edit_site(Context& context, SiteOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  auto reading = field_body(**api, kFields, 1, options.values, std::nullopt);
  Result<json::object> body = co_await std::move(reading);
  if (!body) co_return fail(body.error());
  if (body->empty()) {
    note("nothing to change was given; see `jump site edit --help`");
    co_return kWrongUse;
  }
  const Result<json::value> changed = co_await (*api)->patch("/site", std::move(*body));
  if (!changed) co_return fail(changed.error());
  co_return options.as_json ? print_json(*changed) : kDone;
}

}  // namespace

void add_site_commands(CLI::App& app, Chosen& chosen) {
  CLI::App* group = add_group(app, "site", "Settings of the whole site");
  auto as_json = std::make_shared<bool>(false);
  CLI::App* show =
      add_command(*group, "show", "Show them, in the words of `jump site edit`", "jump site show");
  show->add_flag("--json", *as_json, "For programs");
  runs(show, chosen, [as_json](Context& context) { return show_site(context, *as_json); });

  auto options = std::make_shared<SiteOptions>();
  CLI::App* edit = add_command(*group, "edit", "Change them; what is not named stays",
                               "jump site edit --network-browsing off --retention-days 90");
  add_field_options(edit, kFields, 1, options->values);
  edit->add_flag("--json", options->as_json, "Print them as they are now");
  runs(edit, chosen, [options](Context& context) { return edit_site(context, *options); });
}

}  // namespace jump::console
