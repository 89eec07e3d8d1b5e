// storm N: the appliance is killed with N agents connected, and started again. How long until all are back?
#include "tools/bench/api_probe.h"
#include "tools/bench/commands.h"
#include "tools/bench/fleet.h"
#include "tools/bench/handshakes.h"
#include "tools/bench/measure.h"

namespace jump::bench {
namespace {

constexpr std::size_t kEnrolAtOnce = 16;

struct Storm {
  double start = 0;    // until the appliance listens
  double seconds = 0;  // from its start until the last is welcomed
  double cpu = 0;      // of the appliance
  Fleet::Outcome outcome;
};

Storm raise_storm(Appliance& appliance, Fleet& fleet, Fleet::Proof proof, const Options& options) {
  appliance.kill();
  if (!wait_until([&] { return fleet.online() == 0; }, 30)) {
    give_up(Error(Fault::internal, "tunnels outlive their appliance"));
  }
  Storm storm;
  const double begin = wall_time();
  storm.start = appliance.start();
  storm.outcome = fleet.connect(proof, options.at_once, 60 + static_cast<double>(options.agents) / 100);
  storm.seconds = wall_time() - begin;
  storm.cpu = cpu_of(appliance.pid());
  return storm;
}

void add_storm(Report& report, const std::string& how, const Storm& storm, double bare,
               const Options& options, Target target) {
  const auto count = static_cast<double>(options.agents);
  // The target is of 10,000.
  if (options.agents < 10000) {
    target.must *= count / 10000;
    report.note("target scaled down to " + std::to_string(options.agents) + " agents");
  }
  report.add({"all back, " + how, "s", storm.seconds, "", 0, target});
  report.add({"all back, " + how, "s", storm.seconds, "bare handshakes", bare, {}});
  report.add({"appliance CPU for each, " + how, "µs", storm.cpu / count * 1e6, "", 0, {}});
  report.add({"agents' CPU for each, " + how, "µs", storm.outcome.own_cpu / count * 1e6, "", 0, {}});
  if (storm.outcome.back < options.agents) {
    report.note(std::to_string(options.agents - storm.outcome.back) +
                " did not come back: " + storm.outcome.last_trouble);
  }
}

void add_handshakes(Report& report, const Options& options) {
  const Site site;
  const std::size_t count = std::min<std::size_t>(options.agents, 2000);
  std::vector<double> full;
  std::vector<double> cached;
  std::vector<double> psk;
  std::vector<double> arithmetic;
  for (int round = 0; round < 3; ++round) {
    arithmetic.push_back(handshake_arithmetic());
    full.push_back(shake_hands(site, Handshake::full_uncached, count, 16).server_cpu);
    cached.push_back(shake_hands(site, Handshake::full, count, 16).server_cpu);
    psk.push_back(shake_hands(site, Handshake::psk, count, 16).server_cpu);
  }
  const std::string floor = "arithmetic alone";
  report.add({"full handshakes a second and core", "", 1 / median(full), floor, 1 / median(arithmetic),
              Target{0.42, {}}});
  report.add({"the same, certificate known", "", 1 / median(cached), floor, 1 / median(arithmetic),
              Target{0.53, {}}});
  report.add({"by PSK, a second and core", "", 1 / median(psk), "full", 1 / median(full), Target{2.5, {}}});
  report.add({"by PSK, a second and core, sockets included", "", 1 / median(psk), "", 0, Target{5000, {}}});
}

}  // namespace

Report storm(const Options& options) {
  Report report("storm " + std::to_string(options.agents));
  add_handshakes(report, options);
  const Scratch scratch;
  Appliance appliance(options.programs, scratch / "appliance");
  Fleet fleet(appliance);
  say("enrolling " + std::to_string(options.agents) + " agents");
  fleet.enrol(options.agents, kEnrolAtOnce);
  say("connecting");
  const Fleet::Outcome first = fleet.connect(Fleet::Proof::certificate, options.at_once,
                                             60 + static_cast<double>(options.agents) / 100);
  if (first.back < options.agents)
    give_up(Error(Fault::unavailable, "not all agents connect: " + first.last_trouble));
  const Site site;
  say("first storm, full handshakes");
  const double bare_full =
      shake_hands(site, Handshake::full_uncached, options.agents, options.at_once).seconds;
  const Storm full = raise_storm(appliance, fleet, Fleet::Proof::certificate, options);
  say("second storm, by PSK");
  const double bare_psk = shake_hands(site, Handshake::psk, options.agents, options.at_once).seconds;
  const Storm psk = raise_storm(appliance, fleet, Fleet::Proof::psk, options);
  add_storm(report, "full handshakes", full, bare_full, options, Target{8, {}, false});
  add_storm(report, "by PSK", psk, bare_psk, options, Target{3.5, {}, false});
  report.add({"of it until the appliance listens", "s", full.start, "", 0, {}});
  return report;
}

}  // namespace jump::bench
