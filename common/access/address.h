// Network addresses as numbers, for rules: no sockets, no names, no zones.
//
// An IPv4 address stands in the top 32 bits of `high`; an IPv4-mapped IPv6 address (::ffff:a.b.c.d, RFC 4291
// section 2.5.5.2) is that IPv4 address and nothing else, however it was written or received.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace jump::access {

enum class Family : std::uint8_t { v4, v6 };

struct Address {
  Family family = Family::v4;
  std::uint64_t high = 0;  // network order read as a number: the first bit is the highest
  std::uint64_t low = 0;   // 0 for IPv4

  static Address v4(std::uint32_t number) { return {Family::v4, std::uint64_t{number} << 32, 0}; }
  // The 16 bytes of an IPv6 address as on the wire; a mapped one comes out as IPv4.
  static Address v6(const std::array<std::uint8_t, 16>& bytes);

  int width() const { return family == Family::v4 ? 32 : 128; }
  auto operator<=>(const Address&) const = default;
};

// Exactly four decimal numbers 0-255 without leading zeros (which some read as octal), or IPv6 as in RFC 4291
// section 2.2 without brackets and zone. Nothing for anything else.
std::optional<Address> parse_address(std::string_view text);

// "10.0.0.1", or IPv6 as in RFC 5952.
std::string to_text(const Address& address);

}  // namespace jump::access
