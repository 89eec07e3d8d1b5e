// outage: a real Jump Client while it idles, while its appliance is away, and when that comes back.
#include <sys/stat.h>

#include <csignal>
#include <optional>

#include "platform/files.h"
#include "tools/bench/appliance.h"
#include "tools/bench/commands.h"
#include "tools/bench/measure.h"

namespace jump::bench {
namespace {

constexpr double kOnlineTime = 30;  // seconds, to come online for the first time
constexpr double kReturnTime = 90;  // the longest pause between two tries, and some
constexpr double kSettling = 12;    // until it has given back what the start needed
constexpr double kMiB = 1024 * 1024;

// All resident processes of the client together.
struct ClientUse {
  ProcessUse sum;
  std::size_t processes = 0;
};
ClientUse use_of_family(int pid) {
  ClientUse use;
  for (const int one : family_of(pid)) {
    const Result<ProcessUse> part = use_of(one);
    if (!part) continue;
    use.sum.cpu += part->cpu;
    use.sum.resident += part->resident;
    use.sum.proportional += part->proportional;
    use.sum.descriptors += part->descriptors;
    use.sum.wake_ups += part->wake_ups;
    ++use.processes;
  }
  return use;
}

class Client {
 public:
  Client(const Appliance& appliance, const Scratch& scratch)
      : program_(appliance.programs() + "/jump-client"), config_(scratch / "client.yaml") {
    const std::string key = scratch / "key";
    const identity::DeploymentKey deployment = appliance.deployment_key();
    must(platform::write_file(key, must(identity::format_deployment_key(deployment)).reveal(), 0600));
    const std::string text = "data: " + (scratch / "client") + "\nrun: " + (scratch / "run") + "\n";
    must(platform::write_file(config_, as_bytes(text), 0600));
    must(run_program({program_, "--config", config_, "install", "--key-info-file", key}));
    process_ = must(Child::start({{program_, "--config", config_, "run"}, {}, scratch / "client.log"}));
  }
  ~Client() { process_.stop(); }

  int pid() const { return process_.pid(); }
  bool online() const { return run_program({program_, "--config", config_, "status"}).has_value(); }
  // Seconds until it is; nothing: not within `limit`.
  std::optional<double> wait_until_online(double limit) const {
    const double start = wall_time();
    while (!online()) {
      if (wall_time() - start > limit) return std::nullopt;
      pause_for(0.05);
    }
    return wall_time() - start;
  }
  const std::string& program() const { return program_; }

 private:
  std::string program_;
  std::string config_;
  Child process_;
};

void add_file_size(Report& report, const std::string& program, const Scratch& scratch) {
  const std::string stripped = scratch / "stripped";
  const Result<std::string> done = run_program({"strip", "-o", stripped, program});
  struct stat status{};
  if (!done || ::stat(stripped.c_str(), &status) != 0) {
    report.note("file size: " + (done ? std::string("no file") : done.error().message()));
    return;
  }
  report.add({"jump-client, file without symbols", "MiB", static_cast<double>(status.st_size) / kMiB, "", 0,
              Target{6, {}, false}});
}

}  // namespace

Report outage(const Options& options) {
  Report report("outage");
  const Scratch scratch;
  Appliance appliance(options.programs, scratch / "appliance");
  Client client(appliance, scratch);
  if (!client.wait_until_online(kOnlineTime))
    give_up(Error(Fault::timed_out, "the Jump Client does not come online"));
  pause_for(kSettling);
  const double idle_time = std::max(2.0, options.seconds / 2);
  say("idle for " + std::to_string(static_cast<int>(idle_time)) + " s");
  const ClientUse calm = use_of_family(client.pid());
  pause_for(idle_time);
  const ClientUse before = use_of_family(client.pid());
  say("without its appliance for " + std::to_string(static_cast<int>(options.seconds)) + " s");
  appliance.kill();
  pause_for(options.seconds);
  const ClientUse away = use_of_family(client.pid());
  appliance.start();
  say("waiting for its return");
  const std::optional<double> back = client.wait_until_online(kReturnTime);
  pause_for(kSettling);
  const ClientUse after = use_of_family(client.pid());

  report.add({"idle client, " + std::to_string(before.processes) + " processes, proportional memory", "MiB",
              static_cast<double>(before.sum.proportional) / kMiB, "", 0, Target{8, {}, false}});
  report.add({"idle client, wake-ups a minute",
              "",
              static_cast<double>(before.sum.wake_ups - calm.sum.wake_ups) / idle_time * 60,
              "",
              0,
              {}});
  report.add({"idle client, CPU", "%", (before.sum.cpu - calm.sum.cpu) / idle_time * 100, "", 0, {}});
  add_file_size(report, client.program(), scratch);
  const auto mib = [](const ClientUse& use) { return static_cast<double>(use.sum.resident) / kMiB; };
  report.add({"resident memory during the outage", "MiB", mib(away), "before", mib(before), {}});
  report.add({"resident memory after it", "MiB", mib(after), "before", mib(before), {}});
  const auto descriptors = [](const ClientUse& use) { return static_cast<double>(use.sum.descriptors); };
  report.add({"descriptors during the outage", "", descriptors(away), "before", descriptors(before), {}});
  report.add({"descriptors after it", "", descriptors(after), "before", descriptors(before), {}});
  report.add(
      {"CPU for a minute of outage", "s", (away.sum.cpu - before.sum.cpu) / options.seconds * 60, "", 0, {}});
  if (back) {
    report.add({"online after the appliance's return", "s", *back, "", 0, {}});
  } else {
    report.note("not online " + std::to_string(static_cast<int>(kReturnTime)) +
                " s after the appliance's return");
  }
  return report;
}

}  // namespace jump::bench
