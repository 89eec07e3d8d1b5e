#include "platform/net_interfaces.h"

#include "platform/linux/netlink.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <tuple>

namespace jump::platform {
namespace {

using netlink::Attributes;
using netlink::dump;
using netlink::to_address;
using netlink::to_mac;

NetInterface to_interface(const ifinfomsg& head, const Attributes& attributes) {
  NetInterface net;
  net.index = static_cast<std::uint32_t>(head.ifi_index);
  net.name = attributes.text(IFLA_IFNAME);
  if (head.ifi_type == ARPHRD_ETHER) net.mac = to_mac(attributes.bytes(IFLA_ADDRESS));
  net.loopback = (head.ifi_flags & IFF_LOOPBACK) != 0;
  net.can_broadcast = (head.ifi_flags & IFF_BROADCAST) != 0;
  net.up = (head.ifi_flags & IFF_UP) != 0 && (head.ifi_flags & IFF_RUNNING) != 0;
  const Attributes info(attributes.bytes(IFLA_LINKINFO));
  net.kind = info.text(IFLA_INFO_KIND);
  net.member_of = attributes.number(IFLA_MASTER);
  // A veth names its peer in the same attribute; that is no parent.
  if (net.kind != "veth") net.parent = attributes.number(IFLA_LINK);
  return net;
}

InterfaceAddress to_interface_address(const ifaddrmsg& head, const Attributes& attributes) {
  InterfaceAddress address;
  address.ipv6 = head.ifa_family == AF_INET6;
  address.prefix = head.ifa_prefixlen;
  // IPv4 point to point: IFA_LOCAL is ours, IFA_ADDRESS the other end's. IPv6 has IFA_ADDRESS alone, mostly.
  const ByteView local = attributes.bytes(IFA_LOCAL);
  address.address = to_address(local.empty() ? attributes.bytes(IFA_ADDRESS) : local);
  if (const ByteView broadcast = attributes.bytes(IFA_BROADCAST); !broadcast.empty()) {
    address.broadcast = to_address(broadcast);
  }
  const std::uint32_t flags = attributes.number(IFA_FLAGS).value_or(head.ifa_flags);
  address.temporary = address.ipv6 && (flags & (IFA_F_TEMPORARY | IFA_F_DEPRECATED)) != 0;
  return address;
}

// A hop of a multipath route: the first is as good as the others.
void take_first_hop(ByteView hops, Gateway& gateway) {
  rtnexthop hop;
  if (hops.size() < sizeof hop) return;
  std::memcpy(&hop, hops.data(), sizeof hop);
  if (hop.rtnh_len < sizeof hop || hop.rtnh_len > hops.size()) return;
  gateway.interface_index = static_cast<std::uint32_t>(hop.rtnh_ifindex);
  const Attributes inner(hops.subspan(sizeof hop, hop.rtnh_len - sizeof hop));
  gateway.address = to_address(inner.bytes(RTA_GATEWAY));
}

std::optional<Gateway> to_gateway(const rtmsg& head, const Attributes& attributes) {
  const std::uint32_t table = attributes.number(RTA_TABLE).value_or(head.rtm_table);
  if (head.rtm_dst_len != 0 || table != RT_TABLE_MAIN || head.rtm_type != RTN_UNICAST) return std::nullopt;
  if (head.rtm_family != AF_INET && head.rtm_family != AF_INET6) return std::nullopt;
  Gateway gateway;
  gateway.ipv6 = head.rtm_family == AF_INET6;
  gateway.metric = attributes.number(RTA_PRIORITY).value_or(0);
  gateway.interface_index = attributes.number(RTA_OIF).value_or(0);
  gateway.address = to_address(attributes.bytes(RTA_GATEWAY));
  if (const ByteView via = attributes.bytes(RTA_VIA); via.size() > sizeof(std::uint16_t)) {
    gateway.address =
        to_address(via.subspan(sizeof(std::uint16_t)));  // IPv4 over an IPv6 gateway: struct rtvia
  }
  if (gateway.interface_index == 0) take_first_hop(attributes.bytes(RTA_MULTIPATH), gateway);
  if (gateway.interface_index == 0) return std::nullopt;
  return gateway;
}

Result<void> add_macs(std::vector<Gateway>& gateways) {
  const Result<std::vector<Neighbour>> known = neighbours();
  if (!known) return known.error();
  for (const Neighbour& neighbour : *known) {
    for (Gateway& gateway : gateways) {
      if (gateway.interface_index == neighbour.interface_index && gateway.address == neighbour.address) {
        gateway.mac = neighbour.mac;
      }
    }
  }
  return {};
}

}  // namespace

Result<std::vector<NetInterface>> net_interfaces() {
  std::map<std::uint32_t, NetInterface> found;
  ifinfomsg links{};
  Result<void> done =
      dump<ifinfomsg>(RTM_GETLINK, links, [&](const ifinfomsg& head, const Attributes& attributes) {
        NetInterface net = to_interface(head, attributes);
        found[net.index] = std::move(net);
      });
  if (!done) return done.error();
  ifaddrmsg addresses{};
  done = dump<ifaddrmsg>(RTM_GETADDR, addresses, [&](const ifaddrmsg& head, const Attributes& attributes) {
    const auto at = found.find(head.ifa_index);
    if (at == found.end() || (head.ifa_family != AF_INET && head.ifa_family != AF_INET6)) return;
    at->second.addresses.push_back(to_interface_address(head, attributes));
  });
  if (!done) return done.error();
  std::vector<NetInterface> result;
  for (auto& [index, net] : found) result.push_back(std::move(net));
  return result;
}

Result<std::vector<Gateway>> default_gateways() {
  std::vector<Gateway> gateways;
  rtmsg routes{};
  Result<void> done = dump<rtmsg>(RTM_GETROUTE, routes, [&](const rtmsg& head, const Attributes& attributes) {
    if (std::optional<Gateway> gateway = to_gateway(head, attributes))
      gateways.push_back(std::move(*gateway));
  });
  if (!done) return done.error();
  done = add_macs(gateways);
  if (!done) return done.error();
  for (Gateway& gateway : gateways) {
    std::array<char, IF_NAMESIZE> name{};
    if (::if_indextoname(gateway.interface_index, name.data()) != nullptr)
      gateway.interface_name = name.data();
  }
  std::ranges::sort(gateways, [](const Gateway& a, const Gateway& b) {
    return std::tuple(a.metric, a.ipv6, a.interface_index) < std::tuple(b.metric, b.ipv6, b.interface_index);
  });
  return gateways;
}

Result<std::vector<Neighbour>> neighbours() {
  // Not FAILED or INCOMPLETE: an address without an answer. Not NOARP: broadcasts and the like.
  constexpr std::uint16_t kUsable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
  std::vector<Neighbour> found;
  ndmsg all{};
  const Result<void> done = dump<ndmsg>(RTM_GETNEIGH, all, [&](const ndmsg& head, const Attributes& from) {
    Neighbour neighbour;
    neighbour.interface_index = static_cast<std::uint32_t>(head.ndm_ifindex);
    neighbour.address = to_address(from.bytes(NDA_DST));
    neighbour.mac = to_mac(from.bytes(NDA_LLADDR));
    neighbour.router = (head.ndm_flags & NTF_ROUTER) != 0;
    if ((head.ndm_state & kUsable) == 0 || neighbour.mac.empty() || neighbour.address.empty()) return;
    found.push_back(std::move(neighbour));
  });
  if (!done) return done.error();
  return found;
}

std::vector<std::string> name_servers() {
  std::vector<std::string> servers;
  std::ifstream file("/etc/resolv.conf");  // resolv.conf(5)
  std::string line;
  while (std::getline(file, line) && servers.size() < 3) {
    std::istringstream words(line.substr(0, 256));
    std::string key, value;
    if (words >> key >> value && key == "nameserver") servers.push_back(value);
  }
  return servers;
}

void stir_neighbour(const Gateway& gateway) {
  sockaddr_storage to{};
  socklen_t size = 0;
  if (gateway.ipv6) {
    auto* address = reinterpret_cast<sockaddr_in6*>(&to);
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(9);
    address->sin6_scope_id = gateway.interface_index;
    if (::inet_pton(AF_INET6, gateway.address.c_str(), &address->sin6_addr) != 1) return;
    size = sizeof(sockaddr_in6);
  } else {
    auto* address = reinterpret_cast<sockaddr_in*>(&to);
    address->sin_family = AF_INET;
    address->sin_port = htons(9);
    if (::inet_pton(AF_INET, gateway.address.c_str(), &address->sin_addr) != 1) return;
    size = sizeof(sockaddr_in);
  }
  const Handle socket(::socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.valid())
    ::sendto(socket.get(), nullptr, 0, MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&to), size);
}

}  // namespace jump::platform
