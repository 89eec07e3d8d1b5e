// WakeDesk: the attempts to wake machines that are under way. It orders helpers, takes their reports, and
// watches for the target; what the API shows goes to the presence table, one event is written at the end.
// Network thread.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "common/base/task_group.h"
#include "common/identity/order.h"
#include "common/wake/attempt.h"
#include "tools/appliance/api/effects.h"
#include "tools/appliance/store/events.h"
#include "tools/appliance/tunnels/tables.h"

namespace jump::appliance {

class WakeDesk {
 public:
  struct Means {
    // False: it is not connected.
    std::function<bool(const store::Endpoint&, identity::OrderKind, json::value)> order;
    std::function<void(store::Event)> event;
  };
  WakeDesk(asio::any_io_executor executor, TaskGroup& tasks, PresenceTable& presence, Means means);
  ~WakeDesk();

  // A second time with the same number does nothing.
  void begin(const api::WakeMachine& wake);
  // What is no report of a helper that was asked is dropped.
  void reported(const store::Endpoint& from, const control::JobReport& report);
  void came(const store::Endpoint& endpoint);
  void went(const store::Endpoint& endpoint);
  // The appliance stops: what is under way ends with an event that says so.
  void close();

 private:
  struct Running;
  Task<> follow(Running& running);
  void finish(const Running& running, const wake::AttemptResult& result);

  asio::any_io_executor executor_;
  TaskGroup& tasks_;
  PresenceTable& presence_;
  Means means_;
  std::map<std::uint64_t, std::unique_ptr<Running>> running_;
};

}  // namespace jump::appliance
