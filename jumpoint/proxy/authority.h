// Host and port as numbers and plain names, so that two spellings of one place are the same and nothing else
// is: case does not matter, one dot at the end of a name is dropped, addresses are compared as addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/access/address.h"
#include "common/base/error.h"

namespace jump::proxy {

struct Host {
  std::optional<access::Address> address;
  std::string name;  // lower case, when it is no address

  bool operator==(const Host&) const = default;
};

struct Authority {
  Host host;
  std::uint16_t port = 0;

  bool operator==(const Authority&) const = default;
};

// A name of 1-253 bytes from letters, digits, '-', '_' and '.', labels of 1-63; four decimal numbers; or IPv6
// in brackets. Nothing for user info, zones, percent signs, and for what only looks like an address ("127.1",
// "0x7f.0.0.1", "2130706433": a name's last label is not a number, RFC 1123 section 2.1).
std::optional<Host> parse_host(std::string_view text);

// "host:port", the port 1-65535 without leading zeros; without a port only where `default_port` is given.
std::optional<Authority> parse_authority(std::string_view text,
                                         std::optional<std::uint16_t> default_port = {});

std::string to_text(const Host& host);  // as in an authority: IPv6 in brackets
std::string to_text(const Authority& authority);

}  // namespace jump::proxy
