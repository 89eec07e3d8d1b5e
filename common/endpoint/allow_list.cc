#include "common/endpoint/allow_list.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "common/base/bytes.h"

namespace jump::endpoint {
namespace {

namespace ip = boost::asio::ip;

Error bad(std::string_view entry, std::string_view why) {
  return {Fault::invalid, "forward entry '" + printable(entry, 80) + "': " + std::string(why)};
}

std::optional<std::uint16_t> to_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc() || stop != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (result.ends_with('.')) result.pop_back();
  return result;
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
  });
}

bool is_nobody(const ip::address& address) {
  return address.is_unspecified() || address.is_multicast() || address == ip::address_v4::broadcast();
}

}  // namespace

ip::address unmapped(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

Result<AllowList::Entry> AllowList::parse_entry(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad(text, "HOST:PORT is meant");
  std::string_view host = text.substr(0, colon);
  const std::string_view ports = text.substr(colon + 1);
  Entry entry;
  if (ports == "*") {
    entry.first = 1;
    entry.last = 65535;
  } else {
    const std::size_t dash = ports.find('-');
    const std::optional<std::uint16_t> first = to_port(ports.substr(0, dash));
    const std::optional<std::uint16_t> last =
        dash == std::string_view::npos ? first : to_port(ports.substr(dash + 1));
    if (!first || !last || *first > *last) return bad(text, "a port is 1 to 65535, a range FIRST-LAST, or *");
    entry.first = *first;
    entry.last = *last;
  }
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  if (host.find(':') != std::string_view::npos && !brackets)
    return bad(text, "an IPv6 address stands in brackets");
  const std::string name(host);
  boost::system::error_code failed;
  if (host == "*") {
    entry.host = Anything();
  } else if (const ip::address address = ip::make_address(name, failed); !failed) {
    if (address.is_v4()) entry.host = ip::network_v4(address.to_v4(), 32);
    if (address.is_v6()) entry.host = ip::network_v6(address.to_v6(), 128);
  } else if (const ip::network_v4 v4 = ip::make_network_v4(name, failed); !failed) {
    entry.host = v4.canonical();
  } else if (const ip::network_v6 v6 = ip::make_network_v6(name, failed); !failed) {
    entry.host = v6.canonical();
  } else if (is_host_name(host) && !brackets) {
    entry.host = lower(host);
  } else {
    return bad(text, "no host name, address or prefix");
  }
  return entry;
}

Result<AllowList> AllowList::parse(const std::vector<std::string>& entries) {
  AllowList list;
  for (const std::string& text : entries) {
    Result<Entry> entry = parse_entry(text);
    if (!entry) return entry.error();
    list.entries_.push_back(std::move(*entry));
  }
  return list;
}

bool AllowList::matches(const Entry& entry, std::string_view host, const ip::address& address,
                        std::uint16_t port) {
  if (port < entry.first || port > entry.last) return false;
  if (std::holds_alternative<Anything>(entry.host)) return true;
  if (const auto* name = std::get_if<std::string>(&entry.host)) return *name == lower(host);
  if (const auto* v4 = std::get_if<ip::network_v4>(&entry.host)) {
    return address.is_v4() && ip::network_v4(address.to_v4(), v4->prefix_length()).canonical() == *v4;
  }
  const auto& v6 = std::get<ip::network_v6>(entry.host);
  return address.is_v6() && ip::network_v6(address.to_v6(), v6.prefix_length()).canonical() == v6;
}

bool AllowList::allows(std::string_view host, const ip::address& resolved, std::uint16_t port) const {
  const ip::address address = unmapped(resolved);
  if (is_nobody(address)) return false;
  return std::ranges::any_of(entries_,
                             [&](const Entry& entry) { return matches(entry, host, address, port); });
}

bool AllowList::names(std::string_view host, const ip::address& resolved, std::uint16_t port) const {
  const ip::address address = unmapped(resolved);
  if (is_nobody(address)) return false;
  const auto is_meant = [](const Entry& entry) {
    if (std::holds_alternative<Anything>(entry.host)) return false;
    if (const auto* v4 = std::get_if<ip::network_v4>(&entry.host)) return v4->prefix_length() > 0;
    if (const auto* v6 = std::get_if<ip::network_v6>(&entry.host)) return v6->prefix_length() > 0;
    return true;
  };
  return std::ranges::any_of(
      entries_, [&](const Entry& entry) { return is_meant(entry) && matches(entry, host, address, port); });
}

}  // namespace jump::endpoint
