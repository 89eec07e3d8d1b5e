#include "common/wake/browsing.h"

#include "common/wake/messages.h"

namespace jump::wake {

Result<void> check(const BrowseOrder& order) {
  if (order.packets_per_second < kRateLeast || order.packets_per_second > kRateMost) {
    return Error(Fault::invalid, "browse: " + std::to_string(order.packets_per_second) +
                                     " packets a second; " + std::to_string(kRateLeast) + " to " +
                                     std::to_string(kRateMost) + " are allowed");
  }
  if (order.ports.size() > kBrowsePortsMost) {
    return Error(Fault::invalid, "browse: " + std::to_string(order.ports.size()) + " ports, at most " +
                                     std::to_string(kBrowsePortsMost) + " are allowed");
  }
  for (const std::uint16_t port : order.ports) {
    if (port == 0) return Error(Fault::invalid, "browse: port 0 is none");
  }
  if (order.interfaces.size() > kInterfacesMost) {
    return Error(Fault::invalid, "browse: " + std::to_string(order.interfaces.size()) +
                                     " interfaces, at most " + std::to_string(kInterfacesMost) +
                                     " are allowed");
  }
  return {};
}

}  // namespace jump::wake
