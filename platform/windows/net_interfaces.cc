#include "platform/net_interfaces.h"

#include <winsock2.h>
#include <ws2tcpip.h>

#include <iphlpapi.h>
#include <netioapi.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <tuple>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/udp.hpp>

#include "platform/windows/adapter_name.h"
#include "platform/windows/native.h"

namespace jump::platform {
namespace {

constexpr ULONG kAdapterFlags = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST;
constexpr ULONG kAnswerMost = 16 * 1024 * 1024;

std::string to_mac(const UCHAR* bytes, ULONG size) {
  if (size != 6) return {};
  std::array<char, 18> text{};
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2],
                bytes[3], bytes[4], bytes[5]);
  return text.data();
}

// Without zone; empty for another family.
std::string to_address(const sockaddr* from) {
  if (from == nullptr) return {};
  if (from->sa_family == AF_INET) {
    const auto* four = reinterpret_cast<const sockaddr_in*>(from);
    return asio::ip::address_v4(::ntohl(four->sin_addr.s_addr)).to_string();
  }
  if (from->sa_family == AF_INET6) {
    const auto* six = reinterpret_cast<const sockaddr_in6*>(from);
    asio::ip::address_v6::bytes_type bytes;
    std::copy(std::begin(six->sin6_addr.s6_addr), std::end(six->sin6_addr.s6_addr), bytes.begin());
    return asio::ip::address_v6(bytes).to_string();
  }
  return {};
}
std::string to_address(const SOCKADDR_INET& from) {
  return to_address(reinterpret_cast<const sockaddr*>(&from));
}

// Calls `take` with each adapter.
template <typename Take>
Result<void> each_adapter(Take take) {
  std::vector<std::uint64_t> buffer(4096);  // 32 KiB: enough for a few dozen
  while (true) {
    auto size = static_cast<ULONG>(buffer.size() * sizeof(std::uint64_t));
    auto* first = reinterpret_cast<IP_ADAPTER_ADDRESSES*>(buffer.data());
    const ULONG failed = ::GetAdaptersAddresses(AF_UNSPEC, kAdapterFlags, nullptr, first, &size);
    if (failed == ERROR_BUFFER_OVERFLOW && size < kAnswerMost) {
      buffer.resize(size / sizeof(std::uint64_t) + 1024);
      continue;
    }
    if (failed == ERROR_NO_DATA) return {};
    if (failed != ERROR_SUCCESS) return windows_error(failed, "list the network interfaces");
    for (const IP_ADAPTER_ADDRESSES* one = first; one != nullptr; one = one->Next) take(*one);
    return {};
  }
}

std::uint32_t index_of(const IP_ADAPTER_ADDRESSES& adapter) {
  return adapter.IfIndex != 0 ? adapter.IfIndex : adapter.Ipv6IfIndex;
}

const char* kind_of(IFTYPE type) {
  constexpr IFTYPE kVlan = 135;
  constexpr IFTYPE kBridge = 209;
  switch (type) {
    case IF_TYPE_TUNNEL:
      return "tun";
    case IF_TYPE_PPP:
      return "ppp";
    case kVlan:
      return "vlan";
    case kBridge:
      return "bridge";
    default:
      return "";
  }
}

InterfaceAddress to_interface_address(const IP_ADAPTER_UNICAST_ADDRESS& from) {
  InterfaceAddress address;
  address.address = to_address(from.Address.lpSockaddr);
  address.ipv6 = from.Address.lpSockaddr->sa_family == AF_INET6;
  address.prefix = from.OnLinkPrefixLength;
  address.temporary =
      address.ipv6 && (from.SuffixOrigin == IpSuffixOriginRandom || from.DadState == IpDadStateDeprecated);
  if (!address.ipv6 && address.prefix < 31) {
    boost::system::error_code failed;
    const auto own = asio::ip::make_address_v4(address.address, failed);
    if (!failed) address.broadcast = asio::ip::network_v4(own, address.prefix).broadcast().to_string();
  }
  return address;
}

NetInterface to_interface(const IP_ADAPTER_ADDRESSES& adapter) {
  NetInterface net;
  net.index = index_of(adapter);
  net.name = to_utf8(adapter.FriendlyName);
  const bool ethernet = adapter.IfType == IF_TYPE_ETHERNET_CSMACD || adapter.IfType == IF_TYPE_IEEE80211;
  if (ethernet) net.mac = to_mac(adapter.PhysicalAddress, adapter.PhysicalAddressLength);
  net.up = adapter.OperStatus == IfOperStatusUp;
  net.loopback = adapter.IfType == IF_TYPE_SOFTWARE_LOOPBACK;
  net.can_broadcast = ethernet;
  net.kind = kind_of(adapter.IfType);
  for (const auto* one = adapter.FirstUnicastAddress; one != nullptr; one = one->Next) {
    const int family = one->Address.lpSockaddr->sa_family;
    if (family == AF_INET || family == AF_INET6) net.addresses.push_back(to_interface_address(*one));
  }
  return net;
}

Result<std::vector<Gateway>> routes() {
  std::vector<Gateway> gateways;
  MIB_IPFORWARD_TABLE2* table = nullptr;
  const ULONG failed = ::GetIpForwardTable2(AF_UNSPEC, &table);
  if (failed == ERROR_NOT_FOUND) return gateways;
  if (failed != NO_ERROR) return windows_error(failed, "list the routes");
  for (ULONG i = 0; i < table->NumEntries; ++i) {
    const MIB_IPFORWARD_ROW2& row = table->Table[i];
    if (row.DestinationPrefix.PrefixLength != 0 || row.Loopback != 0) continue;
    Gateway gateway;
    gateway.ipv6 = row.DestinationPrefix.Prefix.si_family == AF_INET6;
    gateway.address = to_address(row.NextHop);
    if (gateway.address == "0.0.0.0" || gateway.address == "::") gateway.address.clear();
    gateway.interface_index = row.InterfaceIndex;
    gateway.metric = row.Metric;
    gateways.push_back(std::move(gateway));
  }
  ::FreeMibTable(table);
  return gateways;
}

bool is_usable(NL_NEIGHBOR_STATE state) {
  return state == NlnsReachable || state == NlnsStale || state == NlnsDelay || state == NlnsProbe ||
         state == NlnsPermanent;
}

void add_neighbours(const MIB_IPNET_TABLE2& table, std::vector<Neighbour>& found) {
  for (ULONG i = 0; i < table.NumEntries; ++i) {
    const MIB_IPNET_ROW2& row = table.Table[i];
    Neighbour neighbour;
    neighbour.interface_index = row.InterfaceIndex;
    neighbour.address = to_address(row.Address);
    neighbour.mac = to_mac(row.PhysicalAddress, row.PhysicalAddressLength);
    neighbour.router = row.IsRouter != 0;
    // Groups and broadcasts stand in the table too, for ever: the lowest bit of the first byte tells them.
    const bool group = !neighbour.mac.empty() && (row.PhysicalAddress[0] & 1) != 0;
    const bool unknown = neighbour.mac.empty() || neighbour.mac == "00:00:00:00:00:00";
    if (!is_usable(row.State) || group || unknown || neighbour.address.empty()) continue;
    found.push_back(std::move(neighbour));
  }
}

}  // namespace

Result<std::vector<NetInterface>> net_interfaces() {
  std::vector<NetInterface> found;
  const Result<void> done =
      each_adapter([&](const IP_ADAPTER_ADDRESSES& adapter) { found.push_back(to_interface(adapter)); });
  if (!done) return done.error();
  std::ranges::sort(found, {}, &NetInterface::index);
  return found;
}

std::optional<std::string> adapter_guid(const std::string& interface_name) {
  std::optional<std::string> guid;
  const Result<void> done = each_adapter([&](const IP_ADAPTER_ADDRESSES& adapter) {
    if (to_utf8(adapter.FriendlyName) == interface_name) guid = adapter.AdapterName;
  });
  return done ? guid : std::nullopt;
}

Result<std::vector<Gateway>> default_gateways() {
  Result<std::vector<Gateway>> gateways = routes();
  if (!gateways) return gateways;
  // Without it their MACs are unknown, and no more.
  const Result<std::vector<Neighbour>> known = neighbours();
  const Result<void> named = each_adapter([&](const IP_ADAPTER_ADDRESSES& adapter) {
    for (Gateway& gateway : *gateways) {
      if (gateway.interface_index != index_of(adapter)) continue;
      gateway.interface_name = to_utf8(adapter.FriendlyName);
      // The metric that counts is the route's and the interface's together.
      gateway.metric += gateway.ipv6 ? adapter.Ipv6Metric : adapter.Ipv4Metric;
    }
  });
  if (!named) return named.error();
  for (Gateway& gateway : *gateways) {
    const auto same = [&gateway](const Neighbour& one) {
      return one.interface_index == gateway.interface_index && one.address == gateway.address;
    };
    if (!known) continue;
    const auto neighbour = std::ranges::find_if(*known, same);
    if (neighbour != known->end()) gateway.mac = neighbour->mac;
  }
  std::ranges::sort(*gateways, [](const Gateway& a, const Gateway& b) {
    return std::tuple(a.metric, a.ipv6, a.interface_index) < std::tuple(b.metric, b.ipv6, b.interface_index);
  });
  return gateways;
}

Result<std::vector<Neighbour>> neighbours() {
  std::vector<Neighbour> found;
  // Each family by itself: where one of them cannot be asked (Wine), the other still tells.
  std::optional<Error> failed;
  for (const ADDRESS_FAMILY family : {ADDRESS_FAMILY{AF_INET}, ADDRESS_FAMILY{AF_INET6}}) {
    MIB_IPNET_TABLE2* table = nullptr;
    const ULONG status = ::GetIpNetTable2(family, &table);
    if (status == NO_ERROR) add_neighbours(*table, found);
    if (status == NO_ERROR) ::FreeMibTable(table);
    if (status != NO_ERROR && status != ERROR_NOT_FOUND)
      failed = windows_error(status, "list the neighbours");
  }
  if (failed && found.empty()) return *failed;
  return found;
}

std::vector<std::string> name_servers() {
  std::vector<std::pair<ULONG, std::string>> known;
  const Result<void> done = each_adapter([&](const IP_ADAPTER_ADDRESSES& adapter) {
    if (adapter.OperStatus != IfOperStatusUp) return;
    for (const auto* one = adapter.FirstDnsServerAddress; one != nullptr; one = one->Next) {
      const std::string address = to_address(one->Address.lpSockaddr);
      // What Windows fills in where nothing is configured; nobody answers there.
      if (address.empty() || address.starts_with("fec0:0:0:ffff:")) continue;
      known.emplace_back(adapter.Ipv4Metric, address);
    }
  });
  std::vector<std::string> servers;
  if (!done) return servers;
  std::ranges::stable_sort(known, {}, &std::pair<ULONG, std::string>::first);
  for (auto& [metric, address] : known) {
    if (servers.size() < 3 && std::ranges::find(servers, address) == servers.end())
      servers.push_back(std::move(address));
  }
  return servers;
}

void stir_neighbour(const Gateway& gateway) {
  constexpr unsigned short kDiscard = 9;
  boost::system::error_code failed;
  asio::ip::address to = asio::ip::make_address(gateway.address, failed);
  if (failed) return;
  if (to.is_v6() && to.to_v6().is_link_local())
    to = asio::ip::address_v6(to.to_v6().to_bytes(), gateway.interface_index);
  asio::io_context io(1);
  asio::ip::udp::socket socket(io);
  socket.open(to.is_v6() ? asio::ip::udp::v6() : asio::ip::udp::v4(), failed);
  if (!failed) socket.send_to(asio::buffer("", 0), asio::ip::udp::endpoint(to, kDiscard), 0, failed);
}

}  // namespace jump::platform
