// jumpoint add|edit|delete|redeploy|key|list|nodes|users.
#include <CLI/CLI.hpp>

#include "tools/console/commands/all.h"
#include "tools/console/commands/fields.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/human.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

constexpr std::array kFields = std::to_array<Field>({
    {"--name", "name", 1, FieldType::text, "NAME", "1 to 255 characters"},
    {"--platform", "platform", 1, FieldType::text, "PLATFORM", "linux-x86 or windows-x86"},
    {"--code-name", "code_name", 1, FieldType::text, "NAME", "A-Z a-z 0-9 _ -, at most 64 characters"},
    {"--comments", "comments", 1, FieldType::text, "TEXT", "At most 1024 characters"},
    {"--clustered", "clustered", 1, FieldType::on_off, "on|off", "Several nodes, by the same deployment key"},
    {"--shell-jump", "shell_jump_enabled", 1, FieldType::on_off, "on|off", "SSH and Telnet through it"},
    {"--tunnel-jump", "protocol_tunnel_jump_enabled", 1, FieldType::on_off, "on|off",
     "Tunnel jumps through it"},
    {"--network-id", "external_jump_item_network_id", 1, FieldType::text, "ID",
     "Of assets that stand outside; at most 1024 characters"},
    {"--zone-proxy", "jzp_enabled", 1, FieldType::on_off, "on|off",
     "Jump Zone Proxy: lets endpoints without a route reach the appliance, and nothing else"},
    {"--proxy-host", "jzp_proxy_hostname", 1, FieldType::text, "HOST",
     "Name by which they reach it; \"\": each node finds its own"},
    {"--proxy-port", "jzp_proxy_port", 1, FieldType::number, "PORT", "1 to 65535; 9555"},
    {"--allow-http-get", "jzp_allow_http_get", 1, FieldType::on_off, "on|off",
     "Answer plain HTTP for the appliance by sending it to https"},
});

struct JumpointOptions {
  std::string jumpoint;
  FieldValues values;
  std::optional<bool> enabled;
  std::string deny;
  std::string allow;
  bool no_restriction = false;
  bool as_json = false;
};

Result<void> put_restriction(json::object& body, const JumpointOptions& options) {
  const int given = int{!options.deny.empty()} + int{!options.allow.empty()} + int{options.no_restriction};
  if (given > 1) return Error(Fault::invalid, "give one of --deny, --allow and --no-restriction");
  if (given == 0) return {};
  json::array prefixes;
  if (!options.no_restriction) {
    const Result<std::string> text = read_text_file(options.deny.empty() ? options.allow : options.deny);
    if (!text) return text.error();
    // Comments and blank lines stay: the appliance's faults name the line.
    std::size_t at = 0;
    while (at < text->size()) {
      const std::size_t end = std::min(text->find('\n', at), text->size());
      std::string line = text->substr(at, end - at);
      if (line.ends_with('\r')) line.pop_back();
      prefixes.emplace_back(line);
      at = end + 1;
    }
  }
  // In the words of the API what is listed is excepted.
  body["jzp_client_address_restrictions_type"] = options.no_restriction ? "no_restriction"
                                                 : options.deny.empty() ? "deny_all"
                                                                        : "allow_all";
  body["jzp_restricted_ips"] = std::move(prefixes);
  return {};
}

Task<Result<json::object>> body_of(ApiClient& api, JumpointOptions options) {
  auto reading = field_body(api, kFields, 1, options.values, std::nullopt);
  Result<json::object> body = co_await std::move(reading);
  if (!body) co_return body;
  if (options.enabled) (*body)["enabled"] = *options.enabled;
  const Result<void> fine = put_restriction(*body, options);
  if (!fine) co_return fine.error();
  co_return body;
}

void show_warnings(const json::value& answer) {
  if (!answer.is_object()) return;
  const json::value* warnings = answer.get_object().if_contains("warnings");
  if (warnings == nullptr || !warnings->is_array()) return;
  for (const json::value& one : warnings->get_array()) {
    if (one.is_string()) note("warning: " + printable(std::string_view(one.get_string())));
  }
}

int print_key(const json::value& answer) {
  const std::string key = answer.is_object() ? text_of(answer.get_object(), "key_info") : std::string();
  if (key.empty()) return fail("the appliance's answer has no deployment key in it");
  // Alone on standard output, so that it can be piped; it is a secret.
  return print(key + "\n");
}

Task<int> add_jumpoint(Context& context, JumpointOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  options.values["--name"] = options.jumpoint;
  options.values.try_emplace("--platform", "linux-x86");
  options.values.try_emplace("--shell-jump", "on");
  options.values.try_emplace("--tunnel-jump", "on");
  Result<json::object> body = co_await body_of(**api, options);
  if (!body) co_return fail(body.error());
  const Result<json::value> made = co_await (*api)->post("/jumpoint", std::move(*body));
  if (!made) co_return fail(made.error());
  show_warnings(*made);
  if (options.as_json) co_return print_json(*made);
  const std::int64_t id = made->is_object() ? number_of(made->get_object(), "id").value_or(0) : 0;
  note("Jumpoint " + std::to_string(id) + "; its deployment key: jump jumpoint key " +
       printable(options.jumpoint, 80));
  co_return kDone;
}

Task<int> edit_jumpoint(Context& context, JumpointOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  Result<json::object> body = co_await body_of(**api, options);
  if (!body) co_return fail(body.error());
  if (body->empty()) {
    note("nothing to change was given; see `jump jumpoint edit --help`");
    co_return kWrongUse;
  }
  const Result<std::int64_t> id = co_await jumpoint_id(**api, options.jumpoint);
  if (!id) co_return fail(id.error());
  const Result<json::value> changed =
      co_await (*api)->patch("/jumpoint/" + std::to_string(*id), std::move(*body));
  if (!changed) co_return fail(changed.error());
  show_warnings(*changed);
  co_return options.as_json ? print_json(*changed) : kDone;
}

Task<int> delete_jumpoint(Context& context, std::string name, bool yes) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<std::int64_t> id = co_await jumpoint_id(**api, name);
  if (!id) co_return fail(id.error());
  if (!yes) {
    const std::string question = "Delete Jumpoint " + printable(name, 80) +
                                 "? Its nodes uninstall themselves now or at their next contact.";
    const std::optional<int> status = unless_confirmed(question, "nothing was deleted");
    if (status) co_return *status;
  }
  const Result<json::value> gone = co_await (*api)->remove("/jumpoint/" + std::to_string(*id));
  co_return gone ? kDone : fail(gone.error());
}

Task<int> redeploy_jumpoint(Context& context, std::string name, bool yes) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<std::int64_t> id = co_await jumpoint_id(**api, name);
  if (!id) co_return fail(id.error());
  if (!yes) {
    const std::string question = "Redeploy " + printable(name, 80) +
                                 "? Its present nodes uninstall themselves; assets and settings stay.";
    const std::optional<int> status = unless_confirmed(question, "nothing was changed");
    if (status) co_return *status;
  }
  const std::string path = "/jumpoint/" + std::to_string(*id) + "/redeploy";
  const Result<json::value> done = co_await (*api)->post(path, json::object());
  co_return done ? print_key(*done) : fail(done.error());
}

Task<int> show_key(Context& context, std::string name) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<std::int64_t> id = co_await jumpoint_id(**api, name);
  if (!id) co_return fail(id.error());
  const Result<json::value> one = co_await (*api)->get("/jumpoint/" + std::to_string(*id));
  co_return one ? print_key(*one) : fail(one.error());
}

// --- lists
// --------------------------------------------------------------------------------------------------

std::string abilities_of(const json::object& jumpoint) {
  std::string text;
  for (const auto& [field, word] :
       std::initializer_list<std::pair<const char*, const char*>>{{"shell_jump_enabled", "shell"},
                                                                  {"protocol_tunnel_jump_enabled", "tunnel"},
                                                                  {"jzp_enabled", "zone proxy"},
                                                                  {"clustered", "clustered"}}) {
    if (flag_of(jumpoint, field)) text += (text.empty() ? "" : ", ") + std::string(word);
  }
  return text;
}

Task<int> list_jumpoints(Context& context, bool as_json) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<json::array> rows = co_await (*api)->list("/jumpoint", Query());
  if (!rows) co_return fail(rows.error());
  if (as_json) co_return print_json(*rows);
  Table table({"ID", "NAME", "CODE NAME", "STATE", "NODES", "SESSIONS", "FOR", "COMMENTS"});
  for (const json::value& row : *rows) {
    if (!row.is_object()) continue;
    const json::object& one = row.get_object();
    const bool there = flag_of(one, "connected") || flag_of(one, "online");
    table.add({std::to_string(number_of(one, "id").value_or(0)), text_of(one, "name"),
               text_of(one, "code_name"),
               std::string(there ? "online" : "offline") + (flag_of(one, "enabled") ? "" : ", disabled"),
               std::to_string(number_of(one, "nodes_online").value_or(0)) + " of " +
                   std::to_string(number_of(one, "nodes").value_or(0)),
               std::to_string(number_of(one, "sessions").value_or(0)), abilities_of(one),
               cut_to_width(printable(text_of(one, "comments")), 60)});
  }
  co_return print(table.text());
}

std::string joined(const json::object& object, std::string_view name) {
  std::string text;
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_array()) return text;
  for (const json::value& one : value->get_array()) {
    if (one.is_string()) text += (text.empty() ? "" : " ") + std::string(std::string_view(one.get_string()));
  }
  return text;
}

std::string proxy_text(const json::object& node) {
  const json::value* state = node.if_contains("zone_proxy");
  if (state == nullptr || !state->is_object()) return {};
  const json::object& proxy = state->get_object();
  if (!flag_of(proxy, "listening")) return "closed: " + text_of(proxy, "reason");
  return text_of(proxy, "address") + ", " + std::to_string(number_of(proxy, "tunnels").value_or(0)) +
         " tunnels";
}

struct NodeOptions {
  std::string jumpoint;
  std::string tag_node;
  std::string tag;
  std::string remove;
  std::string drain;
  std::string resume;
  bool as_json = false;
};

Task<int> nodes(Context& context, NodeOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<std::int64_t> id = co_await jumpoint_id(**api, options.jumpoint);
  if (!id) co_return fail(id.error());
  const std::string path = "/jumpoint/" + std::to_string(*id) + "/node";
  if (!options.remove.empty()) {
    const Result<json::value> gone = co_await (*api)->remove(path + "/" + options.remove);
    co_return gone ? kDone : fail(gone.error());
  }
  if (!options.drain.empty() || !options.resume.empty()) {
    const bool drains = !options.drain.empty();
    json::object changes;
    changes["draining"] = drains;
    const Result<json::value> changed =
        co_await (*api)->patch(path + "/" + (drains ? options.drain : options.resume), std::move(changes));
    co_return changed ? kDone : fail(changed.error());
  }
  if (!options.tag_node.empty()) {
    json::object changes;
    changes["tag"] = options.tag;
    const Result<json::value> changed =
        co_await (*api)->patch(path + "/" + options.tag_node, std::move(changes));
    co_return changed ? kDone : fail(changed.error());
  }
  const Result<json::array> rows = co_await (*api)->list(path, Query());
  if (!rows) co_return fail(rows.error());
  if (options.as_json) co_return print_json(*rows);
  Table table({"ID", "HOST", "STATE", "SESSIONS", "ABLE TO", "TAG", "PRIVATE IP", "PUBLIC IP", "SOFTWARE",
               "ZONE PROXY"});
  for (const json::value& row : *rows) {
    if (!row.is_object()) continue;
    const json::object& one = row.get_object();
    const std::optional<std::int64_t> sessions = number_of(one, "sessions");
    table.add({std::to_string(number_of(one, "id").value_or(0)), text_of(one, "hostname"),
               std::string(flag_of(one, "online") ? "online" : "offline") +
                   (flag_of(one, "draining") ? ", draining" : ""),
               sessions ? std::to_string(*sessions) : "", joined(one, "abilities"), text_of(one, "tag"),
               text_of(one, "private_ip"), text_of(one, "public_ip"), text_of(one, "software_version"),
               proxy_text(one)});
  }
  co_return print(table.text());
}

struct UsersOptions {
  std::string jumpoint;
  std::string add;
  std::string remove;
  bool as_json = false;
};

Task<int> users(Context& context, UsersOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const Result<std::int64_t> id = co_await jumpoint_id(**api, options.jumpoint);
  if (!id) co_return fail(id.error());
  const std::string path = "/jumpoint/" + std::to_string(*id) + "/user";
  if (!options.add.empty()) {
    const Result<std::int64_t> user = co_await user_id(**api, options.add);
    if (!user) co_return fail(user.error());
    json::object body;
    body["user_id"] = *user;
    const Result<json::value> added = co_await (*api)->post(path, std::move(body));
    if (!added) co_return fail(added.error());
  }
  if (!options.remove.empty()) {
    const Result<std::int64_t> user = co_await user_id(**api, options.remove);
    if (!user) co_return fail(user.error());
    const Result<json::value> gone = co_await (*api)->remove(path + "/" + std::to_string(*user));
    if (!gone) co_return fail(gone.error());
  }
  if (!options.add.empty() || !options.remove.empty()) co_return kDone;
  const Result<json::array> rows = co_await (*api)->list(path, Query());
  if (!rows) co_return fail(rows.error());
  if (options.as_json) co_return print_json(*rows);
  Table table({"ID", "USER"});
  for (const json::value& row : *rows) {
    if (!row.is_object()) continue;
    table.add({std::to_string(number_of(row.get_object(), "user_id").value_or(0)),
               text_of(row.get_object(), "username")});
  }
  co_return print(table.text());
}

// --- declarations
// -------------------------------------------------------------------------------------------

void add_change(CLI::App& group, Chosen& chosen, bool anew) {
  auto options = std::make_shared<JumpointOptions>();
  CLI::App* one =
      anew ? add_command(group, "add", "Make a Jumpoint", "jump jumpoint add lab --clustered on")
           : add_command(group, "edit", "Change a Jumpoint; its nodes follow at once",
                         "jump jumpoint edit lab --zone-proxy on --proxy-port 9555 --allow tills.txt");
  one->add_option("JUMPOINT", options->jumpoint, anew ? "Its name, 1 to 255 characters" : "Name or id")
      ->required();
  const std::span<const Field> fields(kFields);
  add_field_options(one, anew ? fields.subspan(1) : fields, 1, options->values);
  one->add_option("--deny", options->deny, "Zone proxy: a prefix a line; these are refused")
      ->type_name("FILE");
  one->add_option("--allow", options->allow, "Zone proxy: a prefix a line; only these are let in")
      ->type_name("FILE");
  one->add_flag("--no-restriction", options->no_restriction, "Zone proxy: everybody is let in");
  add_choice(one, "--enable,!--disable", options->enabled,
             "Disabled: it stays connected and refuses new sessions");
  one->add_flag("--json", options->as_json, "Print the Jumpoint as it is now");
  runs(one, chosen, [options, anew](Context& context) {
    return anew ? add_jumpoint(context, *options) : edit_jumpoint(context, *options);
  });
}

using NamedCommand = Task<int> (*)(Context&, std::string, bool);

void add_named(CLI::App& group, Chosen& chosen, const char* name, const char* about, const char* example,
               NamedCommand command) {
  auto jumpoint = std::make_shared<std::string>();
  auto yes = std::make_shared<bool>(false);
  CLI::App* one = add_command(group, name, about, example);
  one->add_option("JUMPOINT", *jumpoint, "Name or id")->required();
  one->add_flag("--yes", *yes, "Do not ask");
  runs(one, chosen, [jumpoint, yes, command](Context& context) { return command(context, *jumpoint, *yes); });
}

}  // namespace

void add_jumpoint_commands(CLI::App& app, Chosen& chosen) {
  CLI::App* group = add_group(app, "jumpoint", "Jumpoints: ways to machines that have nothing installed");
  add_change(*group, chosen, true);
  add_change(*group, chosen, false);
  add_named(*group, chosen, "delete",
            "Delete a Jumpoint on which no assets are; its nodes uninstall themselves",
            "jump jumpoint delete lab --yes", delete_jumpoint);
  add_named(*group, chosen, "redeploy",
            "Let the present nodes uninstall themselves, and print a new deployment key, a secret",
            "jump jumpoint redeploy lab > key.txt", redeploy_jumpoint);
  {
    auto jumpoint = std::make_shared<std::string>();
    CLI::App* one = add_command(*group, "key", "Print the deployment key for its nodes, a secret",
                                "jump jumpoint key lab | ssh gw jumpoint install --key-info-file -");
    one->add_option("JUMPOINT", *jumpoint, "Name or id")->required();
    runs(one, chosen, [jumpoint](Context& context) { return show_key(context, *jumpoint); });
  }
  {
    auto as_json = std::make_shared<bool>(false);
    CLI::App* one = add_command(*group, "list", "List Jumpoints", "jump jumpoint list");
    one->add_flag("--json", *as_json, "For programs");
    runs(one, chosen, [as_json](Context& context) { return list_jumpoints(context, *as_json); });
  }
  {
    auto options = std::make_shared<NodeOptions>();
    CLI::App* one = add_command(*group, "nodes", "List, tag, drain or remove the nodes of a Jumpoint",
                                "jump jumpoint nodes lab");
    one->add_option("JUMPOINT", options->jumpoint, "Name or id")->required();
    CLI::Option* node =
        one->add_option("--node", options->tag_node, "Give this node the --tag")->type_name("ID");
    CLI::Option* tag = one->add_option("--tag", options->tag, "Assets can ask for nodes with it");
    node->needs(tag);
    tag->needs(node);
    one->add_option("--remove", options->remove, "Remove this node: it uninstalls itself")->type_name("ID");
    CLI::Option* drain =
        one->add_option("--drain", options->drain,
                        "This node gets no new sessions; those that run go on. When it has none left its "
                        "machine can be stopped")
            ->type_name("ID");
    one->add_option("--resume", options->resume, "This node takes sessions again")
        ->type_name("ID")
        ->excludes(drain);
    one->add_flag("--json", options->as_json, "For programs");
    runs(one, chosen, [options](Context& context) { return nodes(context, *options); });
  }
  auto options = std::make_shared<UsersOptions>();
  CLI::App* one = add_command(*group, "users", "List, add or remove who may create assets on a Jumpoint",
                              "jump jumpoint users lab --add anna");
  one->add_option("JUMPOINT", options->jumpoint, "Name or id")->required();
  one->add_option("--add", options->add, "Let this user create assets on it")->type_name("USER");
  one->add_option("--remove", options->remove, "Take this user out")->type_name("USER");
  one->add_flag("--json", options->as_json, "For programs");
  runs(one, chosen, [options](Context& context) { return users(context, *options); });
}

}  // namespace jump::console
