// Are two machines on the same network? Plain data, no sockets (PRODUCT.md 4.1).
//
// Same network = same default gateway: its address AND its MAC. Where the MAC of either side is unknown, or
// is one that redundancy protocols share between sites, address, subnet and public address must agree
// instead: two sites that both use 192.168.1.1 are never taken for one, unless they are also behind one
// public address and nothing else tells them apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/access/address.h"
#include "common/access/prefix.h"
#include "common/control/messages.h"
#include "common/wake/mac.h"

namespace jump::wake {

struct Router {
  access::Address address;
  std::optional<Mac> mac;
};

// One network interface, as its machine reported it.
struct Link {
  std::string name;
  std::optional<Mac> mac;
  bool up = true;
  std::string kind;       // "bridge", "tun", …; empty: hardware, or not told
  std::string member_of;  // name of the bridge or bond above it; empty: none, or not told
  std::string below;      // VLAN: name of the interface that carries it; empty: none, or not told
  std::vector<access::Prefix> subnets;
  std::vector<Router> routers;  // default gateways through it
};

struct Machine {
  std::vector<Link> links;
  std::optional<access::Address> public_ip;  // as the appliance sees it
};

// What a Jump Client or node reported. Values that cannot be read are left out.
Machine to_machine(const std::vector<control::Interface>& interfaces, std::string_view public_ip);

// Made by software for containers, virtual machines or a VPN: what is reached through it cannot be woken
// through it, and its gateway looks the same on any number of machines.
bool is_artificial(const Link& link);

struct Shared {
  std::string helper_link;
  std::string target_link;
  bool sure = false;  // by the gateway's MAC
};
// Every pair of interfaces of the two that are on one network.
std::vector<Shared> shared_networks(const Machine& helper, const Machine& target);

// Two machines share a network only if they share one of these: for an index over many machines.
std::vector<std::string> network_keys(const Machine& machine);

// The cards to wake for one of its interfaces: its own MAC, those of the members and of the carrier of it,
// and those of interfaces without a gateway, of which nobody knows where their cables end. In this order,
// each once.
std::vector<std::string> macs_to_wake(const Machine& target, std::string_view link);

}  // namespace jump::wake
