// agents N: what N idle agents cost a real appliance, and how it does meanwhile.
#include "tools/bench/api_probe.h"
#include "tools/bench/commands.h"
#include "tools/bench/fleet.h"
#include "tools/bench/measure.h"

namespace jump::bench {
namespace {

constexpr double kSettle = 3;  // seconds, for reports to be stored and buffers to be given back
constexpr std::size_t kEnrolAtOnce = 16;

double milliseconds_of(double seconds) {
  return seconds * 1e3;
}

}  // namespace

Report agents(const Options& options) {
  Report report("agents " + std::to_string(options.agents));
  const Scratch scratch;
  Appliance appliance(options.programs, scratch / "appliance");
  Fleet fleet(appliance);
  say("enrolling " + std::to_string(options.agents) + " agents");
  const double enrol_start = wall_time();
  fleet.enrol(options.agents, kEnrolAtOnce);
  const double enrolling = wall_time() - enrol_start;
  // A fresh process: what enrolment left behind is no agent's.
  appliance.stop();
  appliance.start();
  pause_for(1);
  ApiProbe probe(appliance);
  pause_for(1);
  const std::vector<double> calm = probe.take();
  const ProcessUse before = must(use_of(appliance.pid()));
  say("connecting");
  const Fleet::Outcome outcome = fleet.connect(Fleet::Proof::certificate, options.at_once,
                                               60 + static_cast<double>(options.agents) / 100);
  const std::vector<double> busy = probe.take();
  const double cpu = cpu_of(appliance.pid()) - before.cpu;
  pause_for(kSettle);
  const ProcessUse after = must(use_of(appliance.pid()));
  probe.take();
  pause_for(std::max(2.0, options.seconds / 5));
  const ProcessUse later = must(use_of(appliance.pid()));
  const std::vector<double> idle = probe.take();
  if (outcome.back < options.agents) {
    report.note(std::to_string(options.agents - outcome.back) +
                " agents did not connect: " + outcome.last_trouble);
  }
  if (const std::string trouble = probe.trouble(); !trouble.empty()) report.note("the API: " + trouble);

  const auto count = static_cast<double>(std::max<std::size_t>(outcome.back, 1));
  const auto each = [&](std::uint64_t then, std::uint64_t now) {
    return static_cast<double>(now > then ? now - then : 0) / 1024 / count;
  };
  report.add({"idle agent, resident memory of the appliance", "KiB", each(before.resident, later.resident),
              "", 0, Target{23, 4, false}});
  report.add(
      {"idle agent, proportional memory", "KiB", each(before.proportional, later.proportional), "", 0, {}});
  report.add(
      {"the appliance with all of them", "MiB", static_cast<double>(later.resident) / (1 << 20), "", 0, {}});
  report.add({"time until all are connected", "s", outcome.seconds, "", 0, {}});
  report.add({"connected a second", "", count / outcome.seconds, "", 0, {}});
  report.add({"appliance CPU for each that connects", "µs", cpu / count * 1e6, "", 0, {}});
  report.add({"agents' CPU for each that connects", "µs", outcome.own_cpu / count * 1e6, "", 0, {}});
  report.add({"appliance CPU with idle agents",
              "%",
              (later.cpu - after.cpu) / std::max(2.0, options.seconds / 5) * 100,
              "",
              0,
              {}});
  report.add({"asset search, p50, while they connect",
              "ms",
              milliseconds_of(median(busy)),
              "before",
              milliseconds_of(median(calm)),
              {}});
  report.add({"asset search, p99, while they connect",
              "ms",
              milliseconds_of(percentile(busy, 0.99)),
              "before",
              milliseconds_of(percentile(calm, 0.99)),
              {}});
  report.add({"asset search, p50, with all idle",
              "ms",
              milliseconds_of(median(idle)),
              "before",
              milliseconds_of(median(calm)),
              {}});
  report.add({"enrolled a second", "", static_cast<double>(options.agents) / enrolling, "", 0, {}});
  return report;
}

}  // namespace jump::bench
