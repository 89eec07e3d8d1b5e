// Lines of prefixes, as an administrator types them (one a line):
//
//     10.1.0.0/16            # bits
//     10.1.0.0/255.255.0.0   # the same as a dotted mask
//     10.1.2.3               # one address
//     2001:db8::/32          # IPv6: bits only
//     ::ffff:10.1.0.0/112    # IPv4-mapped: the same as 10.1.0.0/16
//
// Blank lines and what follows # are ignored. Host bits that are set are masked, with a warning. Every faulty
// line is reported, with its number (from 1).
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/access/address.h"

namespace jump::access {

inline constexpr std::size_t kLineBytes = 512;         // longer is a fault
inline constexpr std::size_t kPrefixesMost = 200'000;  // what is above is one fault
inline constexpr std::size_t kFaultsMost = 100;        // further ones are counted in one last line

struct Prefix {
  Address base;           // host bits are 0
  std::uint8_t bits = 0;  // 0-32 or 0-128

  bool contains(const Address& address) const;
  // A prefix stands directly before those that lie in it.
  auto operator<=>(const Prefix&) const = default;
};

// "10.0.0.0/8"; one address without "/32" or "/128".
std::string to_text(const Prefix& prefix);

struct Rule {
  Prefix prefix;
  std::uint32_t line = 0;  // from 1
};

struct LineNote {
  std::size_t line = 0;  // from 1
  std::string text;      // a sentence that names the value, its control characters escaped
};
// "line 3: '10.0.0.0/33': …"
std::string to_text(const LineNote& note);

struct Reading {
  std::vector<Rule> rules;  // in the order of their lines
  std::vector<LineNote> faults;
  std::vector<LineNote> warnings;
};

Reading read_prefixes(std::span<const std::string> lines);

// The lines of a file or a text field: ended by LF or CR LF.
std::vector<std::string> split_lines(std::string_view text);

}  // namespace jump::access
