// zone-proxy: the Jump Zone Proxy beside HAProxy (which relays to one place without being asked), squid and
// tinyproxy: connections, bytes, CPU, memory of idle tunnels. All are started at once and measured in turn.
#include <functional>
#include <stdexcept>

#include "tools/bench/commands.h"
#include "tools/bench/measure.h"
#include "tools/bench/site.h"
#include "tools/bench/zone_load.h"
#include "tools/bench/zone_peers.h"

namespace jump::bench {
namespace {

constexpr std::size_t kManyTunnels = 64;
constexpr std::size_t kClients = 16;
constexpr double kConnectSeconds = 2;

struct Series {
  std::unique_ptr<ZoneProxy> proxy;
  std::vector<double> connects;
  std::vector<double> connect_cpu;  // microseconds each
  std::vector<double> rate_one;     // MB/s
  std::vector<double> rate_many;
  std::vector<double> cpu_one;  // seconds a GB
  std::vector<double> cpu_many;
  double idle = 0;  // KiB each
};

void measure_bytes(Series& of, std::size_t streams, std::uint64_t bytes, std::vector<double>& rates,
                   std::vector<double>& costs) {
  const double cpu = cpu_of(of.proxy->pid());
  const double seconds = fetch_at_once(of.proxy->entry(), streams, bytes);
  const double gigabytes = static_cast<double>(bytes) / 1e9;
  rates.push_back(gigabytes * 1000 / seconds);
  costs.push_back((cpu_of(of.proxy->pid()) - cpu) / gigabytes);
}

void measure_connections(Series& of) {
  const double cpu = cpu_of(of.proxy->pid());
  const double rate = connections_a_second(of.proxy->entry(), kClients, kConnectSeconds);
  of.connects.push_back(rate);
  of.connect_cpu.push_back((cpu_of(of.proxy->pid()) - cpu) * 1e6 / (rate * kConnectSeconds));
}

// After the bytes: buffers that a proxy keeps for later tunnels are no tunnel's.
void measure_idle(Series& of, std::size_t tunnels) {
  const auto memory = [&] { return static_cast<double>(must(use_of(of.proxy->pid())).proportional); };
  const double before = memory();
  std::vector<int> sockets;
  while (sockets.size() < tunnels) sockets.push_back(dial_through(of.proxy->entry()));
  // HAProxy accepts and dials behind our back: the server's last answer says that all are there.
  for (const int socket : sockets) fetch(socket, 1);
  of.idle = (memory() - before) / 1024 / static_cast<double>(tunnels);
  for (const int socket : sockets) close_socket(socket);
}

void add_rows(Report& report, const Series& ours, const Series& peer, ZoneKind kind) {
  const bool copying = kind == ZoneKind::haproxy_copying;
  const bool splicing = kind == ZoneKind::haproxy_splicing;
  const std::string name = peer.proxy->name();
  const std::optional<Target> rate = copying    ? std::optional(Target{1.5, {}})
                                     : splicing ? std::optional(Target{1.15, {}})
                                                : std::nullopt;
  const std::optional<Target> cost = copying ? std::optional(Target{0.33, {}, false}) : std::nullopt;
  const auto add = [&](const char* what, const char* unit, double own, double other,
                       std::optional<Target> target) { report.add({what, unit, own, name, other, target}); };
  add("bytes a second, 1 tunnel", "MB/s", median(ours.rate_one), median(peer.rate_one), rate);
  add("bytes a second, 64 tunnels", "MB/s", median(ours.rate_many), median(peer.rate_many), rate);
  add("CPU for each GB, 1 tunnel", "s", median(ours.cpu_one), median(peer.cpu_one), cost);
  add("CPU for each GB, 64 tunnels", "s", median(ours.cpu_many), median(peer.cpu_many), cost);
  add("connect, 1 KiB, close", "1/s", median(ours.connects), median(peer.connects), {});
  add("the same, CPU each", "µs", median(ours.connect_cpu), median(peer.connect_cpu), {});
  add("idle tunnel, user space", "KiB", ours.idle, peer.idle, {});
}

}  // namespace

Report zone_proxy(const Options& options) {
  Report report("zone-proxy");
  const ZoneServer server;
  std::vector<Series> all;
  for (const ZoneKind kind : {ZoneKind::ours, ZoneKind::haproxy_copying, ZoneKind::haproxy_splicing,
                              ZoneKind::squid, ZoneKind::tinyproxy}) {
    if (kind != ZoneKind::ours && !options.peers) break;
    std::unique_ptr<ZoneProxy> proxy = ZoneProxy::start(kind, options.programs, server.port());
    if (proxy) {
      all.emplace_back().proxy = std::move(proxy);
    } else {
      report.note("a peer is not installed: see tools/setup --tests");
    }
  }
  const std::uint64_t bytes = options.megabytes * 1'000'000;
  for (int round = 0; round < options.rounds; ++round) {
    for (Series& one : all) {
      say(std::string(one.proxy->name()) + ", round " + std::to_string(round + 1));
      measure_bytes(one, 1, bytes, one.rate_one, one.cpu_one);
      measure_bytes(one, kManyTunnels, bytes, one.rate_many, one.cpu_many);
      measure_connections(one);
    }
  }
  for (Series& one : all) {
    say(std::string(one.proxy->name()) + ", " + std::to_string(options.idle_tunnels) + " idle tunnels");
    try {
      measure_idle(one, options.idle_tunnels);
    } catch (const std::runtime_error& error) {
      report.note(std::string(one.proxy->name()) + " did not hold the idle tunnels: " + error.what());
    }
  }
  const Series& ours = all.front();
  report.add({"idle tunnel, user space, at " + std::to_string(options.idle_tunnels), "KiB", ours.idle, "", 0,
              Target{3.5, 2.0, false}});
  if (all.size() == 1) {
    report.add({"bytes a second, 1 tunnel", "MB/s", median(ours.rate_one), "", 0, {}});
    report.add({"bytes a second, 64 tunnels", "MB/s", median(ours.rate_many), "", 0, {}});
    report.add({"CPU for each GB, 1 tunnel", "s", median(ours.cpu_one), "", 0, {}});
    report.add({"connect, 1 KiB, close", "1/s", median(ours.connects), "", 0, {}});
  }
  for (std::size_t i = 1; i < all.size(); ++i) add_rows(report, ours, all[i], all[i].proxy->kind());
  report.note("HAProxy is not asked by CONNECT: a round trip and a parser less for each connection");
  return report;
}

}  // namespace jump::bench
