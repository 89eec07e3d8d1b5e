// BrowseDesk: the sweeps that nodes are at. It orders them, takes what they find into the presence table,
// where the API reads it, and writes one event at the end. Network thread.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "common/base/task_group.h"
#include "common/identity/order.h"
#include "tools/appliance/api/effects.h"
#include "tools/appliance/store/events.h"
#include "tools/appliance/tunnels/tables.h"

namespace jump::appliance {

class BrowseDesk {
 public:
  struct Means {
    // False: it is not connected.
    std::function<bool(const store::Endpoint&, identity::OrderKind, json::value)> order;
    std::function<void(store::Event)> event;
  };
  BrowseDesk(asio::any_io_executor executor, TaskGroup& tasks, PresenceTable& presence, Means means);
  ~BrowseDesk();

  void begin(const api::BrowseNetwork& browse);
  void reported(const store::Endpoint& from, const control::JobReport& report);
  void went(const store::Endpoint& endpoint);

 private:
  struct Running;
  Task<> follow(Running& running);
  void finish(const Running& running, wake::BrowseEnd end);

  asio::any_io_executor executor_;
  TaskGroup& tasks_;
  PresenceTable& presence_;
  Means means_;
  std::map<std::uint64_t, std::unique_ptr<Running>> running_;
};

}  // namespace jump::appliance
