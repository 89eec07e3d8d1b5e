// Ethernet addresses, in the spellings that people and vendors use.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace jump::wake {

using Mac = std::array<std::uint8_t, 6>;

// "02:77:01:00:00:11", "02-77-01-00-00-11", "0277.0100.0011", "027701000011", in either case; single digits
// between colons ("2:77:1:0:0:11") too, as BSD and Solaris print them. Nothing for anything else.
std::optional<Mac> parse_mac(std::string_view text);
// "02:77:01:00:00:11"
std::string to_text(const Mac& mac);

// Of one card: neither zero nor of a group (nor broadcast).
bool is_unicast(const Mac& mac);

// Belongs to a redundancy protocol or a cluster and not to one machine: the same address serves at any number
// of sites, so it tells no network from another. VRRP and CARP, HSRP 1 and 2, HSRP for IPv6, GLBP, and the
// clusters of Fortinet, Palo Alto and Juniper, which make theirs from small group numbers.
bool is_virtual_router(const Mac& mac);

}  // namespace jump::wake
