// Network interfaces, their addresses, the default gateways and the neighbour table, as the kernel tells them
// (Linux: rtnetlink). Snapshots: quick, without waiting for the network; and a notice when they change.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/task_group.h"

namespace jump::platform {

struct InterfaceAddress {
  std::string address;  // "10.0.0.7", "fe80::1"
  std::uint8_t prefix = 0;
  bool ipv6 = false;
  std::optional<std::string> broadcast;  // IPv4: as configured
  bool temporary = false;                // IPv6 privacy address, or being given up
  bool operator==(const InterfaceAddress&) const = default;
};

struct NetInterface {
  std::uint32_t index = 0;
  std::string name;
  std::string mac;  // "02:77:01:00:00:11"; empty where there is no Ethernet-like one
  bool up = false;  // administratively up and with carrier
  bool loopback = false;
  bool can_broadcast = false;
  std::string kind;                        // "vlan", "bridge", "veth", "bond", "tun"; empty for hardware
  std::optional<std::uint32_t> parent;     // VLAN: index of the interface below
  std::optional<std::uint32_t> member_of;  // index of the bridge or bond above
  std::vector<InterfaceAddress> addresses;
  bool operator==(const NetInterface&) const = default;
};
// By index. Blocking, below a millisecond for each hundred.
Result<std::vector<NetInterface>> net_interfaces();

struct Gateway {
  bool ipv6 = false;
  std::string address;  // "10.0.0.1"; empty for a link without one (point to point)
  std::uint32_t interface_index = 0;
  std::string interface_name;
  std::optional<std::string> mac;  // from the neighbour table; unknown until somebody talked to it
  std::uint32_t metric = 0;
  bool operator==(const Gateway&) const = default;
};
// Default routes of the main table, best first: lowest metric, IPv4 before IPv6.
Result<std::vector<Gateway>> default_gateways();

// Sends one empty datagram to the gateway's discard port so that the kernel learns its MAC; the next
// default_gateways() shows it, usually within 100 ms.
void stir_neighbour(const Gateway& gateway);

// default_gateways(), with the MACs that are missing asked for. Waits at most `limit`; one that nobody
// answers for stays without.
Task<Result<std::vector<Gateway>>> gateways_with_macs(std::chrono::nanoseconds limit);

// An address whose MAC the kernel knows.
struct Neighbour {
  std::uint32_t interface_index = 0;
  std::string address;
  std::string mac;
  bool router = false;  // IPv6: it said so itself
};
// The whole neighbour table, both families, as far as somebody answered.
Result<std::vector<Neighbour>> neighbours();

// Whom the system asks for names, in its order; at most three.
std::vector<std::string> name_servers();

// Tells when net_interfaces() or default_gateways() say something else than before.
class NetworkWatch {
 public:
  static Result<NetworkWatch> create(asio::any_io_executor executor);
  NetworkWatch(NetworkWatch&&) noexcept;
  NetworkWatch& operator=(NetworkWatch&&) noexcept;
  ~NetworkWatch();

  // Ends a tenth of a second after something has changed, so that one event is one notice. What happens
  // between two calls is not lost; what was undone meanwhile is no change. One waiter. Throws
  // operation_aborted when cancelled.
  Task<Result<void>> changed();

 private:
  struct Impl;
  explicit NetworkWatch(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace jump::platform
