#include "jumpoint/browse/frames.h"

#include <algorithm>
#include <array>

#include "common/base/check.h"

namespace jump::browse {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kIpv6 = 40;
constexpr std::size_t kSmallest = 60;  // of a frame, without its checksum
constexpr std::uint16_t kTypeArp = 0x0806;
constexpr std::uint16_t kTypeIpv6 = 0x86dd;
constexpr std::uint8_t kIcmp6 = 58;
constexpr std::uint8_t kDestinationOptions = 60;
constexpr std::array<std::uint8_t, 16> kAllNodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

using V6 = std::array<std::uint8_t, 16>;

std::uint32_t v4_number(const access::Address& address) {
  return static_cast<std::uint32_t>(address.high >> 32);
}

V6 v6_bytes(const access::Address& address) {
  V6 bytes;
  put_u64(bytes.data(), address.high);
  put_u64(bytes.data() + 8, address.low);
  return bytes;
}

Bytes ethernet(const wake::Mac& to, const wake::Mac& from, std::uint16_t type) {
  Bytes frame(to.begin(), to.end());
  frame.insert(frame.end(), from.begin(), from.end());
  frame.insert(frame.end(), {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type)});
  return frame;
}

// RFC 1071, over the pseudo-header of RFC 8200 section 8.1 too.
std::uint16_t icmp6_checksum(const V6& from, const V6& to, ByteView message) {
  std::uint32_t sum = static_cast<std::uint32_t>(message.size()) + kIcmp6;
  const auto add = [&sum](ByteView bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
      sum += i % 2 == 0 ? std::uint32_t{bytes[i]} << 8 : bytes[i];
  };
  add(from);
  add(to);
  add(message);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

Bytes to_all_nodes(const Asker& asker, std::uint16_t sequence, ByteView options) {
  CHECK(asker.address.family == access::Family::v6);
  const V6 own = v6_bytes(asker.address);
  std::array<std::uint8_t, 16> echo{128, 0, 0, 0, 0x6a, 0x70};
  put_u16(echo.data() + 6, sequence);
  put_u16(echo.data() + 2, icmp6_checksum(own, kAllNodes, echo));
  Bytes frame = ethernet({0x33, 0x33, 0, 0, 0, 1}, asker.mac, kTypeIpv6);
  const std::size_t length = options.size() + echo.size();
  frame.insert(frame.end(),
               {0x60, 0, 0, 0, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length),
                options.empty() ? kIcmp6 : kDestinationOptions, 255});
  frame.insert(frame.end(), own.begin(), own.end());
  frame.insert(frame.end(), kAllNodes.begin(), kAllNodes.end());
  frame.insert(frame.end(), options.begin(), options.end());
  frame.insert(frame.end(), echo.begin(), echo.end());
  return frame;
}

std::optional<Heard> read_arp(ByteView arp) {
  if (arp.size() < 28 || get_u16(arp.data()) != 1 || get_u16(arp.data() + 2) != 0x0800) return std::nullopt;
  if (arp[4] != 6 || arp[5] != 4) return std::nullopt;
  const std::uint16_t operation = get_u16(arp.data() + 6);
  if (operation != 1 && operation != 2) return std::nullopt;
  Heard heard;
  heard.answer = operation == 2;
  std::copy_n(arp.begin() + 8, heard.mac.size(), heard.mac.begin());
  const std::uint32_t address = get_u32(arp.data() + 14);
  const std::uint32_t first = address >> 24;
  if (first == 0 || first == 127 || first >= 224) return std::nullopt;
  heard.address = access::Address::v4(address);
  return heard;
}

std::optional<Heard> read_icmp6(ByteView packet, const wake::Mac& from) {
  if (packet.size() < kIpv6 + 8 || packet[0] >> 4 != 6 || packet[6] != kIcmp6) return std::nullopt;
  Heard heard;
  heard.mac = from;
  const std::uint8_t type = packet[kIpv6];
  const bool unrouted = packet[7] == 255;  // no router has passed it on
  switch (type) {
    case 4:    // parameter problem
    case 129:  // echo reply
      break;
    case 134:  // router advertisement
      heard.router = true;
      if (!unrouted) return std::nullopt;
      break;
    case 136:  // neighbour advertisement
      heard.router = (packet[kIpv6 + 4] & 0x80) != 0;
      if (!unrouted) return std::nullopt;
      break;
    case 135:  // neighbour solicitation
      if (!unrouted) return std::nullopt;
      break;
    default:
      return std::nullopt;
  }
  V6 source;
  std::copy_n(packet.begin() + 8, source.size(), source.begin());
  const bool nobody = std::ranges::all_of(source, [](std::uint8_t byte) { return byte == 0; });
  heard.address = access::Address::v6(source);
  if (nobody || source[0] == 0xff || heard.address.family != access::Family::v6) return std::nullopt;
  return heard;
}

}  // namespace

Bytes arp_request(const Asker& asker, const access::Address& target) {
  CHECK(asker.address.family == access::Family::v4 && target.family == access::Family::v4);
  Bytes frame = ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, asker.mac, kTypeArp);
  frame.insert(frame.end(), {0, 1, 8, 0, 6, 4, 0, 1});
  frame.insert(frame.end(), asker.mac.begin(), asker.mac.end());
  frame.resize(kSmallest);
  put_u32(frame.data() + kEthernet + 14, v4_number(asker.address));
  put_u32(frame.data() + kEthernet + 24, v4_number(target));
  return frame;
}

Bytes echo_to_all_nodes(const Asker& asker, std::uint16_t sequence) {
  return to_all_nodes(asker, sequence, {});
}

Bytes unknown_option_to_all_nodes(const Asker& asker, std::uint16_t sequence) {
  // Option 0x80: unassigned, "discard and complain".
  constexpr std::array<std::uint8_t, 8> kOptions{kIcmp6, 0, 0x80, 4, 0, 0, 0, 0};
  return to_all_nodes(asker, sequence, kOptions);
}

std::optional<Heard> read_frame(ByteView frame) {
  if (frame.size() < kEthernet) return std::nullopt;
  const std::uint16_t type = get_u16(frame.data() + 12);
  wake::Mac from;
  std::copy_n(frame.begin() + 6, from.size(), from.begin());
  std::optional<Heard> heard;
  if (type == kTypeArp) heard = read_arp(frame.subspan(kEthernet));
  if (type == kTypeIpv6) heard = read_icmp6(frame.subspan(kEthernet), from);
  if (heard && !wake::is_unicast(heard->mac)) return std::nullopt;
  return heard;
}

}  // namespace jump::browse
