#include "common/wake/network.h"

#include <algorithm>
#include <cctype>

namespace jump::wake {
namespace {

// A link-local address may stand with its interface: "fe80::1%eth0".
std::optional<access::Address> read_address(std::string_view text) {
  return access::parse_address(text.substr(0, text.find('%')));
}

access::Prefix to_prefix(const access::Address& address, std::uint8_t bits) {
  access::Prefix prefix{address, bits};
  const auto mask = [](int kept) { return kept <= 0 ? 0 : kept >= 64 ? ~0ULL : ~0ULL << (64 - kept); };
  prefix.base.high &= mask(bits);
  prefix.base.low &= mask(int{bits} - 64);
  return prefix;
}

// fe80::/10 is on every link and tells nothing.
bool is_link_local(const access::Address& address) {
  return address.family == access::Family::v6 && address.high >> 54 == 0xfe80ULL >> 6;
}

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// "br-" and twelve hex digits: a network of Docker's.
bool is_docker_bridge(std::string_view name) {
  return name.size() == 15 && name.starts_with("br-") &&
         std::ranges::all_of(name.substr(3), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// Docker up to 27 makes the MAC of a bridge from its address, so that every host has the same one.
bool is_made_of_address(const Router& router) {
  if (!router.mac || router.address.family != access::Family::v4) return false;
  const auto number = static_cast<std::uint32_t>(router.address.high >> 32);
  const Mac& mac = *router.mac;
  const std::uint32_t tail = std::uint32_t{mac[2]} << 24 | std::uint32_t{mac[3]} << 16 |
                             std::uint32_t{mac[4]} << 8 | std::uint32_t{mac[5]};
  return mac[0] == 0x02 && mac[1] == 0x42 && tail == number;
}

bool counts(const Link& link) {
  return link.mac && is_unicast(*link.mac) && !link.routers.empty() && !is_artificial(link);
}

std::optional<Mac> telling_mac(const Router& router) {
  if (!router.mac || !is_unicast(*router.mac) || is_virtual_router(*router.mac)) return std::nullopt;
  return router.mac;
}

bool share_subnet(const Link& a, const Link& b) {
  return std::ranges::any_of(a.subnets, [&](const access::Prefix& one) {
    return !is_link_local(one.base) && one.bits < one.base.width() &&
           std::ranges::find(b.subnets, one) != b.subnets.end();
  });
}

enum class Verdict { different, likely, sure };

Verdict compare(const Router& a, const Router& b, bool same_place) {
  if (a.address != b.address || is_made_of_address(a) || is_made_of_address(b)) return Verdict::different;
  const std::optional<Mac> mac_a = telling_mac(a), mac_b = telling_mac(b);
  if (mac_a && mac_b) return *mac_a == *mac_b ? Verdict::sure : Verdict::different;
  return same_place ? Verdict::likely : Verdict::different;
}

// A link with two gateways (IPv4 and IPv6, say): one that matches for sure is enough, and one that surely
// does not is enough against what is only likely.
Verdict compare(const Link& a, const Link& b, bool same_public) {
  const bool same_place = same_public && share_subnet(a, b);
  Verdict best = Verdict::different;
  bool refuted = false;
  for (const Router& one : a.routers) {
    for (const Router& other : b.routers) {
      const Verdict verdict = compare(one, other, same_place);
      best = std::max(best, verdict);
      refuted = refuted || (one.address == other.address && verdict == Verdict::different);
    }
  }
  return best == Verdict::likely && refuted ? Verdict::different : best;
}

void add_once(std::vector<std::string>& list, const std::optional<Mac>& mac) {
  if (!mac || !is_unicast(*mac)) return;
  const std::string text = to_text(*mac);
  if (std::ranges::find(list, text) == list.end()) list.push_back(text);
}

}  // namespace

Machine to_machine(const std::vector<control::Interface>& interfaces, std::string_view public_ip) {
  Machine machine;
  machine.public_ip = read_address(public_ip);
  for (const control::Interface& one : interfaces) {
    Link link;
    link.name = one.name;
    link.mac = parse_mac(one.mac);
    link.up = one.up;
    for (const control::Address& told : one.addresses) {
      const std::optional<access::Address> address = read_address(told.address);
      if (address && told.prefix <= address->width())
        link.subnets.push_back(to_prefix(*address, told.prefix));
    }
    link.kind = one.kind.value_or("");
    link.member_of = one.member_of.value_or("");
    link.below = one.below.value_or("");
    std::vector<control::Gateway> gateways = one.gateways;
    if (gateways.empty() && one.gateway) gateways.push_back({*one.gateway, one.gateway_mac});
    for (const control::Gateway& gateway : gateways) {
      if (const std::optional<access::Address> address = read_address(gateway.address)) {
        link.routers.push_back({*address, gateway.mac ? parse_mac(*gateway.mac) : std::nullopt});
      }
    }
    machine.links.push_back(std::move(link));
  }
  return machine;
}

bool is_artificial(const Link& link) {
  const std::string_view name = link.name;
  return starts_with_any(link.kind,
                         {"tun", "wireguard", "vxlan", "gre", "ipip", "sit", "vti", "dummy", "ifb"}) ||
         is_docker_bridge(name) ||
         starts_with_any(name, {"docker",
                                "virbr",
                                "vnet",
                                "veth",
                                "lxcbr",
                                "lxdbr",
                                "cni",
                                "podman",
                                "flannel",
                                "cali",
                                "vmnet",
                                "vboxnet",
                                "tun",
                                "tap",
                                "wg",
                                "zt",
                                "tailscale",
                                "ppp",
                                "utun",
                                "ipsec",
                                "VirtualBox Host-Only",
                                "VMware Network Adapter",
                                "vEthernet (Default Switch)",
                                "vEthernet (WSL",
                                "TAP-Windows",
                                "OpenVPN",
                                "WireGuard"});
}

std::vector<Shared> shared_networks(const Machine& helper, const Machine& target) {
  const bool same_public = helper.public_ip && helper.public_ip == target.public_ip;
  std::vector<Shared> found;
  for (const Link& here : helper.links) {
    if (!here.up || !counts(here)) continue;
    for (const Link& there : target.links) {
      if (!counts(there)) continue;
      const Verdict verdict = compare(here, there, same_public);
      if (verdict != Verdict::different) found.push_back({here.name, there.name, verdict == Verdict::sure});
    }
  }
  return found;
}

std::vector<std::string> network_keys(const Machine& machine) {
  std::vector<std::string> keys;
  for (const Link& link : machine.links) {
    if (!counts(link)) continue;
    for (const Router& router : link.routers) {
      const std::string address = access::to_text(router.address);
      if (const auto mac = telling_mac(router)) keys.push_back(address + " " + to_text(*mac));
      if (machine.public_ip) keys.push_back(address + " behind " + access::to_text(*machine.public_ip));
    }
  }
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

std::vector<std::string> macs_to_wake(const Machine& target, std::string_view name) {
  std::vector<std::string> macs;
  std::string below;
  for (const Link& link : target.links) {
    if (link.name != name) continue;
    add_once(macs, link.mac);
    below = link.below;
  }
  for (const Link& link : target.links) {
    if (link.member_of == name || (!below.empty() && link.name == below)) add_once(macs, link.mac);
  }
  for (const Link& link : target.links) {
    const bool bridge = link.kind == "bridge" || link.kind == "bond";
    if (link.routers.empty() && !bridge && !is_artificial(link)) add_once(macs, link.mac);
  }
  return macs;
}

}  // namespace jump::wake
