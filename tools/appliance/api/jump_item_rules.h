// What an asset behind a Jumpoint may say beyond the limits of its fields: hosts, port pairs, patterns, host
// keys, prefixes. Plain functions; each says what is wrong, empty text: nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/session/target.h"

namespace jump::api {

// A DNS name or an address, without brackets.
std::string host_fault(std::string_view host);
// 127.x.x.x
std::string listen_fault(std::string_view address);
// "22;24;26;28" → 22→24 and 26→28; the local one may be 0. At most 64 pairs, at least one.
Result<std::vector<session::PortPair>> parse_ports(std::string_view definitions);
// Each a regular expression (ECMAScript) of at most 256 bytes; together at most 12,000.
std::string pattern_fault(const std::vector<std::string>& patterns);
// "ssh-ed25519 AAAA…", as in known_hosts and without a host in front; at most 8 KiB.
std::string host_key_fault(std::string_view key);
// "NAME=VALUE": names of letters, digits and _, values without control characters that do not begin with -.
std::string environment_fault(std::string_view entry);

struct PrefixCheck {
  std::vector<std::string> faults;    // "line 3: …"
  std::vector<std::string> warnings;  // host bits that are masked
};
// The lines of jzp_restricted_ips.
PrefixCheck check_prefixes(const std::vector<std::string>& lines);

}  // namespace jump::api
