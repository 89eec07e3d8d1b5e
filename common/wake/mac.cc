#include "common/wake/mac.h"

#include <algorithm>
#include <span>
#include <vector>

#include "common/base/bytes.h"

namespace jump::wake {
namespace {

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<Mac> from_plain(std::string_view digits) {
  if (digits.size() != 12) return std::nullopt;
  Mac mac{};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const auto high = hex_digit(digits[2 * i]), low = hex_digit(digits[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    mac[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return mac;
}

// Groups between `separator`, each of `least` to `most` digits and filled up with zeros in front.
std::optional<std::string> join_groups(std::string_view text, char separator, std::size_t count,
                                       std::size_t least, std::size_t most) {
  std::string digits;
  while (count-- > 0) {
    const std::size_t end = count == 0 ? text.size() : text.find(separator);
    if (end == std::string_view::npos || end < least || end > most) return std::nullopt;
    digits.append(most - end, '0');
    digits += text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return digits;
}

bool starts_with(const Mac& mac, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), mac.begin());
}

}  // namespace

std::optional<Mac> parse_mac(std::string_view text) {
  if (text.size() == 12) {
    if (const auto mac = from_plain(text)) return mac;
  }
  std::optional<std::string> digits;
  if (text.find(':') != std::string_view::npos) digits = join_groups(text, ':', 6, 1, 2);
  if (text.find('-') != std::string_view::npos) digits = join_groups(text, '-', 6, 2, 2);
  if (text.find('.') != std::string_view::npos) digits = join_groups(text, '.', 3, 4, 4);
  return digits ? from_plain(*digits) : std::nullopt;
}

std::string to_text(const Mac& mac) {
  std::string text;
  for (const std::uint8_t byte : mac) {
    if (!text.empty()) text += ':';
    text += to_hex(ByteView(&byte, 1));
  }
  return text;
}

bool is_unicast(const Mac& mac) {
  return (mac[0] & 1) == 0 && std::ranges::any_of(mac, [](std::uint8_t byte) { return byte != 0; });
}

bool is_virtual_router(const Mac& mac) {
  return starts_with(mac, {0x00, 0x00, 0x5e, 0x00, 0x01}) ||  // VRRP for IPv4 (RFC 9568 section 7.3), CARP
         starts_with(mac, {0x00, 0x00, 0x5e, 0x00, 0x02}) ||  // VRRP for IPv6
         starts_with(mac, {0x00, 0x00, 0x0c, 0x07, 0xac}) ||  // HSRP version 1 (RFC 2281 section 2)
         (starts_with(mac, {0x00, 0x00, 0x0c, 0x9f}) && mac[4] >= 0xf0) ||  // HSRP version 2: 9ff000-9fffff
         (starts_with(mac, {0x00, 0x05, 0x73, 0xa0}) && mac[4] <= 0x0f) ||  // HSRP for IPv6: a00000-a00fff
         starts_with(mac, {0x00, 0x07, 0xb4}) ||                            // GLBP
         starts_with(mac, {0x00, 0x09, 0x0f, 0x09}) ||                      // Fortinet's clusters
         starts_with(mac, {0x00, 0x1b, 0x17, 0x00}) ||                      // Palo Alto's
         starts_with(mac, {0x00, 0x10, 0xdb, 0xff});                        // Juniper's
}

}  // namespace jump::wake
