// throughput: bytes a second and CPU seconds for each GB, of one stream in one direction.
#include "tools/bench/commands.h"
#include "tools/bench/direct_pair.h"
#include "tools/bench/fleet.h"
#include "tools/bench/measure.h"
#include "tools/bench/streams.h"
#include "tools/bench/way.h"

namespace jump::bench {
namespace {

struct Series {
  std::vector<double> rates;   // MB/s
  std::vector<double> costs;   // CPU seconds a GB of this process: both ends together
  std::vector<double> relays;  // of what stands in between

  template <typename Move, typename Cpu>
  void measure(std::uint64_t bytes, Move move, Cpu relay_cpu) {
    const double relay = relay_cpu();
    const double cpu = own_cpu();
    const double start = wall_time();
    move();
    const double seconds = wall_time() - start;
    const double gigabytes = static_cast<double>(bytes) / 1e9;
    rates.push_back(gigabytes * 1000 / seconds);
    costs.push_back((own_cpu() - cpu) / gigabytes);
    relays.push_back((relay_cpu() - relay) / gigabytes);
  }
  void measure(Way& way, std::uint64_t bytes) {
    measure(bytes, [&] { way.move(bytes); }, [&] { return way.relay_cpu(); });
  }
};

double nothing() {
  return 0;
}

void move_over_mux(DirectPair& pair, DirectPair::StreamPair& streams, std::uint64_t bytes) {
  auto received = pair.endpoint().start(receive_bytes(*streams.endpoint, bytes));
  must(pair.console().run(send_bytes(*streams.console, bytes)));
  must(received.get());
}

void move_over_tls(Worker& sender, Worker& receiver, Connected& both, std::uint64_t bytes) {
  auto received = receiver.start(receive_bytes(*both.server, bytes));
  must(sender.run(send_bytes(*both.client, bytes)));
  must(received.get());
}

// The mux by itself, and the TLS under it.
void add_ends(Report& report, const Site& site, const Options& options) {
  const std::uint64_t bytes = options.megabytes * 1'000'000;
  const Credentials own = site.issue(1);
  const Scratch scratch;
  std::string trouble;
  const std::unique_ptr<Way> raw = peer_way(Relay::none_tls, site, scratch, trouble);
  DirectPair pair(site, own);
  DirectPair::StreamPair streams = pair.open();
  Worker sender;
  Worker receiver;
  Connected bare = connect(sender, site.client(own), receiver, site.server());
  Series of_raw;
  Series of_mux;
  Series of_tls;
  for (int round = 0; round < options.rounds; ++round) {
    of_raw.measure(*raw, bytes);
    of_mux.measure(bytes, [&] { move_over_mux(pair, streams, bytes); }, nothing);
    of_tls.measure(bytes, [&] { move_over_tls(sender, receiver, bare, bytes); }, nothing);
  }
  pair.close(std::move(streams));
  sender.call([&] { bare.client.reset(); });
  receiver.call([&] { bare.server.reset(); });
  const std::string peer = "raw OpenSSL, 64 KiB";
  report.add({"mux, 1 stream, bytes a second", "MB/s", median(of_mux.rates), peer, median(of_raw.rates),
              Target{1.10, 1.35}});
  report.add(
      {"mux, 1 stream, CPU of both ends a GB", "s", median(of_mux.costs), peer, median(of_raw.costs), {}});
  report.add(
      {"TLS without mux, bytes a second", "MB/s", median(of_tls.rates), peer, median(of_raw.rates), {}});
  report.add(
      {"TLS without mux, CPU of both ends a GB", "s", median(of_tls.costs), peer, median(of_raw.costs), {}});
}

// The way tunnel process → appliance → console beside what else relays.
void add_ways(Report& report, const Site& site, const Options& options) {
  const std::uint64_t bytes = options.megabytes * 1'000'000;
  const Scratch scratch;
  Appliance appliance(options.programs, scratch / "appliance");
  Fleet fleet(appliance);
  fleet.enrol(1, 1);
  fleet.connect(Fleet::Proof::certificate, 1, 20);
  const std::unique_ptr<Way> ours = appliance_way(appliance, fleet);
  struct Peer {
    Relay relay;
    std::optional<Target> rate;
    std::optional<Target> cpu;
    std::unique_ptr<Scratch> scratch;
    std::unique_ptr<Way> way;
    Series series;
  };
  std::vector<Peer> peers;
  if (options.peers) {
    peers.push_back({Relay::haproxy, Target{0.95, 1.15}, Target{0.95, 0.68, false}, {}, {}, {}});
    peers.push_back({Relay::ssh, Target{1.0, 1.2}, Target{0.65, 0.50, false}, {}, {}, {}});
    peers.push_back({Relay::stunnel, {}, {}, {}, {}, {}});
  }
  for (Peer& peer : peers) {
    peer.scratch = std::make_unique<Scratch>();
    std::string trouble;
    peer.way = peer_way(peer.relay, site, *peer.scratch, trouble);
    if (!peer.way) report.note(trouble);
  }
  std::erase_if(peers, [](const Peer& peer) { return !peer.way; });
  Series series;
  for (int round = 0; round < options.rounds; ++round) {
    series.measure(*ours, bytes);
    for (Peer& peer : peers) peer.series.measure(*peer.way, bytes);
  }
  if (peers.empty()) {
    report.add({"through the appliance, bytes a second", "MB/s", median(series.rates), "", 0, {}});
    report.add({"appliance CPU a GB", "s", median(series.relays), "", 0, {}});
  }
  for (const Peer& peer : peers) {
    report.add({"through the appliance, bytes a second", "MB/s", median(series.rates), peer.way->name(),
                median(peer.series.rates), peer.rate});
    report.add({"appliance CPU a GB", "s", median(series.relays), peer.way->name(),
                median(peer.series.relays), peer.cpu});
  }
}

}  // namespace

Report throughput(const Options& options) {
  Report report("throughput");
  const Site site;
  add_ends(report, site, options);
  add_ways(report, site, options);
  return report;
}

}  // namespace jump::bench
