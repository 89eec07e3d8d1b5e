#include "jumpoint/bridge/target_address.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/endpoint/dial_tcp.h"
#include "platform/net_interfaces.h"

namespace jump::bridge {
namespace {

namespace ip = asio::ip;
using tcp = ip::tcp;

bool is_link_local(const ip::address& address) {
  if (address.is_v6()) return address.to_v6().is_link_local();
  const ip::address_v4::bytes_type bytes = address.to_v4().to_bytes();
  return bytes[0] == 169 && bytes[1] == 254;  // RFC 3927
}

// 0.0.0.0/8 reaches this machine too (RFC 1122 section 3.2.1.3).
bool is_this_network(const ip::address& address) {
  return address.is_v4() && address.to_v4().to_bytes()[0] == 0;
}

}  // namespace

std::optional<std::string> refusal(std::string_view host, const ip::address& resolved, std::uint16_t port,
                                   const endpoint::AllowList& allowed, const std::vector<ip::address>& own) {
  const ip::address address = endpoint::unmapped(resolved);
  const std::string where = address.to_string() + " port " + std::to_string(port);
  if (!allowed.allows(host, address, port)) return where + " is not allowed by this Jumpoint (target_allow)";
  const char* special = nullptr;
  if (address.is_loopback() || is_this_network(address)) special = "the Jumpoint's own machine";
  if (is_link_local(address)) special = "a link-local address";
  if (std::find(own.begin(), own.end(), address) != own.end()) special = "an address of the Jumpoint itself";
  if (special != nullptr && !allowed.names(host, address, port))
    return where + " is " + special + ", which target_allow of this Jumpoint does not name";
  return std::nullopt;
}

std::vector<ip::address> own_addresses() {
  std::vector<ip::address> own;
  const Result<std::vector<platform::NetInterface>> interfaces = platform::net_interfaces();
  if (!interfaces) return own;
  for (const platform::NetInterface& one : *interfaces) {
    for (const platform::InterfaceAddress& address : one.addresses) {
      boost::system::error_code failed;
      const ip::address parsed = ip::make_address(address.address, failed);
      if (!failed) own.push_back(parsed);
    }
  }
  return own;
}

Task<Result<tcp::socket>> dial_target(std::string host, std::uint16_t port,
                                      const endpoint::AllowList& allowed) {
  Result<std::vector<tcp::endpoint>> found = co_await endpoint::resolve(host, port);
  if (!found) co_return found.error();
  const std::vector<ip::address> own = own_addresses();
  Error last(Fault::not_found, "'" + printable(host, 128) + "' has no address");
  for (const tcp::endpoint& one : *found) {
    if (const std::optional<std::string> why = refusal(host, one.address(), port, allowed, own)) {
      last = Error(Fault::refused, *why);
      continue;
    }
    Result<tcp::socket> socket = co_await endpoint::connect_tcp(one);
    if (socket) co_return socket;
    last = socket.error();
  }
  co_return last;
}

}  // namespace jump::bridge
