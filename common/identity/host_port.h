// "host:port", as addresses stand in deployment keys, orders and enrolments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace jump::identity {

struct HostPort {
  std::string host;  // without brackets
  std::uint16_t port = 0;
};

// Host: a DNS name, an IPv4 address, or an IPv6 address in brackets; port 1-65535.
Result<HostPort> parse_host_port(std::string_view text);

// A DNS name: at most 253 characters, labels of 1-63 letters, digits, '-' and '_', none of them starting or
// ending with
// '-' (RFC 1123 section 2.1, and the underscore of real life). Digits and dots alone are an address, or
// nothing.
bool is_host_name(std::string_view text);

}  // namespace jump::identity
