// token create|list|revoke, events.
#include <CLI/CLI.hpp>

#include "tools/console/commands/all.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

constexpr auto kLookAgain = std::chrono::seconds(2);

// --- tokens
// -------------------------------------------------------------------------------------------------

struct TokenOptions {
  std::string name;
  std::optional<std::int64_t> days;
  bool as_json = false;
};

Task<int> create_token(Context& context, TokenOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  json::object body;
  body["name"] = options.name;
  if (options.days) body["valid_days"] = *options.days;
  const Result<json::value> made = co_await (*api)->post("/token", std::move(body));
  if (!made) co_return fail(made.error());
  if (options.as_json) co_return print_json(*made);
  if (!made->is_object()) co_return fail("the appliance's answer is no token");
  note("valid until " + text_of(made->get_object(), "expires_timestamp") + "; it is shown this once");
  co_return print(text_of(made->get_object(), "token") + "\n");
}

Task<int> list_tokens(Context& context, bool as_json) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<json::array> rows = co_await (*api)->list("/token", Query());
  if (!rows) co_return fail(rows.error());
  if (as_json) co_return print_json(*rows);
  Table table({"ID", "KIND", "NAME", "MADE", "VALID UNTIL", "LAST USED", "FROM"});
  for (const json::value& row : *rows) {
    if (!row.is_object()) continue;
    const json::object& one = row.get_object();
    const std::string kind = text_of(one, "kind");
    table.add({std::to_string(number_of(one, "id").value_or(0)),
               flag_of(one, "current") ? kind + " (this one)" : kind, text_of(one, "name"),
               text_of(one, "created_timestamp"), text_of(one, "expires_timestamp"),
               text_of(one, "last_used_timestamp"), text_of(one, "last_address")});
  }
  co_return print(table.text());
}

Task<int> revoke_tokens(Context& context, std::vector<std::int64_t> ids) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  int status = kDone;
  for (const std::int64_t id : ids) {
    const Result<json::value> gone = co_await (*api)->remove("/token/" + std::to_string(id));
    if (!gone) status = fail(wrap(gone.error(), "token " + std::to_string(id)));
  }
  co_return status;
}

// --- events
// -------------------------------------------------------------------------------------------------

struct EventOptions {
  std::vector<std::string> filters;
  std::size_t limit = 100;
  bool follow = false;
  bool as_json = false;
};

std::string event_text(const json::object& event, bool as_json) {
  if (as_json) return json::serialize(event) + "\n";
  const auto field = [&](const char* name) { return printable(text_of(event, name), 256); };
  std::string line = field("timestamp") + "  " + field("what") + "  " + field("who");
  if (const std::string object = field("object"); !object.empty()) line += "  " + object;
  if (const std::string result = field("result"); result != "ok") line += "  " + result;
  if (const std::string text = field("text"); !text.empty()) line += "  " + text;
  if (const std::string source = field("source"); !source.empty()) line += "  from " + source;
  return line + "\n";
}

// Prints them, the oldest first; `last` becomes the highest id.
int show(json::array& rows, bool newest_first, bool as_json, std::int64_t& last) {
  if (newest_first) std::reverse(rows.begin(), rows.end());
  std::string text;
  for (const json::value& row : rows) {
    if (!row.is_object()) continue;
    text += event_text(row.get_object(), as_json);
    last = std::max(last, number_of(row.get_object(), "id").value_or(0));
  }
  return text.empty() ? kDone : print(text);
}

Task<int> events(Context& context, EventOptions options) {
  Query filters;
  for (const std::string& filter : options.filters) {
    const std::size_t equals = filter.find('=');
    if (equals == 0 || equals == std::string::npos) {
      note("--filter '" + printable(filter, 80) + "': FIELD=VALUE is meant, what=login");
      co_return kWrongUse;
    }
    filters.emplace_back(filter.substr(0, equals), filter.substr(equals + 1));
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  Query query = filters;
  query.emplace_back("newest_first", "true");
  Result<json::array> rows = co_await (*api)->list("/event", query, options.limit);
  if (!rows) co_return fail(rows.error());
  std::int64_t last = 0;
  int status = show(*rows, true, options.as_json, last);
  bool away = false;
  while (options.follow && status == kDone) {
    co_await sleep_for(kLookAgain);
    query = filters;
    query.emplace_back("since_id", std::to_string(last));
    rows = co_await (*api)->list("/event", query);
    if (rows) {
      away = false;
      status = show(*rows, false, options.as_json, last);
    } else if (rows.error().is(Fault::unauthenticated) || rows.error().is(Fault::refused)) {
      co_return fail(rows.error());
    } else if (!away) {
      // It comes back; what happened meanwhile is printed then.
      away = true;
      note(rows.error().message() + "; trying again");
    }
  }
  co_return status;
}

}  // namespace

void add_token_commands(CLI::App& app, Chosen& chosen) {
  CLI::App* group = add_group(app, "token", "Tokens of your own, for programs");
  {
    auto options = std::make_shared<TokenOptions>();
    CLI::App* one = add_command(*group, "create", "Make a token and print it, once",
                                "jump token create backup-script --days 90");
    one->add_option("NAME", options->name, "What it is for, 1 to 128 characters")->required();
    one->add_option("--days", options->days, "How long it is valid; as the site says when it is left out");
    one->add_flag("--json", options->as_json, "For programs");
    runs(one, chosen, [options](Context& context) { return create_token(context, *options); });
  }
  {
    auto as_json = std::make_shared<bool>(false);
    CLI::App* one = add_command(*group, "list", "List your tokens and log-ins", "jump token list");
    one->add_flag("--json", *as_json, "For programs");
    runs(one, chosen, [as_json](Context& context) { return list_tokens(context, *as_json); });
  }
  auto ids = std::make_shared<std::vector<std::int64_t>>();
  CLI::App* one = add_command(*group, "revoke", "Void tokens at once", "jump token revoke 12");
  one->add_option("ID", *ids, "Of the tokens")->required();
  runs(one, chosen, [ids](Context& context) { return revoke_tokens(context, *ids); });
}

void add_event_commands(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<EventOptions>();
  CLI::App* one = add_command(app, "events", "What was done: who, what, when, from where, with which result",
                              "jump events --follow --filter what=session.start");
  one->add_option("--filter", options->filters, "what, who or object=VALUE; several add up")
      ->type_name("FIELD=VALUE");
  one->add_option("--limit", options->limit, "The last so many")->capture_default_str();
  one->add_flag("--follow", options->follow, "And what comes later, until Ctrl-C");
  one->add_flag("--json", options->as_json, "One JSON object a line");
  runs(one, chosen, [options](Context& context) { return events(context, *options); });
}

}  // namespace jump::console
