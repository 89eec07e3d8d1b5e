#include "platform/net_interfaces.h"

// Before the kernel's headers, which then leave out what both declare.
#include <net/if.h>

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <tuple>

#include "common/base/bytes.h"
#include "platform/handle.h"

namespace jump::platform {
namespace {

// --- netlink: one dump, message by message (rtnetlink(7)) ------------------------------------------

constexpr std::size_t kMessagesMost =
    100'000;  // of one dump; a router with a full table has more, and is cut

// The attributes of one message, by type. Views into the receive buffer.
class Attributes {
 public:
  Attributes(const std::uint8_t* data, std::size_t size) {
    while (size >= sizeof(rtattr)) {
      rtattr head;
      std::memcpy(&head, data, sizeof head);
      if (head.rta_len < sizeof head || head.rta_len > size) return;
      found_[head.rta_type & NLA_TYPE_MASK] = ByteView(data + RTA_LENGTH(0), head.rta_len - RTA_LENGTH(0));
      const std::size_t step = std::min<std::size_t>(RTA_ALIGN(head.rta_len), size);
      data += step;
      size -= step;
    }
  }
  explicit Attributes(ByteView bytes) : Attributes(bytes.data(), bytes.size()) {}

  ByteView bytes(unsigned short type) const {
    const auto at = found_.find(type);
    return at == found_.end() ? ByteView() : at->second;
  }
  std::optional<std::uint32_t> number(unsigned short type) const {
    const ByteView value = bytes(type);
    if (value.size() != sizeof(std::uint32_t)) return std::nullopt;
    std::uint32_t result = 0;
    std::memcpy(&result, value.data(), sizeof result);
    return result;
  }
  std::string text(unsigned short type) const {
    const ByteView value = bytes(type);
    const std::string_view all = as_text(value);
    return printable(all.substr(0, all.find('\0')), 64);
  }

 private:
  std::map<unsigned short, ByteView> found_;
};

template <typename Head>
struct Request {
  nlmsghdr header{};
  Head body{};
};

Result<Handle> open_netlink() {
  Handle socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket.valid()) return system_error("open rtnetlink");
  // The kernel answers at once; this only guards against a kernel that does not.
  timeval limit{};
  limit.tv_sec = 2;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return socket;
}

template <typename Head>
Result<void> ask(int socket, std::uint16_t type, const Head& body) {
  Request<Head> request;
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(Head));
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = 1;
  request.body = body;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const ssize_t sent = ::sendto(socket, &request, request.header.nlmsg_len, 0,
                                reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  if (sent < 0) return system_error("ask rtnetlink");
  return {};
}

// Gives (head, attributes) of each message to `take`.
template <typename Head, typename Take>
Result<void> dump(std::uint16_t type, const Head& body, Take take) {
  const Result<Handle> socket = open_netlink();
  if (!socket) return socket.error();
  if (Result<void> asked = ask(socket->get(), type, body); !asked) return asked;
  std::vector<std::uint8_t> buffer(65536);
  std::size_t messages = 0;
  while (true) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const ssize_t got = ::recvfrom(socket->get(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &from_size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read rtnetlink");
    // Only the kernel's words count; other processes may send here too.
    if (from.nl_pid != 0) continue;
    std::size_t at = 0;
    while (at + sizeof(nlmsghdr) <= static_cast<std::size_t>(got)) {
      nlmsghdr header;
      std::memcpy(&header, buffer.data() + at, sizeof header);
      if (header.nlmsg_len < sizeof header || at + header.nlmsg_len > static_cast<std::size_t>(got)) break;
      if (header.nlmsg_type == NLMSG_DONE || ++messages > kMessagesMost) return {};
      if (header.nlmsg_type == NLMSG_ERROR)
        return Error(Fault::unavailable, "rtnetlink refused the question");
      if (header.nlmsg_len >= NLMSG_LENGTH(sizeof(Head))) {
        Head head;
        const std::uint8_t* data = buffer.data() + at + NLMSG_HDRLEN;
        std::memcpy(&head, data, sizeof head);
        const std::size_t skip = NLMSG_ALIGN(sizeof(Head));
        const std::size_t size = header.nlmsg_len - NLMSG_HDRLEN;
        take(head, Attributes(data + std::min(skip, size), size - std::min(skip, size)));
      }
      at += NLMSG_ALIGN(header.nlmsg_len);
    }
  }
}

// --- values -----------------------------------------------------------------------------------------

std::string to_mac(ByteView bytes) {
  if (bytes.size() != 6) return {};
  if (std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; })) return {};
  std::string text;
  for (const std::uint8_t byte : bytes) {
    if (!text.empty()) text += ':';
    text += to_hex(ByteView(&byte, 1));
  }
  return text;
}

std::string to_address(ByteView bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (bytes.size() == 4) ::inet_ntop(AF_INET, bytes.data(), text.data(), text.size());
  if (bytes.size() == 16) ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

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
  // Not FAILED or INCOMPLETE: an address without an answer. Not NOARP: broadcasts and the like.
  constexpr std::uint16_t kUsable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
  ndmsg all{};
  return dump<ndmsg>(RTM_GETNEIGH, all, [&](const ndmsg& head, const Attributes& attributes) {
    if ((head.ndm_state & kUsable) == 0) return;
    const std::string address = to_address(attributes.bytes(NDA_DST));
    const std::string mac = to_mac(attributes.bytes(NDA_LLADDR));
    if (mac.empty()) return;
    for (Gateway& gateway : gateways) {
      if (gateway.interface_index == static_cast<std::uint32_t>(head.ndm_ifindex) &&
          gateway.address == address) {
        gateway.mac = mac;
      }
    }
  });
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
