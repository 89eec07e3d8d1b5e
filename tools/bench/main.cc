// jump-bench: load and measurements, each beside its peer in one run.
#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "common/base/log.h"
#include "common/command_line/command_line.h"
#include "common/tunnel/tls_context.h"
#include "tools/bench/child.h"
#include "tools/bench/commands.h"
#include "tools/bench/measure.h"

namespace {

using namespace jump;
using Command = bench::Report (*)(const bench::Options&);

struct Chosen {
  Command run = nullptr;
  bench::Options options;
  bool json = false;
};

CLI::App* add(CLI::App& app, Chosen& chosen, const char* name, const char* what, const char* example,
              Command command) {
  CLI::App* one = app.add_subcommand(name, what);
  one->footer(std::string("Example: jump-bench ") + example);
  one->callback([&chosen, command] { chosen.run = command; });
  return one;
}

void add_commands(CLI::App& app, Chosen& chosen) {
  bench::Options& options = chosen.options;
  CLI::App* agents = add(app, chosen, "agents",
                         "Connect N agents to a real appliance: memory for each, time for all, API meanwhile",
                         "agents 18000", &bench::agents);
  CLI::App* storm =
      add(app, chosen, "storm",
          "Kill the appliance with N agents connected: time until all are back, full and by PSK, "
          "beside bare handshakes",
          "storm 10000", &bench::storm);
  CLI::App* echo =
      add(app, chosen, "echo", "Round trips of 64 bytes, alone, beside bulk, through the appliance",
          "echo --pings 5000", &bench::echo);
  CLI::App* throughput = add(app, chosen, "throughput",
                             "Bytes a second and CPU for each GB, of the mux alone and through the appliance",
                             "throughput --megabytes 1000 --rounds 7", &bench::throughput);
  CLI::App* outage =
      add(app, chosen, "outage", "A real Jump Client idle, without its appliance, and after its return",
          "outage --seconds 60", &bench::outage);
  CLI::App* zone =
      add(app, chosen, "zone-proxy",
          "The Jump Zone Proxy beside HAProxy, squid and tinyproxy: bytes, CPU, connections, idle "
          "tunnels",
          "zone-proxy --megabytes 2000 --rounds 7", &bench::zone_proxy);
  zone->add_option("--idle", options.idle_tunnels, "Idle tunnels")
      ->capture_default_str()
      ->check(CLI::Range(1, 9000));
  for (CLI::App* one : {agents, storm}) {
    one->add_option("N", options.agents, "Agents, 1 to 18000")->required()->check(CLI::Range(1, 18000));
    one->add_option("--at-once", options.at_once, "Connections under way")
        ->capture_default_str()
        ->check(CLI::Range(1, 2000));
  }
  for (CLI::App* one : {echo, throughput, zone}) {
    one->add_flag("!--no-peers", options.peers, "Leave out the programs of others");
    one->add_option("--rounds", options.rounds, "Interleaved with the peers'; medians count")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
  }
  for (CLI::App* one : {throughput, zone}) {
    one->add_option("--megabytes", options.megabytes, "Moved in each round")
        ->capture_default_str()
        ->check(CLI::Range(1, 100000));
  }
  echo->add_option("--pings", options.pings, "In each round")
      ->capture_default_str()
      ->check(CLI::Range(10, 1000000));
  for (CLI::App* one : {outage, echo, agents}) {
    one->add_option("--seconds", options.seconds,
                    "Of the outage; of ten spells of bulk; of five spells of idling")
        ->capture_default_str()
        ->check(CLI::Range(1, 86400));
  }
}

int run(int argc, char** argv) {
  bench::leave_nothing_when_interrupted();
  tunnel::init_tls();
  log::set_level(log::Level::error);
  CLI::App app("Measures the suite, each figure beside that of a peer in the same run.", "jump-bench");
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(
      "Examples:\n  jump-bench throughput\n  jump-bench agents 18000\n  jump-bench storm 10000 --json > "
      "storm.json\n"
      "Programs that it starts listen on 127.0.0.1 only, keep their files in a temporary folder and end with "
      "it.\n"
      "Exit status: 0, or 1 when something could not be measured. A missed target is no failure.");
  Chosen chosen;
  std::error_code failed;
  chosen.options.programs = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path().string();
  app.add_flag("--json", chosen.json, "JSON instead of a table");
  app.add_option("--programs", chosen.options.programs, "Folder of jump-appliance, jump-client and jump")
      ->capture_default_str();
  add_commands(app, chosen);
  if (const std::optional<int> status = command_line::parse(app, argc, argv)) return *status;
  bench::raise_descriptor_limit();
  const bench::Report report = chosen.run(chosen.options);
  if (chosen.json) {
    std::printf("%s\n", json::serialize(report.to_json()).c_str());
  } else {
    std::printf("%s", report.table().c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return command_line::guarded("jump-bench", 1, &run, argc, argv);
}
