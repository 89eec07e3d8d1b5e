#include "tools/appliance/tunnels/browse_desk.h"

#include <algorithm>

#include "common/base/log.h"

namespace jump::appliance {
namespace {

// A node ends its helper after 11 minutes; one that says nothing is not waited for much longer.
constexpr auto kLimit = std::chrono::minutes(12);
constexpr std::size_t kTextMost = 255;

// What a node says of strangers' names, cut and made printable.
void tidy(wake::FoundHost& host) {
  const auto cut = [](auto& list, std::size_t most) {
    if (list.size() > most) list.resize(most);
  };
  cut(host.addresses, 16);
  cut(host.names, 8);
  cut(host.ports, wake::kBrowsePortsMost);
  for (std::string& address : host.addresses) address = printable(address, 64);
  for (wake::FoundName& name : host.names) name.name = printable(name.name, kTextMost);
  host.interface = printable(host.interface, 64);
  host.mac = printable(host.mac, 32);
  host.vendor = printable(host.vendor, kTextMost);
}

void tidy(wake::BrowseEnd& end) {
  for (std::vector<std::string>* list : {&end.swept, &end.notes}) {
    if (list->size() > 32) list->resize(32);
    for (std::string& text : *list) text = printable(text, 512);
  }
  end.error = printable(end.error, 512);
}

}  // namespace

struct BrowseDesk::Running {
  Running(const asio::any_io_executor& executor, api::BrowseNetwork told)
      : browse(std::move(told)), changed(executor) {}
  api::BrowseNetwork browse;
  Event changed;
  std::optional<wake::BrowseEnd> end;
};

BrowseDesk::BrowseDesk(asio::any_io_executor executor, TaskGroup& tasks, PresenceTable& presence, Means means)
    : executor_(executor), tasks_(tasks), presence_(presence), means_(std::move(means)) {}

BrowseDesk::~BrowseDesk() = default;

void BrowseDesk::begin(const api::BrowseNetwork& browse) {
  const auto [at, fresh] = running_.try_emplace(browse.sweep);
  if (!fresh) return;
  at->second = std::make_unique<Running>(executor_, browse);
  Running& running = *at->second;
  presence_.begin_sweep(browse.jumpoint, browse.sweep, browse.node, browse.node_name);
  wake::BrowseOrder order;
  order.sweep = browse.sweep;
  if (!means_.order(store::node_endpoint(browse.node), identity::OrderKind::browse, to_json(order))) {
    running.end.emplace();
    running.end->error = "the node " + printable(browse.node_name, 128) + " went offline";
  }
  tasks_.spawn("browse", follow(running));
}

void BrowseDesk::reported(const store::Endpoint& from, const control::JobReport& report) {
  const auto found = running_.find(report.number);
  if (found == running_.end() || from != store::node_endpoint(found->second->browse.node)) return;
  Running& running = *found->second;
  for (const json::value& one : report.lines) {
    Result<wake::BrowseLine> line = from_json<wake::BrowseLine>(one);
    if (!line || running.end) continue;
    if (line->host) {
      tidy(*line->host);
      presence_.add_host(running.browse.jumpoint, running.browse.sweep, std::move(*line->host));
    }
    if (line->end) {
      tidy(*line->end);
      running.end = std::move(*line->end);
      running.changed.set();
    }
  }
}

void BrowseDesk::went(const store::Endpoint& endpoint) {
  for (const auto& [number, running] : running_) {
    if (running->end || endpoint != store::node_endpoint(running->browse.node)) continue;
    running->end.emplace();
    running->end->error = "the tunnel of the node " + printable(running->browse.node_name, 128) +
                          " was lost in the middle; ask again";
    running->changed.set();
  }
}

Task<> BrowseDesk::follow(Running& running) {
  const Instant until = BootClock::now() + kLimit;
  while (!running.end && BootClock::now() < until)
    co_await running.changed.wait_for(until - BootClock::now());
  if (!running.end) {
    running.end.emplace();
    running.end->error = "the node " + printable(running.browse.node_name, 128) + " did not come to an end";
  }
  finish(running, *running.end);
  running_.erase(running.browse.sweep);
  // What was found takes megabytes: nobody has to ask for it to be forgotten.
  co_await sleep_for(PresenceTable::kSweepKept + std::chrono::seconds(1));
  presence_.forget_sweeps(BootClock::now());
}

void BrowseDesk::finish(const Running& running, wake::BrowseEnd end) {
  end.sweep = running.browse.sweep;
  presence_.end_sweep(running.browse.jumpoint, running.browse.sweep, end, BootClock::now());
  store::Event event;
  event.who = running.browse.who;
  event.source = running.browse.source;
  event.what = "jumpoint.browse";
  event.object = "jumpoint:" + std::to_string(running.browse.jumpoint);
  event.result = end.error.empty() ? "ok" : "failed";
  event.text =
      end.error.empty()
          ? "browsed the network of " + running.browse.name + ": " + std::to_string(end.hosts) + " machines"
          : "could not browse the network of " + running.browse.name + ": " + end.error;
  json::object details{{"node", running.browse.node}, {"node_name", running.browse.node_name}};
  const json::value all = to_json(end);
  for (const auto& [key, value] : all.get_object()) details[key] = value;
  event.details = std::move(details);
  means_.event(std::move(event));
}

}  // namespace jump::appliance
