// echo: how long 64 bytes take there and back, alone and beside bulk.
#include <thread>

#include "tools/bench/commands.h"
#include "tools/bench/direct_pair.h"
#include "tools/bench/fleet.h"
#include "tools/bench/measure.h"
#include "tools/bench/streams.h"
#include "tools/bench/way.h"

namespace jump::bench {
namespace {

constexpr int kBulkStreams = 4;
constexpr double kMicro = 1e6;

void append(std::vector<double>& to, const std::vector<double>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// Four streams that send as fast as they can, while they live.
class Bulk {
 public:
  explicit Bulk(DirectPair& pair) : pair_(pair), totals_(kBulkStreams) {
    for (int i = 0; i < kBulkStreams; ++i) streams_.push_back(pair.open());
    for (std::size_t i = 0; i < kBulkStreams; ++i) {
      counting_.push_back(pair.endpoint().start(count(*streams_[i].endpoint, totals_[i])));
      sending_.push_back(pair.console().start(send(*streams_[i].console, stop_)));
    }
  }
  ~Bulk() {
    pair_.console().call([&] { stop_ = true; });
    for (auto& one : sending_) one.wait();
    for (auto& one : counting_) one.wait();
    for (auto& one : streams_) pair_.close(std::move(one));
  }
  std::uint64_t total() {
    return pair_.endpoint().call([&] {
      std::uint64_t sum = 0;
      for (const std::uint64_t one : totals_) sum += one;
      return sum;
    });
  }

 private:
  static Task<bool> count(session::Stream& from, std::uint64_t& total) {
    co_await count_bytes(from, total);
    co_return true;
  }
  static Task<bool> send(session::Stream& to, const bool& stop) {
    co_await send_until(to, stop);
    co_return true;
  }
  DirectPair& pair_;
  bool stop_ = false;  // of the console's thread
  std::vector<std::uint64_t> totals_;
  std::vector<DirectPair::StreamPair> streams_;
  std::vector<std::future<bool>> counting_;
  std::vector<std::future<bool>> sending_;
};

// MB/s of the bulk streams over so many seconds.
double rate_over(Bulk& bulk, double seconds) {
  const std::uint64_t before = bulk.total();
  const double start = wall_time();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  return static_cast<double>(bulk.total() - before) / 1e6 / (wall_time() - start);
}

// What a relay adds to a round trip, beside others' relays.
void add_ways(Report& report, const Site& site, const Options& options) {
  const Scratch scratch;
  Appliance appliance(options.programs, scratch / "appliance");
  Fleet fleet(appliance);
  fleet.enrol(1, 1);
  fleet.connect(Fleet::Proof::certificate, 1, 20);
  const Credentials own = site.issue(1);
  DirectPair pair(site, own);
  EchoStream stream(pair);
  struct Peer {
    Relay relay;
    Relay without;
    std::optional<Target> target;
    std::unique_ptr<Scratch> scratch;
    std::unique_ptr<Way> way;
    std::unique_ptr<Way> direct;
    std::vector<double> added;
  };
  std::vector<Peer> peers;
  if (options.peers) {
    peers.push_back({Relay::haproxy, Relay::none_tls, Target{0.95, 0.80, false}, {}, {}, {}, {}});
    peers.push_back({Relay::ssh, Relay::none_tcp, Target{0.75, 0.65, false}, {}, {}, {}, {}});
    peers.push_back({Relay::stunnel, Relay::none_tls, {}, {}, {}, {}, {}});
  }
  for (Peer& peer : peers) {
    peer.scratch = std::make_unique<Scratch>();
    std::string trouble;
    peer.direct = peer_way(peer.without, site, *peer.scratch, trouble);
    peer.way = peer_way(peer.relay, site, *peer.scratch, trouble);
    if (!peer.way) report.note(trouble);
  }
  std::erase_if(peers, [](const Peer& peer) { return !peer.way; });
  std::vector<double> added;
  {
    const std::unique_ptr<Way> ours = appliance_way(appliance, fleet);
    for (int round = 0; round < options.rounds; ++round) {
      const double direct = median(stream.ping(options.pings));
      added.push_back(median(ours->ping(options.pings)) - direct);
      for (Peer& peer : peers) {
        const double without = median(peer.direct->ping(options.pings));
        peer.added.push_back(median(peer.way->ping(options.pings)) - without);
      }
    }
  }
  if (peers.empty()) {
    report.add({"round trip that the appliance adds", "µs", median(added) * kMicro, "", 0, {}});
  }
  for (const Peer& peer : peers) {
    report.add({"round trip that the appliance adds", "µs", median(added) * kMicro, peer.way->name(),
                median(peer.added) * kMicro, peer.target});
  }
}

}  // namespace

Report echo(const Options& options) {
  Report report("echo");
  Site site;
  const Credentials own = site.issue(1);
  DirectPair pair(site, own);
  EchoStream stream(pair);
  Worker client;
  Worker server;
  Connected bare = connect(client, site.client(own), server, site.server());
  server.spawn(echo(*bare.server));

  std::vector<double> of_mux;
  std::vector<double> of_tls;
  std::vector<double> beside;
  std::vector<double> alone_rates;
  std::vector<double> shared_rates;
  std::vector<double> p50;
  std::vector<double> p99;
  for (int round = 0; round < options.rounds; ++round) {
    append(of_tls, must(client.run(ping(*bare.client, options.pings))));
    append(of_mux, stream.ping(options.pings));
    Bulk bulk(pair);
    const double seconds = std::min(1.0, options.seconds / 10);
    rate_over(bulk, seconds / 2);  // the windows grow
    alone_rates.push_back(rate_over(bulk, seconds));
    const std::uint64_t before = bulk.total();
    const double start = wall_time();
    const std::vector<double> trips = stream.ping(std::max<std::size_t>(options.pings / 4, 100));
    shared_rates.push_back(static_cast<double>(bulk.total() - before) / 1e6 / (wall_time() - start));
    p50.push_back(percentile(trips, 0.5));
    p99.push_back(percentile(trips, 0.99));
    alone_rates.push_back(rate_over(bulk, seconds));
  }
  client.call([&] { bare.client.reset(); });
  server.stop();
  report.add({"ping of 64 bytes, p50", "µs", percentile(of_mux, 0.5) * kMicro, "bare TLS, same engine",
              percentile(of_tls, 0.5) * kMicro, Target{1.08, 0.85, false}});
  report.add({"ping of 64 bytes, p99",
              "µs",
              percentile(of_mux, 0.99) * kMicro,
              "bare TLS, same engine",
              percentile(of_tls, 0.99) * kMicro,
              {}});
  report.add({"ping beside 4 bulk streams, p50", "µs", median(p50) * kMicro, "", 0, Target{400, 250, false}});
  report.add({"ping beside 4 bulk streams, p99", "µs", median(p99) * kMicro, "", 0, Target{700, 450, false}});
  report.add({"bulk meanwhile", "MB/s", median(shared_rates), "bulk without pings", median(alone_rates),
              Target{0.85, {}}});
  add_ways(report, site, options);
  return report;
}

}  // namespace jump::bench
