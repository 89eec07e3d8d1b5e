// Which addresses are asked for, one by one: those of the node's own IPv4 subnets.
#pragma once

#include <optional>
#include <vector>

#include "common/access/prefix.h"

namespace jump::browse {

inline constexpr std::uint8_t kLargestSubnet =
    20;  // 4,094 addresses; of a larger one, that part round the node

struct Subnet {
  access::Prefix prefix;  // what is swept
  bool cut = false;       // the subnet itself is larger
};
// Of an address with its prefix length; nothing for one that has no neighbours (/32, IPv6).
std::optional<Subnet> subnet_to_sweep(const access::Address& own, std::uint8_t bits);

// Every address that a machine can have there, but `own`. In an order that strides over the subnet, so that
// no switch sees a run of neighbouring addresses.
std::vector<access::Address> addresses_to_sweep(const Subnet& subnet, const access::Address& own);

}  // namespace jump::browse
