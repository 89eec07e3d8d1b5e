// Routes: the ways from an endpoint to its appliance (PRODUCT.md 1.2), as they stand in a configuration file.
#pragma once

#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "common/base/secret.h"

namespace jump::tunnel {

enum class RouteKind {
  direct,
  http_proxy,  // HTTP CONNECT (RFC 9110 section 9.3.6), with Basic authentication when a user is given
  socks5,      // RFC 1928, with user and password (RFC 1929); the proxy resolves the appliance's name
  zone_proxy,  // HTTP CONNECT through any node of a Jump Zone Proxy
};
BOOST_DESCRIBE_ENUM(RouteKind, direct, http_proxy, socks5, zone_proxy)

struct Route {
  RouteKind kind = RouteKind::direct;
  // "host:port". direct: none; http_proxy, socks5: exactly one; zone_proxy: 1-16.
  std::vector<std::string> proxies;
  std::string user;  // empty: no authentication
  Secret password;
};
BOOST_DESCRIBE_STRUCT(Route, (), (kind, proxies, user, password))

inline constexpr std::uint16_t kHttpProxyPort = 3128;
inline constexpr std::uint16_t kSocks5Port = 1080;
inline constexpr std::uint16_t kZoneProxyPort = 9555;
std::uint16_t default_port(RouteKind kind);

// Fault::invalid names the field and the limit: user and password 1-255 bytes each, no ':' in the user of an
// HTTP proxy, no control characters.
Result<void> check_route(const Route& route);
// "direct", "http-proxy 10.0.0.9:3128", "socks5 …", "zone-proxy …"; never credentials.
std::string to_text(RouteKind kind);
std::string to_text(const Route& route);

}  // namespace jump::tunnel
