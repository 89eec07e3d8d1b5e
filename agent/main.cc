// jump-client: the Jump Client of one endpoint. One program for all of its processes: the first argument says
// which.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "agent/service/kinds.h"
#include "agent/service/service.h"
#include "common/base/log.h"
#include "common/endpoint/session_host.h"
#include "common/endpoint/tunnel_process.h"
#include "common/tunnel/tls_context.h"
#include "platform/files.h"

namespace {

using namespace jump;

constexpr const char* kConfigFile = "/etc/jump-client/jump-client.yaml";

void open_log(const agent::Config& config) {
  log::Level level = log::Level::info;
  log::parse_level(config.log_level, level);
  log::set_level(level);
  if (config.log == "syslog") {
    log::open(log::Sink::syslog, "jump-client");
  } else if (config.log != "stderr") {
    log::open(log::Sink::file, "jump-client", config.log);
  }
}

// The key from a file, or from standard input for "-": it stands in no command line.
Result<std::string> read_key(const std::string& file) {
  const Result<Bytes> bytes = platform::read_file(file == "-" ? "/dev/stdin" : file, 8192);
  if (!bytes) return bytes.error();
  return std::string(as_text(*bytes));
}

struct Options {
  std::string config_file = kConfigFile;
  bool json = false;
  std::string key_info;
  std::string key_info_file;
  identity::EnrollOverrides overrides;
};

void add_install(CLI::App& app, Options& options) {
  auto* install = app.add_subcommand("install", "Enrol this machine with a deployment key");
  install->footer(
      "Example: jump-client install --key-info-file key.txt --name web-01\n"
      "Exit status: 0 enrolled, 10 no address answers, 11 proxy, 12 not this appliance, 13 the key has "
      "expired,\n"
      "14 limit reached, 15 an option that the key does not allow, 16 waits for approval, 17 refused, 1 "
      "other.\n"
      "Installing again on the same machine is a repair: it stays the same asset.");
  install->add_option("--key-info-file", options.key_info_file,
                      "File with the deployment key, - for standard input");
  install->add_option("--key-info", options.key_info,
                      "The deployment key itself; others can see it in the process list");
  install->add_option("--name", options.overrides.name, "Name of the asset (1-128 characters)");
  install->add_option("--group", options.overrides.group, "Asset group, by code name or name");
  install->add_option("--tag", options.overrides.tag, "Tag (0-64 characters)");
  install->add_option("--comments", options.overrides.comments, "Comments (0-1024 characters)");
  install->add_option("--max-offline-minutes", options.overrides.max_offline_minutes,
                      "Removed after being offline for so long; 0: as the site says");
  install->add_flag_callback(
      "--ephemeral", [&options] { options.overrides.ephemeral = true; }, "Removed after 5 minutes offline");
}

int run_install(const agent::Config& config, Options& options) {
  if (options.key_info.empty() == options.key_info_file.empty()) {
    std::fprintf(
        stderr, "jump-client: give the deployment key with --key-info-file FILE (or - for standard input)\n");
    return 2;
  }
  agent::InstallOptions install;
  install.overrides = options.overrides;
  install.json = options.json;
  if (options.key_info.empty()) {
    Result<std::string> key = read_key(options.key_info_file);
    if (!key) {
      std::fprintf(stderr, "jump-client: %s\n", key.error().message().c_str());
      return 1;
    }
    install.key_info = std::move(*key);
  } else {
    std::fprintf(
        stderr,
        "jump-client: warning: a key in the command line can be read by every user of this machine\n");
    install.key_info = options.key_info;
  }
  return agent::install(config, install);
}

}  // namespace

int main(int argc, char** argv) {
  tunnel::init_tls();
  // The two roles that only the supervisor starts; their input is not for people.
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "tunnel") return endpoint::run_tunnel_process();
  if (role == "session") return endpoint::run_session_process(&agent::run_kind);

  CLI::App app(
      "The Jump Client: keeps this machine reachable through its appliance, and listens on nothing.");
  app.require_subcommand(1);
  app.fallthrough();  // before the subcommands are made: they inherit it
  app.set_version_flag("--version", agent::software());
  Options options;
  auto* config_option =
      app.add_option("--config", options.config_file, "Configuration file")->capture_default_str();
  app.add_flag("--json", options.json, "Answer in JSON");
  app.add_subcommand("run", "The service itself (started by systemd)");
  add_install(app, options);
  app.add_subcommand("status", "Which appliance, which route, since when")
      ->footer("Example: jump-client status --json");
  app.add_subcommand("doctor", "Test name lookup, route, proxy, TLS, clock and enrolment");
  app.add_subcommand("uninstall", "Tell the appliance, and remove identity and state from this machine");
  app.add_subcommand("config", "Print the configuration as it is in force");
  CLI11_PARSE(app, argc, argv);

  const Result<agent::Config> config = agent::load_config(options.config_file, config_option->count() > 0);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message().c_str());
    return 2;
  }
  open_log(*config);
  if (app.got_subcommand("run")) return agent::run_service(*config);
  if (app.got_subcommand("install")) return run_install(*config, options);
  if (app.got_subcommand("status")) return agent::show_status(*config, options.json);
  if (app.got_subcommand("doctor")) return agent::doctor(*config, options.json);
  if (app.got_subcommand("uninstall")) return agent::uninstall(*config, options.json);
  std::printf("%s", config::print_config(*config).c_str());
  return 0;
}
