#include "common/tunnel/routes.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/tunnel/address.h"

namespace jump::tunnel {
namespace {

constexpr std::size_t kMostProxies = 16;
constexpr std::size_t kCredentialBytes = 255;  // RFC 1929: one length byte

Error wrong(const Route& route, const std::string& what) {
  return {Fault::invalid, to_text(route.kind) + ": " + what};
}

bool has_controls(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

std::uint16_t default_port(RouteKind kind) {
  switch (kind) {
    case RouteKind::direct:
      return kAppliancePort;
    case RouteKind::http_proxy:
      return kHttpProxyPort;
    case RouteKind::socks5:
      return kSocks5Port;
    case RouteKind::zone_proxy:
      return kZoneProxyPort;
  }
  return 0;
}

Result<void> check_route(const Route& route) {
  const std::size_t most = route.kind == RouteKind::direct       ? 0
                           : route.kind == RouteKind::zone_proxy ? kMostProxies
                                                                 : 1;
  if (route.proxies.size() > most || (most > 0 && route.proxies.empty())) {
    return wrong(route, std::to_string(route.proxies.size()) + " proxies, expected " +
                            (most == kMostProxies ? "1-" : "") + std::to_string(most));
  }
  for (const std::string& proxy : route.proxies) {
    const Result<Address> address = parse_address(proxy, default_port(route.kind));
    if (!address) return wrong(route, address.error().message());
  }
  if (route.user.empty()) return {};
  if (route.user.size() > kCredentialBytes || has_controls(route.user)) {
    return wrong(route, "the user must be 1-255 bytes without control characters");
  }
  if (route.kind != RouteKind::socks5 && route.user.find(':') != std::string::npos) {
    return wrong(route, "the user must not contain ':' (RFC 7617)");
  }
  const bool needed = route.kind == RouteKind::socks5;
  if (route.password.size() > kCredentialBytes || (needed && route.password.empty()) ||
      has_controls(route.password.reveal_text())) {
    return wrong(route, "the password must be 1-255 bytes without control characters");
  }
  return {};
}

std::string to_text(RouteKind kind) {
  switch (kind) {
    case RouteKind::direct:
      return "direct";
    case RouteKind::http_proxy:
      return "http-proxy";
    case RouteKind::socks5:
      return "socks5";
    case RouteKind::zone_proxy:
      return "zone-proxy";
  }
  return "?";
}

std::string to_text(const Route& route) {
  std::string text = to_text(route.kind);
  for (std::size_t i = 0; i < route.proxies.size(); ++i) {
    text += (i == 0 ? " " : ",") + printable(route.proxies[i], 64);
  }
  return text;
}

}  // namespace jump::tunnel
