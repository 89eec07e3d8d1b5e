// asset add|edit|copy|remove|host-keys.
#include <CLI/CLI.hpp>

#include "tools/console/commands/all.h"
#include "tools/console/commands/fields.h"
#include "tools/console/session/asker.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

constexpr unsigned kClient = 1;
constexpr unsigned kShell = 2;
constexpr unsigned kTunnel = 4;
constexpr unsigned kBehind = kShell | kTunnel;  // a Jumpoint
constexpr unsigned kAll = kClient | kBehind;

unsigned bit_of(AssetKind kind) {
  return kind == AssetKind::jump_client ? kClient : kind == AssetKind::shell_jump ? kShell : kTunnel;
}

constexpr std::array kFields = std::to_array<Field>({
    {"--name", "name", kAll, FieldType::text, "NAME", "1 to 128 characters"},
    {"--jumpoint", "jumpoint_id", kBehind, FieldType::jumpoint, "JUMPOINT", "Through which it is reached"},
    {"--group", "jump_group_id", kAll, FieldType::group, "GROUP", "Asset group that it belongs to"},
    {"--host", "hostname", kBehind, FieldType::text, "HOST",
     "Name or address in the Jumpoint's network, 1 to 128 characters"},
    {"--protocol", "protocol", kShell, FieldType::text, "PROTOCOL", "ssh or telnet"},
    {"--port", "port", kShell, FieldType::number, "PORT", "1 to 65535; 22 for ssh, 23 for telnet"},
    {"--ports", "tunnel_definitions", kTunnel, FieldType::text, "PORTS",
     "Local and remote ports in turn: \"8080;80;8443;443\"; local port 0 is chosen"},
    {"--listen", "tunnel_listen_address", kTunnel, FieldType::text, "ADDRESS",
     "127.x.x.x, where consoles listen; 127.0.0.1"},
    {"--type", "tunnel_type", kTunnel, FieldType::text, "TYPE", "tcp, mssql or k8s"},
    {"--user", "username", kBehind, FieldType::text, "NAME", "User name there, at most 128 characters"},
    {"--credential", "vault_account_id", kShell, FieldType::credential, "CREDENTIAL",
     "Stored credential that logs in: see `jump credential list`; none takes it away"},
    {"--terminal", "terminal", kShell, FieldType::text, "TYPE", "xterm or VT100"},
    {"--keep-alive", "keep_alive", kShell, FieldType::number, "SECONDS", "0 to 300; 0 is off"},
    {"--legacy-algorithms", "legacy_algorithms", kShell, FieldType::on_off, "on|off",
     "SSH: algorithms that are not safe any more, for old machines"},
    {"--environment", "environment", kShell, FieldType::file_lines, "FILE", "NAME=VALUE lines to send"},
    {"--node", "node_id", kBehind, FieldType::node, "NODE",
     "Only this node of the Jumpoint, host name or id; none takes it away"},
    {"--node-tag", "node_tag", kBehind, FieldType::text, "TAG", "Only nodes with this tag"},
    {"--filter", "filter_mode", kShell, FieldType::text, "MODE",
     "Command filter of SSH shells: off, report or enforce"},
    {"--filter-prompt", "filter_prompt", kShell, FieldType::text, "PATTERN",
     "Regular expression for the shell's prompt"},
    {"--filter-allow", "filter_allow", kShell, FieldType::file_lines, "FILE",
     "Regular expressions of whole commands, a line each; an empty file allows all"},
    {"--filter-deny", "filter_deny", kShell, FieldType::file_lines, "FILE",
     "The same for what is refused; wins over the other"},
    {"--login-prompt", "login_prompt_username", kShell, FieldType::text, "PATTERN",
     "Telnet: how the question for the user name ends"},
    {"--password-prompt", "login_prompt_password", kShell, FieldType::text, "PATTERN",
     "Telnet: how the question for the password ends"},
    {"--login-seconds", "login_prompt_seconds", kShell, FieldType::number, "SECONDS",
     "Telnet: how long these are waited for"},
    {"--database", "database", kTunnel, FieldType::text, "NAME", "mssql: at most 128 characters"},
    {"--url", "url", kTunnel, FieldType::text, "URL", "k8s: of the API server"},
    {"--ca-certificates", "ca_certificates", kTunnel, FieldType::file_text, "FILE", "k8s: PEM"},
    {"--tag", "tag", kAll, FieldType::text, "TAG", "At most 64 characters; \"\" takes it away"},
    {"--comments", "comments", kAll, FieldType::text, "TEXT", "At most 1024 characters"},
    {"--max-offline-minutes", "max_offline_minutes", kClient, FieldType::number, "MINUTES",
     "0: as the site says"},
});

// --- add
// ----------------------------------------------------------------------------------------------------

struct AddOptions {
  AssetKind kind = AssetKind::shell_jump;
  std::string name;
  FieldValues values;
  bool as_json = false;
};

Task<int> add_asset(Context& context, AddOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  options.values["--name"] = options.name;
  auto reading = field_body(**api, kFields, bit_of(options.kind), std::move(options.values), std::nullopt);
  Result<json::object> body = co_await std::move(reading);
  if (!body) co_return fail(body.error());
  const Result<json::value> made = co_await (*api)->post(path_of(options.kind), std::move(*body));
  if (!made) co_return fail(made.error());
  if (options.as_json) co_return print_json(*made);
  const std::int64_t id = made->is_object() ? number_of(made->get_object(), "id").value_or(0) : 0;
  note("asset " + std::to_string(id));
  co_return kDone;
}

void add_one_kind(CLI::App& group, Chosen& chosen, AssetKind kind, const std::string& about,
                  const std::string& example) {
  auto options = std::make_shared<AddOptions>();
  options->kind = kind;
  CLI::App* one = add_command(group, std::string(name_of(kind)), about, example);
  one->add_option("NAME", options->name, "1 to 128 characters")->required();
  add_field_options(one, std::span(kFields).subspan(1), bit_of(kind), options->values);
  for (const char* needed : {"--jumpoint", "--group", "--host"}) one->get_option(needed)->required();
  if (kind == AssetKind::tunnel) one->get_option("--ports")->required();
  if (kind == AssetKind::shell_jump) options->values["--protocol"] = "ssh";
  one->add_flag("--json", options->as_json, "Print the asset");
  runs(one, chosen, [options](Context& context) { return add_asset(context, *options); });
}

void add_add(CLI::App& parent, Chosen& chosen) {
  CLI::App* group = add_group(parent, "add", "Make an asset behind a Jumpoint");
  add_one_kind(
      *group, chosen, AssetKind::shell_jump,
      "A machine that is reached by SSH or Telnet through a Jumpoint; nothing is installed on it",
      "jump asset add shell-jump switch-1 --jumpoint lab --group network --host 10.0.0.2 --user admin");
  add_one_kind(
      *group, chosen, AssetKind::tunnel,
      "Ports of a machine that are reached through a Jumpoint: see `jump tunnel`",
      "jump asset add tunnel db --jumpoint lab --group servers --host 10.0.0.9 --ports \"5433;5432\"");
}

// --- edit
// ---------------------------------------------------------------------------------------------------

struct EditOptions {
  std::string asset;
  FieldValues values;
  std::optional<bool> disabled;
  bool as_json = false;
};

Task<int> edit_asset(Context& context, EditOptions options) {
  if (options.values.empty() && !options.disabled) {
    note("nothing to change was given; see `jump asset edit --help`");
    co_return kWrongUse;
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const PickedAsset picked = co_await pick_asset(**api, options.asset);
  if (!picked.asset) co_return picked.status;
  const AssetKind kind = picked.asset->kind;
  auto reading = field_body(**api, kFields, bit_of(kind), std::move(options.values),
                            number_of(picked.asset->all, "jumpoint_id"));
  Result<json::object> changes = co_await std::move(reading);
  if (!changes) co_return fail(changes.error());
  if (options.disabled) {
    if (kind != AssetKind::jump_client) {
      co_return fail("only Jump Clients are disabled one by one; see `jump jumpoint edit --disable`");
    }
    (*changes)["disabled"] = *options.disabled;
  }
  const Result<json::value> changed =
      co_await (*api)->patch(path_of(kind, picked.asset->names.id), std::move(*changes));
  if (!changed) co_return fail(changed.error());
  co_return options.as_json ? print_json(*changed) : kDone;
}

void add_edit(CLI::App& group, Chosen& chosen) {
  auto options = std::make_shared<EditOptions>();
  CLI::App* one = add_command(group, "edit", "Change an asset; which options there are, its kind says",
                              "jump asset edit web-01 --tag production");
  one->add_option("ASSET", options->asset, "Id, name or group/name")->required();
  add_field_options(one, kFields, kAll, options->values);
  add_choice(one, "--disable,!--enable", options->disabled, "Refuse a Jump Client, or let it in again");
  one->add_flag("--json", options->as_json, "Print the asset as it is now");
  runs(one, chosen, [options](Context& context) { return edit_asset(context, *options); });
}

// --- copy
// ---------------------------------------------------------------------------------------------------

Task<int> copy_asset(Context& context, std::string wanted, std::string group) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const PickedAsset picked = co_await pick_asset(**api, wanted);
  if (!picked.asset) co_return picked.status;
  const Result<std::int64_t> into = co_await group_id(**api, group);
  if (!into) co_return fail(into.error());
  json::object body;
  body["jump_group_id"] = *into;
  body["jump_group_type"] = "shared";
  const std::string path = path_of(picked.asset->kind, picked.asset->names.id) + "/copy";
  const Result<json::value> made = co_await (*api)->post(path, std::move(body));
  if (!made) co_return fail(made.error());
  const std::int64_t id = made->is_object() ? number_of(made->get_object(), "destId").value_or(0) : 0;
  note("asset " + std::to_string(id));
  co_return kDone;
}

void add_copy(CLI::App& parent, Chosen& chosen) {
  auto asset = std::make_shared<std::string>();
  auto group = std::make_shared<std::string>();
  CLI::App* one =
      add_command(parent, "copy",
                  "Copy an asset into another group: the same machine, for other people. A stored "
                  "credential goes along when an administrator copies",
                  "jump asset copy web-01 --group operations");
  one->add_option("ASSET", *asset, "Id, name or group/name")->required();
  one->add_option("--group", *group, "Asset group that the copy belongs to")->required();
  runs(one, chosen, [asset, group](Context& context) { return copy_asset(context, *asset, *group); });
}

// --- remove
// -------------------------------------------------------------------------------------------------

struct RemoveOptions {
  std::vector<std::string> assets;
  bool yes = false;
};

// All are found before the first is removed.
Task<int> remove_assets(Context& context, RemoveOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  std::vector<Asset> found;
  bool clients = false;
  for (const std::string& wanted : options.assets) {
    PickedAsset picked = co_await pick_asset(**api, wanted);
    if (!picked.asset) co_return picked.status;
    clients = clients || picked.asset->kind == AssetKind::jump_client;
    found.push_back(std::move(*picked.asset));
  }
  if (!options.yes) {
    std::string names;
    for (const Asset& asset : found) names += (names.empty() ? "" : ", ") + printable(asset.full_name(), 80);
    const std::string question =
        "Remove " + names + "?" +
        (clients ? " Each Jump Client uninstalls itself now or at its next contact." : "");
    const std::optional<int> refused = unless_confirmed(question, "nothing was removed");
    if (refused) co_return *refused;
  }
  int status = kDone;
  for (const Asset& asset : found) {
    const Result<json::value> gone = co_await (*api)->remove(path_of(asset.kind, asset.names.id));
    if (!gone) status = fail(wrap(gone.error(), asset.full_name()));
  }
  co_return status;
}

// --- host keys
// ----------------------------------------------------------------------------------------------

struct HostKeyOptions {
  std::string asset;
  std::string set;
  bool clear = false;
  bool as_json = false;
};

std::vector<std::string> keys_of(const json::object& asset) {
  std::vector<std::string> keys;
  const json::value* value = asset.if_contains("host_keys");
  if (value == nullptr || !value->is_array()) return keys;
  for (const json::value& one : value->get_array()) {
    if (one.is_string()) keys.emplace_back(std::string_view(one.get_string()));
    if (one.is_object()) keys.push_back(text_of(one.get_object(), "key"));
  }
  return keys;
}

// As ssh-keyscan prints them, or without the host: "ssh-ed25519 AAAA…" is kept.
Result<json::array> keys_from(const std::string& path) {
  const Result<std::string> text = read_text_file(path);
  if (!text) return text.error();
  json::array keys;
  for (const std::string& line : lines_of(*text)) {
    std::string key = line;
    if (key_fingerprint(key).empty()) {
      const std::size_t space = key.find(' ');
      key = space == std::string::npos ? std::string() : key.substr(space + 1);
    }
    if (key_fingerprint(key).empty()) {
      return Error(Fault::invalid, path + ": '" + printable(line, 60) + "' is no host key");
    }
    // Without the comment behind it.
    keys.emplace_back(key.substr(0, key.find(' ', key.find(' ') + 1)));
  }
  if (keys.empty()) return Error(Fault::invalid, path + ": there is no host key in it");
  return keys;
}

Task<int> host_keys(Context& context, HostKeyOptions options) {
  if (options.clear && !options.set.empty()) {
    note("give --set or --clear, not both");
    co_return kWrongUse;
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  const PickedAsset picked = co_await pick_asset(**api, options.asset);
  if (!picked.asset) co_return picked.status;
  if (picked.asset->kind != AssetKind::shell_jump) {
    co_return fail(printable(picked.asset->names.name, 128) + " has no host keys: it is no Shell Jump");
  }
  const std::string path = path_of(picked.asset->kind, picked.asset->names.id);
  if (options.clear || !options.set.empty()) {
    json::object changes;
    changes["host_keys"] = json::array();
    if (!options.clear) {
      Result<json::array> keys = keys_from(options.set);
      if (!keys) co_return fail(keys.error());
      changes["host_keys"] = std::move(*keys);
    }
    const Result<json::value> changed = co_await (*api)->patch(path, std::move(changes));
    co_return changed ? kDone : fail(changed.error());
  }
  const Result<Asset> asset = co_await fetch_asset(**api, picked.asset->kind, picked.asset->names.id);
  if (!asset) co_return fail(asset.error());
  if (options.as_json) {
    const json::value* keys = asset->all.if_contains("host_keys");
    co_return print_json(keys != nullptr ? *keys : json::value(json::array()));
  }
  std::string text;
  for (const std::string& key : keys_of(asset->all)) text += key_fingerprint(key) + "\n";
  co_return print(text);
}

}  // namespace

void add_asset_edit_commands(CLI::App& app, Chosen& chosen) {
  CLI::App* group = add_group(app, "asset", "Add, change or remove assets");
  add_add(*group, chosen);
  add_edit(*group, chosen);
  add_copy(*group, chosen);
  {
    auto options = std::make_shared<HostKeyOptions>();
    CLI::App* one = add_command(
        *group, "host-keys", "SSH host keys that are known of a machine behind a Jumpoint: show, set, clear",
        "ssh-keyscan switch-1 | jump asset host-keys switch-1 --set -");
    one->add_option("ASSET", options->asset, "Id, name or group/name")->required();
    one->add_option("--set", options->set, "File with keys as in known_hosts; - is standard input")
        ->type_name("FILE");
    one->add_flag("--clear", options->clear, "Forget them: the next session asks whether its key is right");
    one->add_flag("--json", options->as_json, "For programs");
    runs(one, chosen, [options](Context& context) { return host_keys(context, *options); });
  }
  auto options = std::make_shared<RemoveOptions>();
  CLI::App* one = add_command(*group, "remove", "Remove assets: each Jump Client uninstalls itself",
                              "jump asset remove web-01 --yes");
  one->add_option("ASSET", options->assets, "Id, name or group/name")->required();
  one->add_flag("--yes", options->yes, "Do not ask");
  runs(one, chosen, [options](Context& context) { return remove_assets(context, *options); });
}

}  // namespace jump::console
