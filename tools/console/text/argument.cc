#include "tools/console/text/argument.h"

#include <algorithm>
#include <charconv>

#include "common/base/bytes.h"

namespace jump::console {
namespace {

constexpr std::size_t kAssetBytes = 300;  // a group's name and an asset's
constexpr std::size_t kPairsMost = 64;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

template <typename T>
std::optional<T> number(std::string_view text) {
  T value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Parts between ':' outside of brackets; nothing when a bracket is not closed.
std::optional<std::vector<std::string>> split(std::string_view text) {
  std::vector<std::string> parts(1);
  bool inside = false;
  for (const char c : text) {
    if (c == '[' && !inside && parts.back().empty()) {
      inside = true;
    } else if (c == ']' && inside) {
      inside = false;
    } else if (c == ':' && !inside) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  if (inside) return std::nullopt;
  return parts;
}

}  // namespace

bool same_text(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

Result<AssetArgument> parse_asset(std::string_view text) {
  const auto refuse = [&](const char* why) {
    return Error(Fault::invalid, "asset '" + printable(text, 80) + "': " + why);
  };
  if (text.empty()) return refuse("is empty; give an id, a name or group/name");
  if (text.size() > kAssetBytes) return refuse("is longer than 300 bytes");
  if (!is_utf8(text)) return refuse("is not UTF-8");
  AssetArgument asset;
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    asset.group = std::string(text.substr(0, slash));
    asset.name = std::string(text.substr(slash + 1));
    if (asset.group->empty() || asset.name.empty()) return refuse("give group/name");
    return asset;
  }
  asset.name = std::string(text);
  const std::optional<std::int64_t> id = number<std::int64_t>(text);
  if (id && *id > 0) asset.id = id;
  return asset;
}

int match(const AssetArgument& wanted, const AssetNames& asset) {
  if (wanted.id && *wanted.id == asset.id) return 3;
  if (wanted.group && !same_text(*wanted.group, asset.group) &&
      (asset.group_code.empty() || !same_text(*wanted.group, asset.group_code))) {
    return 0;
  }
  if (same_text(wanted.name, asset.name)) return 2;
  return !asset.hostname.empty() && same_text(wanted.name, asset.hostname) ? 1 : 0;
}

CopyPlace parse_copy_place(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || text.front() == '/' || text.front() == '.') {
    return {std::nullopt, std::string(text)};
  }
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

Result<ForwardSpec> parse_forward(std::string_view text) {
  const Error bad(Fault::invalid,
                  "'" + printable(text, 120) + "' is no forward: [ADDR:]PORT:HOST:PORT, IPv6 in brackets");
  const std::optional<std::vector<std::string>> parts = split(text);
  if (!parts || parts->size() < 3 || parts->size() > 4) return bad;
  ForwardSpec spec;
  const std::size_t first = parts->size() - 3;
  if (first == 1) spec.listen_address = (*parts)[0];
  if (same_text(spec.listen_address, "localhost")) spec.listen_address = "127.0.0.1";
  const std::optional<std::uint16_t> listen = number<std::uint16_t>((*parts)[first]);
  const std::optional<std::uint16_t> port = number<std::uint16_t>((*parts)[first + 2]);
  spec.host = (*parts)[first + 1];
  if (!listen || !port || *port == 0 || spec.host.empty() || spec.listen_address.empty()) return bad;
  spec.listen_port = *listen;
  spec.port = *port;
  return spec;
}

Result<std::vector<PortPair>> parse_port_pairs(std::string_view text) {
  const auto refuse = [&](const char* why) {
    return Error(Fault::invalid, "ports '" + printable(text, 80) + "': " + why);
  };
  std::vector<std::uint16_t> ports;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(';', at), text.size());
    std::string_view word = text.substr(at, end - at);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    const std::optional<std::uint16_t> port = number<std::uint16_t>(word);
    if (!port) return refuse("numbers from 0 to 65535 are meant, with ';' between them");
    ports.push_back(*port);
    at = end + 1;
  }
  if (ports.empty() || ports.size() % 2 != 0) return refuse("local and remote ports in turn are meant");
  if (ports.size() / 2 > kPairsMost) return refuse("64 pairs are the most");
  std::vector<PortPair> pairs;
  for (std::size_t i = 0; i < ports.size(); i += 2) {
    if (ports[i + 1] == 0) return refuse("a remote port is 1 to 65535");
    pairs.push_back({ports[i], ports[i + 1]});
  }
  return pairs;
}

Result<std::string> parse_session_id(std::string_view text) {
  const Result<Bytes> bytes = from_hex(text);
  if (!bytes || bytes->size() != 16) {
    return Error(Fault::invalid, "'" + printable(text, 64) + "' is no session: 32 hex digits are meant");
  }
  return to_hex(*bytes);
}

bool is_loopback(const std::string& address) {
  return address == "::1" || address.starts_with("127.");
}

}  // namespace jump::console
