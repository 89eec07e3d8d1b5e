#include "common/identity/host_port.h"

#include <algorithm>
#include <charconv>

#include <boost/asio/ip/address.hpp>

#include "common/base/bytes.h"

namespace jump::identity {
namespace {

bool is_label(std::string_view label) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), allowed);
}

bool is_port(std::string_view text, std::uint16_t& port) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc() && end == text.data() + text.size() && port != 0 && text.front() != '0';
}

}  // namespace

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  if (text.find_first_not_of("0123456789.") == std::string_view::npos) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

Result<HostPort> parse_host_port(std::string_view text) {
  Error wrong(Fault::invalid, "'" + printable(text, 64) + "' is not host:port");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return wrong;
  HostPort parsed;
  if (!is_port(text.substr(colon + 1), parsed.port)) return wrong;
  std::string_view host = text.substr(0, colon);
  boost::system::error_code failure;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    const auto address = boost::asio::ip::make_address_v6(std::string(host), failure);
    // Scopes are numbers of this machine only.
    if (failure || address.scope_id() != 0 || host.find('%') != std::string_view::npos) return wrong;
  } else {
    const auto address = boost::asio::ip::make_address_v4(std::string(host), failure);
    // Windows takes "10.0.0" for an address, too.
    const bool is_address = !failure && address.to_string() == host;
    if (!is_address && !is_host_name(host)) return wrong;
  }
  parsed.host = host;
  return parsed;
}

}  // namespace jump::identity
