#include "jumpoint/browse/subnets.h"

#include <algorithm>

namespace jump::browse {

std::optional<Subnet> subnet_to_sweep(const access::Address& own, std::uint8_t bits) {
  if (own.family != access::Family::v4 || bits >= 32) return std::nullopt;
  Subnet subnet;
  subnet.cut = bits < kLargestSubnet;
  subnet.prefix.bits = std::max(bits, kLargestSubnet);
  subnet.prefix.base = own;
  subnet.prefix.base.high &= ~0ULL << (64 - subnet.prefix.bits);
  return subnet;
}

std::vector<access::Address> addresses_to_sweep(const Subnet& subnet, const access::Address& own) {
  const auto base = static_cast<std::uint32_t>(subnet.prefix.base.high >> 32);
  const std::uint32_t count = 1U << (32 - subnet.prefix.bits);
  // The first is the network's and the last its broadcast, unless they are not its ends or there are but two.
  const bool ends = count == 2 || subnet.cut;
  constexpr std::uint32_t kStride = 16;
  std::vector<access::Address> addresses;
  for (std::uint32_t lane = 0; lane < kStride; ++lane) {
    for (std::uint32_t host = lane; host < count; host += kStride) {
      if (!ends && (host == 0 || host == count - 1)) continue;
      const access::Address address = access::Address::v4(base + host);
      if (address != own) addresses.push_back(address);
    }
  }
  return addresses;
}

}  // namespace jump::browse
