// The Jump Zone Proxy (PRODUCT.md 7): the way of endpoints that reach nothing but this node to the appliance,
// and to nothing else.
//
//     settings ──► Proxy ──► Policy ──► workers            the names, the listener, who may come in
//     client ──accept──► Proxy ──Arrival──► Worker ──► Connection ──► appliance
//                        Proxy ◄──Report────                          log, counters
//
// Proxy lives on one thread and does what there is one of: it accepts, checks the source against the rules
// and the counts, looks the appliance's names up, and keeps the log. Workers do the rest. It listens only
// while the appliance can be reached from here without a proxy (7.4), and shows why it does not.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "common/base/task_group.h"
#include "common/control/messages.h"
#include "jumpoint/proxy/access_log.h"
#include "jumpoint/proxy/settings.h"
#include "jumpoint/proxy/source_table.h"
#include "jumpoint/proxy/worker.h"

namespace jump::proxy {

struct ProxyOptions {
  std::size_t workers = 0;  // 0: one for each core
  std::optional<AccessLog> log;
  // Each state that differs, and one each minute while it listens.
  std::function<void(const control::ZoneProxyState&)> show;
};

// Connections by what became of them, since the start.
struct Counters {
  std::uint64_t accepted = 0;  // tunnels
  std::uint64_t redirected = 0;
  std::uint64_t refused = 0;  // all of them
  std::uint64_t left = 0;     // before their request was whole
  std::map<int, std::uint64_t> by_status;
};

class Proxy {
 public:
  Proxy(asio::any_io_executor executor, ProxyOptions options);
  ~Proxy();

  // Rules, targets and limits take effect at once, also for tunnels; listening and names follow. Faulty
  // settings change nothing and are shown; where there are none yet, nothing is listened on.
  void set(const Result<Settings>& settings);
  // Until cancelled.
  Task<> run();
  // Closes all connections; their reports come with the next turns of the loop. After run().
  void stop_workers() { workers_.clear(); }

  void reopen_log();
  control::ZoneProxyState state() const;
  const Counters& counters() const { return counters_; }
  const std::optional<AccessLog>& access_log() const { return options_.log; }

 private:
  struct Listener;

  Task<bool> look_after();
  Task<> tell_each_minute();
  Task<> look_up_targets();
  Task<Result<void>> reach_appliance();
  Result<void> listen();
  Task<> accept(std::unique_ptr<Listener> listener);
  Worker& idlest_worker();
  bool accept_more(Listener& listener);
  void arrived(Worker& worker, Socket socket, const asio::ip::tcp::endpoint& source);
  void ended(const Report& report);
  void publish();
  Task<> find_own_name();
  std::string own_host() const;
  void show();

  asio::any_io_executor executor_;
  ProxyOptions options_;
  TaskGroup tasks_;
  Event changed_;
  std::optional<Settings> settings_;
  std::string fault_;  // of the last settings
  // Why nothing is listened on.
  std::string reason_ = "the appliance has not been reached yet";
  std::shared_ptr<const Policy> policy_ = std::make_shared<Policy>();
  std::vector<std::shared_ptr<const Target>> targets_;  // as looked up
  Listener* listener_ = nullptr;                        // owned by its accept()
  std::string own_name_;                                // found out, and does resolve
  std::string own_address_;                             // towards the appliance
  std::string name_warning_;
  std::string reach_warning_;  // the appliance is out of reach, now
  SourceTable sources_;
  Counters counters_;
  std::size_t next_worker_ = 0;
  std::optional<control::ZoneProxyState> shown_;
  std::shared_ptr<Proxy*> self_;  // empties when this goes: reports that still wait find nobody
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace jump::proxy
