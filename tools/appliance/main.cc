// jump-appliance: the one address that everybody dials.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include <CLI/CLI.hpp>

#include "common/base/log.h"
#include "common/command_line/command_line.h"
#include "common/tunnel/tls_context.h"
#include "platform/files.h"
#include "tools/appliance/server/commands.h"
#include "tools/appliance/server/server.h"

namespace {

using namespace jump;

constexpr const char* kConfigFile = "/etc/jump-appliance/jump-appliance.yaml";

struct Options {
  std::string config_file = kConfigFile;
  std::string data;
  bool json = false;
  std::string admin = "admin";
  std::string secret_file;  // password or passphrase
  std::vector<std::string> addresses;
  std::vector<std::string> listen;
  std::string ready_file;
  std::string file;
  std::string action;
  std::string value;
};

Result<Secret> read_secret(const std::string& file) {
  Result<Bytes> bytes = platform::read_file(file == "-" ? "/dev/stdin" : file, 4096);
  if (!bytes) return bytes.error();
  while (!bytes->empty() && (bytes->back() == '\n' || bytes->back() == '\r')) bytes->pop_back();
  if (bytes->empty()) return Error(Fault::invalid, file + " is empty");
  return Secret(std::move(*bytes));
}

void open_log(const appliance::Config& config) {
  log::Level level = log::Level::info;
  log::parse_level(config.log_level, level);
  log::set_level(level);
  if (config.log == "syslog") {
    log::open(log::Sink::syslog, "jump-appliance");
  } else if (config.log != "stderr") {
    log::open(log::Sink::file, "jump-appliance", config.log);
  }
}

void add_commands(CLI::App& app, Options& options) {
  auto* init = app.add_subcommand("init", "Make keys, database and the first administrator");
  init->footer("Example: jump-appliance init --address jump.example.org:443 --password-file pw.txt");
  init->add_option("--address", options.addresses, "What agents dial, HOST:PORT; may be given up to 16 times")
      ->required();
  init->add_option("--admin", options.admin, "Name of the first administrator")->capture_default_str();
  init->add_option("--password-file", options.secret_file, "Its password, - for standard input")->required();
  auto* serve = app.add_subcommand("serve", "Serve tunnels, pages and the API");
  serve->footer(
      "Example: jump-appliance serve --listen 0.0.0.0:8443\nSIGTERM drains and stops, SIGHUP reads CA and "
      "settings again.");
  serve->add_option("--listen", options.listen,
                    "ADDRESS:PORT instead of the configured ones; port 0 is chosen");
  serve->add_option("--ready-file", options.ready_file, "Written with the listening addresses when ready");
  app.add_subcommand("doctor", "Check keys, database, disk, CA and addresses");
  for (const char* name : {"backup", "restore"}) {
    auto* one =
        app.add_subcommand(name, name == std::string("backup") ? "Seal keys and database into one file"
                                                               : "Unseal a backup into an empty data folder");
    one->footer(std::string("Example: jump-appliance ") + name + " jump.backup --passphrase-file pass.txt");
    one->add_option("file", options.file, "The backup")->required();
    one->add_option("--passphrase-file", options.secret_file, "Its passphrase, - for standard input")
        ->required();
  }
  auto* address = app.add_subcommand("address", "Addresses that agents dial, and how many know them");
  address->footer("Example: jump-appliance address add jump2.example.org:443");
  address->add_option("action", options.action, "list, add or remove")
      ->required()
      ->check(CLI::IsMember({"list", "add", "remove"}));
  address->add_option("address", options.value, "HOST:PORT");
  auto* ca = app.add_subcommand("ca", "Change the site's CA without stranding an agent");
  ca->footer(
      "Example: jump-appliance ca prepare   (wait until all agents hold it)   jump-appliance ca promote   "
      "jump-appliance ca retire PIN");
  ca->add_option("action", options.action, "show, prepare, promote or retire")
      ->required()
      ->check(CLI::IsMember({"show", "prepare", "promote", "retire"}));
  ca->add_option("pin", options.value, "For retire: pin of the CA that is to be forgotten");
  app.add_subcommand("config", "Print the configuration as it is in force");
}

int complain(const Error& error) {
  std::fprintf(stderr, "jump-appliance: %s\n", error.message().c_str());
  return 1;
}

int run_backup(const CLI::App& app, const appliance::Config& config, const Options& options) {
  const Result<Secret> passphrase = read_secret(options.secret_file);
  if (!passphrase) return complain(passphrase.error());
  if (app.got_subcommand("backup")) return appliance::backup(config, options.file, *passphrase);
  return appliance::restore(config, options.file, *passphrase);
}

int run(CLI::App& app, const appliance::Config& config, const Options& options) {
  if (app.got_subcommand("serve")) {
    const Result<int> lock = appliance::lock_data(config);
    if (!lock) return complain(lock.error());
    appliance::ServeOptions serve;
    serve.config = config;
    serve.ready_file = options.ready_file;
    return appliance::serve(serve);
  }
  if (app.got_subcommand("backup") || app.got_subcommand("restore")) return run_backup(app, config, options);
  // A password's file may be root's alone.
  Result<Secret> password = Secret();
  if (app.got_subcommand("init")) password = read_secret(options.secret_file);
  if (!password) return complain(password.error());
  const Result<platform::ActingAs> acting = appliance::act_as_owner(config);
  if (!acting) return complain(acting.error());
  if (app.got_subcommand("doctor")) return appliance::doctor(config, options.json);
  if (app.got_subcommand("address"))
    return appliance::address(config, options.action, options.value, options.json);
  if (app.got_subcommand("ca")) return appliance::ca(config, options.action, options.value, options.json);
  if (app.got_subcommand("config")) {
    std::printf("%s", config::print_config(config).c_str());
    return 0;
  }
  appliance::InitOptions init{options.admin, std::move(*password), options.addresses, options.json};
  return appliance::init(config, init);
}

int run_command_line(int argc, char** argv) {
  tunnel::init_tls();
  CLI::App app("The appliance: holds assets, users and recordings, and relays every session.",
               "jump-appliance");
  app.require_subcommand(1);
  app.fallthrough();  // before the subcommands are made: they inherit it
  app.set_version_flag("--version", std::string("jump-appliance ") + appliance::kVersion);
  Options options;
  auto* config_option =
      app.add_option("--config", options.config_file, "Configuration file")->capture_default_str();
  app.add_option("--data", options.data, "Data folder instead of the configured one");
  app.add_flag("--json", options.json, "Answer in JSON");
  add_commands(app, options);
  if (const std::optional<int> status = command_line::parse(app, argc, argv)) return *status;
  appliance::Config config;
  if (config_option->count() > 0 || ::access(options.config_file.c_str(), R_OK) == 0) {
    Result<appliance::Config> read = config::read_config<appliance::Config>(options.config_file);
    if (!read) {
      std::fprintf(stderr, "%s\n", read.error().message().c_str());
      return 2;
    }
    config = std::move(*read);
  }
  if (!options.data.empty()) config.data = options.data;
  if (!options.listen.empty()) config.listen = options.listen;
  open_log(config);
  return run(app, config, options);
}

}  // namespace

int main(int argc, char** argv) {
  return command_line::guarded("jump-appliance", 1, &run_command_line, argc, argv);
}
