#include "common/tunnel/address.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

#include "common/base/bytes.h"

namespace jump::tunnel {

Result<Address> parse_address(std::string_view text, std::uint16_t default_port) {
  const auto colons = std::count(text.begin(), text.end(), ':');
  const bool bracketed = !text.empty() && text.front() == '[';
  std::string whole(text);
  if (!bracketed && colons > 1) {
    whole = "[" + whole + "]:" + std::to_string(default_port);  // bare IPv6: the last group is no port
  } else if (bracketed ? text.back() == ']' : colons == 0) {
    whole += ":" + std::to_string(default_port);
  }
  Result<Address> parsed = identity::parse_host_port(whole);
  if (!parsed) {
    return Error(Fault::invalid,
                 "'" + printable(text, 64) +
                     "' is no address: expected HOST, HOST:PORT, or [IPV6]:PORT, port 1-65535");
  }
  return parsed;
}

std::string to_text(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool is_literal(const Address& address) {
  boost::system::error_code failed;
  boost::asio::ip::make_address(address.host, failed);
  return !failed;
}

}  // namespace jump::tunnel
