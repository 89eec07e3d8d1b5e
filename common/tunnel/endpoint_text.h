// Endpoints as the text that stands in logs, errors and TransportInfo: "10.0.0.5:443", "[2001:db8::1]:443".
#pragma once

#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "common/tunnel/transport.h"

namespace jump::tunnel {

// An IPv4-mapped IPv6 address counts and reads as IPv4.
asio::ip::address plain_address(const asio::ip::address& address);
std::string to_text(const asio::ip::tcp::endpoint& endpoint);
TransportInfo describe(const asio::ip::tcp::socket& socket);

}  // namespace jump::tunnel
