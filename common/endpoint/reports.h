// Reports: what an endpoint tells the appliance of itself. The inventory after each welcome and when it
// changes, statistics as often as the appliance wants them.
#pragma once

#include <functional>

#include "common/endpoint/control_channel.h"
#include "common/endpoint/family.h"
#include "common/endpoint/own_name.h"
#include "platform/machine.h"
#include "platform/net_interfaces.h"

namespace jump::endpoint {

class Reports {
 public:
  Reports(asio::any_io_executor executor, const Begin& begin);

  // Until cancelled.
  Task<> run(ControlChannel& channel);
  // A new tunnel: everything is told again.
  void again();
  void set(const control::ReportSettings& settings);
  // An interface or an address came or went.
  std::function<void()> on_network_change;

 private:
  Task<bool> tell_all(ControlChannel& channel);
  Task<> watch_network();
  Task<control::Inventory> inventory();
  control::Statistics statistics();

  asio::any_io_executor executor_;
  const Begin& begin_;
  Event changed_;
  control::ReportSettings settings_;
  platform::CpuMeter cpu_;
  OwnName names_;
  bool name_due_ = false;  // the resolver has not answered yet
  bool inventory_due_ = false;
  bool network_changed_ = false;
  std::string inventory_told_;
};

}  // namespace jump::endpoint
