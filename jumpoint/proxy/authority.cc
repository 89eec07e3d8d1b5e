#include "jumpoint/proxy/authority.h"

#include <algorithm>

namespace jump::proxy {
namespace {

constexpr std::size_t kNameBytes = 253;
constexpr std::size_t kLabelBytes = 63;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool looks_like_a_number(std::string_view label) {
  return std::all_of(label.begin(), label.end(), is_digit) || label.starts_with("0x");
}

std::optional<std::string> parse_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > kNameBytes) return std::nullopt;
  std::string name;
  std::size_t label = 0;  // bytes of the present one
  for (const char raw : text) {
    const char c = lower(raw);
    if (c == '.') {
      if (label == 0) return std::nullopt;
      label = 0;
    } else if (is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_') {
      if (++label > kLabelBytes) return std::nullopt;
    } else {
      return std::nullopt;
    }
    name += c;
  }
  const std::size_t last = name.rfind('.');
  if (label == 0 ||
      looks_like_a_number(std::string_view(name).substr(last == std::string::npos ? 0 : last + 1))) {
    return std::nullopt;
  }
  return name;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || text.front() == '0' ||
      !std::all_of(text.begin(), text.end(), is_digit)) {
    return std::nullopt;
  }
  std::uint32_t port = 0;
  for (const char c : text) port = port * 10 + static_cast<std::uint32_t>(c - '0');
  return port <= 65535 ? std::optional(static_cast<std::uint16_t>(port)) : std::nullopt;
}

}  // namespace

std::optional<Host> parse_host(std::string_view text) {
  Host host;
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) return std::nullopt;
    const std::string_view inside = text.substr(1, text.size() - 2);
    if (inside.find(':') == std::string_view::npos) return std::nullopt;
    host.address = access::parse_address(inside);
    return host.address ? std::optional(host) : std::nullopt;
  }
  if (text.find(':') != std::string_view::npos) return std::nullopt;
  host.address = access::parse_address(text);
  if (host.address) return host;
  std::optional<std::string> name = parse_name(text);
  if (!name) return std::nullopt;
  host.name = std::move(*name);
  return host;
}

std::optional<Authority> parse_authority(std::string_view text, std::optional<std::uint16_t> default_port) {
  const std::size_t colon = text.rfind(':');
  const std::size_t bracket = text.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  const std::optional<std::uint16_t> port = has_port ? parse_port(text.substr(colon + 1)) : default_port;
  std::optional<Host> host = parse_host(has_port ? text.substr(0, colon) : text);
  if (!port || !host) return std::nullopt;
  return Authority{std::move(*host), *port};
}

std::string to_text(const Host& host) {
  if (!host.address) return host.name;
  const std::string text = access::to_text(*host.address);
  return host.address->family == access::Family::v6 ? "[" + text + "]" : text;
}

std::string to_text(const Authority& authority) {
  return to_text(authority.host) + ":" + std::to_string(authority.port);
}

}  // namespace jump::proxy
