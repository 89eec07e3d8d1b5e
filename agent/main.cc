// jump-client: the Jump Client of one endpoint. One program for all of its processes: the first argument says
// which.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "agent/service/config.h"
#include "agent/service/kinds.h"
#include "common/command_line/command_line.h"
#include "common/endpoint/session_host.h"
#include "common/endpoint/tunnel_process.h"
#include "common/endpoint/wake/wake_helper.h"
#include "common/tunnel/tls_context.h"
#include "platform/files.h"
#include "platform/paths.h"

namespace {

using namespace jump;

struct Options {
  std::string config_file = platform::program_paths("jump-client").config + "/jump-client.yaml";
  bool json = false;
  endpoint::InstallOptions install;
};

void add_install(CLI::App& app, Options& options) {
  auto* install = app.add_subcommand("install", "Enrol this machine with a deployment key");
  install->footer(
      "Example: jump-client install --key-info-file key.txt --name web-01\n"
      "Exit status: 0 enrolled, 10 no address answers, 11 proxy, 12 not this appliance, 13 the key has "
      "expired,\n"
      "14 limit reached, 15 an option that the key does not allow, 16 waits for approval, 17 refused, "
      "18 not online in time,\n"
      "2 wrong usage, 1 other.\n"
      "Where the service manager knows the service, it is started; on Windows it is made known.\n"
      "Installing again on the same machine is a repair: it stays the same asset.");
  install->add_option("--key-info-file", options.install.key_info_file,
                      "File with the deployment key, - for standard input");
  install->add_option("--key-info", options.install.key_info,
                      "The deployment key itself; others can see it in the process list");
  install->add_option("--name", options.install.overrides.name, "Name of the asset (1-128 characters)");
  install->add_option("--group", options.install.overrides.group, "Asset group, by code name or name");
  install->add_option("--tag", options.install.overrides.tag, "Tag (0-64 characters)");
  install->add_option("--comments", options.install.overrides.comments, "Comments (0-1024 characters)");
  install->add_option("--max-offline-minutes", options.install.overrides.max_offline_minutes,
                      "Removed after being offline for so long; 0: as the site says");
  install->add_flag_callback(
      "--ephemeral", [&options] { options.install.overrides.ephemeral = true; },
      "Removed after 5 minutes offline");
  install->add_option("--session-user", options.install.session_user,
                      "Sessions run as this user, where the configuration file names none");
  install->add_flag("--no-start", options.install.no_start,
                    "Leave the service as it is; it starts with the machine");
  install
      ->add_option("--wait", options.install.wait_seconds,
                   "Wait until the service is online, at most so many seconds")
      ->expected(0, 1)
      ->default_str("60")
      ->check(CLI::Range(1, 3600));
}

int run(int argc, char** argv) {
  tunnel::init_tls();
  // The roles that only the supervisor starts; their input is not for people.
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "tunnel") return endpoint::run_tunnel_process();
  if (role == "session") return endpoint::run_session_process(&agent::run_kind);
  if (role == "wake") return endpoint::run_wake_process();

  CLI::App app("The Jump Client: keeps this machine reachable through its appliance, and listens on nothing.",
               "jump-client");
  app.require_subcommand(1);
  app.fallthrough();  // before the subcommands are made: they inherit it
  app.set_version_flag("--version", endpoint::software(agent::service_of(agent::Config())));
  Options options;
  auto* config_option =
      app.add_option("--config", options.config_file, "Configuration file")->capture_default_str();
  app.add_flag("--json", options.json, "Answer in JSON");
  app.add_subcommand("run", "The service itself (started by the service manager)");
  add_install(app, options);
  app.add_subcommand("status", "Which appliance, which route, since when")
      ->footer("Example: jump-client status --json");
  app.add_subcommand("doctor", "Test name lookup, route, proxy, TLS, clock and enrolment");
  app.add_subcommand("uninstall", "Tell the appliance, and remove identity and state from this machine");
  app.add_subcommand("config", "Print the configuration as it is in force");
  if (const std::optional<int> status = command_line::parse(app, argc, argv)) return *status;

  if (const Result<void> ours = platform::refuse_foreign_file(options.config_file); !ours) {
    std::fprintf(stderr, "%s\n", ours.error().message().c_str());
    return 2;
  }
  const Result<agent::Config> config = agent::load_config(options.config_file, config_option->count() > 0);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message().c_str());
    return 2;
  }
  endpoint::open_log(*config, "jump-client");
  const endpoint::ServiceSpec service = agent::service_of(*config);
  options.install.json = options.json;
  if (app.got_subcommand("run")) return endpoint::run_service(service);
  if (app.got_subcommand("install")) return endpoint::install(service, options.install);
  if (app.got_subcommand("status")) return endpoint::show_status(service, options.json);
  if (app.got_subcommand("doctor")) return endpoint::doctor(service, options.json);
  if (app.got_subcommand("uninstall")) return endpoint::uninstall(service, options.json);
  std::printf("%s", config::print_config(*config).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return command_line::guarded("jump-client", 1, &run, argc, argv);
}
