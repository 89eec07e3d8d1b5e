#include "tools/appliance/api/jump_item_rules.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <regex>

#include <boost/asio/ip/address.hpp>

#include "common/access/prefix.h"
#include "common/identity/host_port.h"

namespace jump::api {
namespace {

constexpr std::size_t kPairs = 64;
constexpr std::size_t kPatternBytes = 256;
constexpr std::size_t kPatternsBytes = 12000;
constexpr std::size_t kHostKeyBytes = 8192;

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

}  // namespace

std::string host_fault(std::string_view host) {
  boost::system::error_code failure;
  boost::asio::ip::make_address(std::string(host), failure);
  if (!failure || identity::is_host_name(host)) return {};
  return "'" + printable(host, 64) + "' is neither a host name nor an address";
}

std::string listen_fault(std::string_view address) {
  boost::system::error_code failure;
  const auto parsed = boost::asio::ip::make_address_v4(std::string(address), failure);
  if (!failure && parsed.is_loopback()) return {};
  return "'" + printable(address, 32) + "' is no address of 127.0.0.0/8";
}

Result<std::vector<session::PortPair>> parse_ports(std::string_view definitions) {
  std::vector<std::uint16_t> ports;
  while (!definitions.empty()) {
    const std::string_view piece = definitions.substr(0, definitions.find(';'));
    definitions.remove_prefix(std::min(definitions.size(), piece.size() + 1));
    const std::string_view text = trimmed(piece);
    if (text.empty() && definitions.empty()) break;  // a ; at the end
    const std::optional<std::uint32_t> port = number_of(text);
    const bool local = ports.size() % 2 == 0;
    if (!port || *port > 65535 || (*port == 0 && !local)) {
      return Error(Fault::invalid,
                   "'" + printable(text, 32) + "' is no port; write local;remote;local;remote");
    }
    ports.push_back(static_cast<std::uint16_t>(*port));
    if (ports.size() > kPairs * 2)
      return Error(Fault::invalid, "has more than " + std::to_string(kPairs) + " pairs of ports");
  }
  if (ports.empty() || ports.size() % 2 != 0) {
    return Error(Fault::invalid, "needs pairs of ports: local;remote;local;remote");
  }
  std::vector<session::PortPair> pairs;
  for (std::size_t i = 0; i < ports.size(); i += 2) {
    const bool twice = ports[i] != 0 && std::any_of(pairs.begin(), pairs.end(),
                                                    [&](const auto& pair) { return pair.local == ports[i]; });
    if (twice) return Error(Fault::invalid, "uses the local port " + std::to_string(ports[i]) + " twice");
    pairs.push_back({ports[i], ports[i + 1]});
  }
  return pairs;
}

std::string pattern_fault(const std::vector<std::string>& patterns) {
  std::size_t all = 0;
  for (const std::string& pattern : patterns) {
    all += pattern.size();
    if (pattern.size() > kPatternBytes) {
      return "has a pattern of " + std::to_string(pattern.size()) + " bytes, at most " +
             std::to_string(kPatternBytes);
    }
    try {
      const std::regex compiled(pattern, std::regex::ECMAScript);
    } catch (const std::regex_error&) {
      return "'" + printable(pattern, 64) + "' is no regular expression (ECMAScript)";
    }
  }
  if (all > kPatternsBytes) {
    return "has patterns of " + std::to_string(all) + " bytes together, at most " +
           std::to_string(kPatternsBytes);
  }
  return {};
}

std::string host_key_fault(std::string_view key) {
  const std::string shown = "'" + printable(key.substr(0, 40), 64) + "'";
  if (key.size() > kHostKeyBytes) return shown + " is longer than " + std::to_string(kHostKeyBytes);
  const std::size_t blank = key.find(' ');
  if (blank == std::string_view::npos) return shown + " is no host key; write ssh-ed25519 AAAA…";
  const std::string_view type = key.substr(0, blank);
  std::string base64(key.substr(blank + 1));
  while (base64.ends_with('=')) base64.pop_back();
  std::replace(base64.begin(), base64.end(), '+', '-');
  std::replace(base64.begin(), base64.end(), '/', '_');
  const Result<Bytes> blob = from_base64url(base64);
  // RFC 4253 section 6.6: the blob begins with the type, as a string.
  const bool fits = blob && blob->size() > 4 + type.size() && get_u32(blob->data()) == type.size() &&
                    as_text(*blob).substr(4, type.size()) == type;
  return fits ? std::string() : shown + " is no host key; write ssh-ed25519 AAAA…, as in known_hosts";
}

std::string environment_fault(std::string_view entry) {
  constexpr std::size_t kBytes = 512;
  const std::size_t equals = entry.find('=');
  const std::string_view name = entry.substr(0, equals);
  const bool named =
      equals != std::string_view::npos && !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
      });
  if (!named || entry.size() > kBytes) {
    return "'" + printable(entry, 64) + "' is not NAME=VALUE of at most " + std::to_string(kBytes) + " bytes";
  }
  // A log-in program on the other side might take it for an option.
  if (entry.substr(equals + 1).starts_with('-'))
    return "'" + printable(entry, 64) + "' has a value that begins with -";
  return {};
}

PrefixCheck check_prefixes(const std::vector<std::string>& lines) {
  const access::Reading reading = access::read_prefixes(lines);
  PrefixCheck check;
  for (const access::LineNote& note : reading.faults) check.faults.push_back(access::to_text(note));
  for (const access::LineNote& note : reading.warnings) check.warnings.push_back(access::to_text(note));
  return check;
}

}  // namespace jump::api
