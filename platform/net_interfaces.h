// Network interfaces, their addresses and the default gateways, as the kernel tells them (Linux: rtnetlink).
// A snapshot: quick, without waiting for the network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"

namespace jump::platform {

struct InterfaceAddress {
  std::string address;  // "10.0.0.7", "fe80::1"
  std::uint8_t prefix = 0;
  bool ipv6 = false;
  std::optional<std::string> broadcast;  // IPv4: as configured
  bool temporary = false;                // IPv6 privacy address, or being given up
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
};
// Default routes of the main table, best first: lowest metric, IPv4 before IPv6.
Result<std::vector<Gateway>> default_gateways();

// Sends one empty datagram to the gateway's discard port so that the kernel learns its MAC; the next
// default_gateways() shows it, usually within 100 ms.
void stir_neighbour(const Gateway& gateway);

}  // namespace jump::platform
