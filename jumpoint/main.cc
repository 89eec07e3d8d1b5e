// jumpoint: one node of a Jumpoint. One program for all of its processes: the first argument says which.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "common/command_line/command_line.h"
#include "common/endpoint/session_host.h"
#include "common/endpoint/tunnel_process.h"
#include "common/endpoint/wake/wake_helper.h"
#include "common/tunnel/tls_context.h"
#include "jumpoint/browse/sweep.h"
#include "jumpoint/proxy/process.h"
#include "jumpoint/service/config.h"
#include "jumpoint/service/kinds.h"
#include "platform/files.h"
#include "platform/paths.h"

namespace {

using namespace jump;

struct Options {
  std::string config_file = platform::program_paths("jumpoint").config + "/jumpoint.yaml";
  bool json = false;
  endpoint::InstallOptions install;
};

void add_commands(CLI::App& app, Options& options) {
  app.add_subcommand("run", "The service itself (started by the service manager)");
  auto* install = app.add_subcommand("install", "Make this machine a node of a Jumpoint, with its key");
  install->footer(
      "Example: jumpoint install --key-info-file key.txt\n"
      "Exit status: 0 enrolled, 10 no address answers, 11 proxy, 12 not this appliance, 13 the key has "
      "expired,\n"
      "14 the Jumpoint is not clustered and has a node, 16 waits for approval, 17 refused, 2 wrong usage,\n1 "
      "other.\n"
      "The same key on further machines makes them nodes of the same, clustered Jumpoint.");
  install->add_option("--key-info-file", options.install.key_info_file,
                      "File with the deployment key, - for standard input");
  install->add_option("--key-info", options.install.key_info,
                      "The deployment key itself; others can see it in the process list");
  install->add_flag("--no-start", options.install.no_start,
                    "Leave the service as it is; it starts with the machine");
  app.add_subcommand("status", "Which appliance, which route, since when")
      ->footer("Example: jumpoint status --json");
  app.add_subcommand("doctor", "Test name lookup, route, proxy, TLS, clock, enrolment and abilities");
  app.add_subcommand("uninstall", "Tell the appliance, and remove identity and state from this machine");
  app.add_subcommand("config", "Print the configuration as it is in force");
}

int run_command(const CLI::App& app, const jumpoint::Config& config, Options& options) {
  if (app.got_subcommand("config")) {
    std::printf("%s", config::print_config(config).c_str());
    return 0;
  }
  const endpoint::ServiceSpec service = jumpoint::service_of(config);
  options.install.json = options.json;
  if (app.got_subcommand("run")) return endpoint::run_service(service);
  if (app.got_subcommand("install")) return endpoint::install(service, options.install);
  if (app.got_subcommand("status")) return endpoint::show_status(service, options.json);
  if (app.got_subcommand("doctor")) return endpoint::doctor(service, options.json);
  return endpoint::uninstall(service, options.json);
}

int run(int argc, char** argv) {
  // The roles that only the supervisor starts; their input is not for people.
  const std::string_view role = argc > 1 ? argv[1] : "";
  tunnel::init_tls();
  if (role == "tunnel") return endpoint::run_tunnel_process();
  if (role == "proxy") return proxy::run_proxy_process();
  if (role == "wake") return endpoint::run_wake_process();
  if (role == "browse") return browse::run_browse_process();
  if (role == "session") return endpoint::run_session_process(&jumpoint::run_kind, endpoint::Reach::by_door);

  CLI::App app(
      "One node of a Jumpoint: reaches machines of its network for representatives, and listens on "
      "nothing but a Jump Zone Proxy's port.",
      "jumpoint");
  app.require_subcommand(1);
  app.fallthrough();  // before the subcommands are made: they inherit it
  app.set_version_flag("--version", std::string("jumpoint ") + endpoint::kVersion);
  Options options;
  auto* config_option =
      app.add_option("--config", options.config_file, "Configuration file")->capture_default_str();
  app.add_flag("--json", options.json, "Answer in JSON");
  add_commands(app, options);
  if (const std::optional<int> status = command_line::parse(app, argc, argv)) return *status;

  if (const Result<void> ours = platform::refuse_foreign_file(options.config_file); !ours) {
    std::fprintf(stderr, "%s\n", ours.error().message().c_str());
    return 2;
  }
  const Result<jumpoint::Config> config =
      jumpoint::load_config(options.config_file, config_option->count() > 0);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message().c_str());
    return 2;
  }
  endpoint::open_log(*config, "jumpoint");
  return run_command(app, *config, options);
}

}  // namespace

int main(int argc, char** argv) {
  return command_line::guarded("jumpoint", 1, &run, argc, argv);
}
