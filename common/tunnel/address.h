// Addresses of appliances and proxies: "host:port", "10.0.0.5", "[2001:db8::1]:443", "2001:db8::1".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/identity/host_port.h"

namespace jump::tunnel {

using Address = identity::HostPort;

inline constexpr std::uint16_t kAppliancePort = 443;

// The port may be missing, then it is `default_port`. Limits as parse_host_port.
Result<Address> parse_address(std::string_view text, std::uint16_t default_port = kAppliancePort);
// "host:port", IPv6 in brackets: what parse_address reads.
std::string to_text(const Address& address);
bool is_literal(const Address& address);  // an IP address, no name

}  // namespace jump::tunnel
