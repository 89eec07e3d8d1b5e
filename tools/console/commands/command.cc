#include "tools/console/commands/command.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "common/base/file_path.h"
#include "tools/console/terminal/terminal.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

constexpr std::size_t kPasswordFileBytes = 4096;

std::optional<std::int64_t> as_id(const std::string& text) {
  std::int64_t id = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
  return failed == std::errc() && end == text.data() + text.size() && id > 0 ? std::optional(id)
                                                                             : std::nullopt;
}

// The one object whose `field` is `name`; names beat numbers, for a group may be called "7".
Task<Result<std::int64_t>> id_by(ApiClient& api, std::string path, std::string field, std::string name,
                                 std::string what) {
  Query query{{field, name}};
  const Result<json::array> found = co_await api.list(path, std::move(query), 2);
  if (!found) co_return found.error();
  if (found->size() == 1 && found->front().is_object()) {
    const std::optional<std::int64_t> id = number_of(found->front().get_object(), "id");
    if (id) co_return *id;
  }
  if (const std::optional<std::int64_t> id = as_id(name)) co_return *id;
  co_return Error(Fault::not_found,
                  "there is no " + what + " '" + printable(name, 80) + "', or it is not yours to see");
}

}  // namespace

std::string Context::software() const {
  return std::string("jump ") + kVersion;
}

Result<std::unique_ptr<ApiClient>> Context::api() const {
  const Result<Login> login = home_.login();
  if (!login) return login.error();
  const Result<identity::HostPort> address = parse_address(login->address);
  if (!address) return wrap(address.error(), "stored log-in");
  const Result<TrustPtr> trust = Trust::of_login(home_, *login);
  if (!trust) return trust.error();
  return std::make_unique<ApiClient>(*address, *trust, std::string(login->token.reveal_text()));
}

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& about,
                      const std::string& example) {
  CLI::App* app = parent.add_subcommand(name, about);
  app->footer("Example:\n  " + example);
  return app;
}

CLI::App* add_group(CLI::App& parent, const std::string& name, const std::string& about) {
  CLI::App* app = parent.add_subcommand(name, about);
  app->require_subcommand(1, 1);
  return app;
}

void runs(CLI::App* app, Chosen& chosen, Command command) {
  app->callback([&chosen, command = std::move(command)] { chosen.command = command; });
}

void add_choice(CLI::App* app, const std::string& flags, std::optional<bool>& choice,
                const std::string& about) {
  app->add_flag_function(flags, [&choice](std::int64_t times) { choice = times > 0; }, about);
}

int print(std::string_view text) {
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (written) return kDone;
  // Whoever read it has gone: as a program that a signal ends.
  if (errno == EPIPE) return status_of_signal("PIPE");
  return fail(system_error("standard output"));
}

int print_json(const json::value& value) {
  return print(json::serialize(value) + "\n");
}

int fail(const Error& error) {
  return fail(error.message());
}

int fail(std::string_view text) {
  note(text);
  return kJumpFailed;
}

void note(std::string_view text) {
  std::string line = "jump: " + std::string(text);
  // One line, whatever it was put together from.
  std::ranges::replace(line, '\n', ' ');
  line += '\n';
  static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
}

std::optional<int> unless_confirmed(const std::string& question, std::string_view otherwise) {
  const Result<std::string> answer = ask_line(question + " [yes/no] ");
  if (!answer) {
    fail("no terminal to ask on: give --yes");
    return kWrongUse;
  }
  if (*answer != "yes") return fail(otherwise);
  return std::nullopt;
}

Task<PickedAsset> pick_asset(ApiClient& api, std::string wanted) {
  Result<std::vector<Asset>> found = co_await find_assets(api, wanted);
  PickedAsset picked;
  if (!found) {
    picked.status = fail(found.error());
  } else if (found->size() == 1) {
    picked.asset = std::move(found->front());
  } else {
    note(std::to_string(found->size()) + " assets match '" + printable(wanted, 80) +
         "'; give the id or group/name:");
    Table table({"ID", "NAME", "KIND", "HOST NAME", "STATE"});
    for (const Asset& asset : *found) {
      table.add({std::to_string(asset.names.id), asset.full_name(), std::string(name_of(asset.kind)),
                 asset.names.hostname, asset.state});
    }
    std::cerr << table.text();
    picked.status = kWrongUse;
  }
  co_return picked;
}

Result<Secret> read_password_file(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(file_path(path));
    if (!file) return system_error("open " + path);
  }
  std::istream& from = path == "-" ? std::cin : file;
  std::string line;
  if (!std::getline(from, line)) return Error(Fault::invalid, path + ": there is no password in it");
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.size() > kPasswordFileBytes)
    return Error(Fault::too_large, path + ": the first line is longer than 4096 bytes");
  Secret secret{std::string_view(line)};
  wipe(line.data(), line.size());
  return secret;
}

Task<Result<std::int64_t>> user_id(ApiClient& api, std::string name) {
  return id_by(api, "/user", "username", std::move(name), "user");
}
Task<Result<std::int64_t>> group_id(ApiClient& api, std::string name) {
  return id_by(api, "/jump-group", "name", std::move(name), "group");
}
Task<Result<std::int64_t>> role_id(ApiClient& api, std::string name) {
  return id_by(api, "/jump-item-role", "name", std::move(name), "role");
}
Task<Result<std::int64_t>> jumpoint_id(ApiClient& api, std::string name) {
  return id_by(api, "/jumpoint", "name", std::move(name), "Jumpoint");
}
Task<Result<std::int64_t>> credential_id(ApiClient& api, std::string name) {
  return id_by(api, "/vault/account", "name", std::move(name), "credential");
}

}  // namespace jump::console
