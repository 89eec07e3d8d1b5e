#include "common/tunnel/endpoint_text.h"

namespace jump::tunnel {

using asio::ip::tcp;

asio::ip::address plain_address(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

std::string to_text(const tcp::endpoint& endpoint) {
  const asio::ip::address address = plain_address(endpoint.address());
  const std::string text = address.to_string();
  return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(endpoint.port());
}

TransportInfo describe(const tcp::socket& socket) {
  TransportInfo info;
  boost::system::error_code failed;
  const tcp::endpoint peer = socket.remote_endpoint(failed);
  if (!failed) {
    info.peer_address = to_text(peer);
    info.peer_host = plain_address(peer.address()).to_string();
  }
  return info;
}

}  // namespace jump::tunnel
