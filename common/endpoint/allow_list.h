// Where an endpoint lets TCP forwards go: the list in its own configuration, which no appliance can change.
//
// An entry is HOST:PORT or HOST:PORT-PORT or HOST:*, and HOST is
//   an address or prefix      10.0.0.5   10.0.0.0/8   [fd00::/8]   [::1]
//   a host name               db.internal          its owner decides what address that is
//   *                         everything
// Nothing is allowed by default. Addresses are compared after the name was resolved, and the very address
// that was compared is dialled. IPv4-mapped IPv6 counts as IPv4. Multicast and unspecified addresses are
// never allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include "common/base/error.h"

namespace jump::endpoint {

class AllowList {
 public:
  // The error names the first bad entry.
  static Result<AllowList> parse(const std::vector<std::string>& entries);

  // `host` as the console said it, `address` what it was resolved to.
  bool allows(std::string_view host, const boost::asio::ip::address& address, std::uint16_t port) const;
  // The same, by an entry that is not "*" and no prefix of 0 bits: somebody meant this very one.
  bool names(std::string_view host, const boost::asio::ip::address& address, std::uint16_t port) const;
  bool empty() const { return entries_.empty(); }

 private:
  struct Anything {};
  struct Entry {
    std::variant<Anything, std::string, boost::asio::ip::network_v4, boost::asio::ip::network_v6> host;
    std::uint16_t first = 0;
    std::uint16_t last = 0;
  };
  static Result<Entry> parse_entry(std::string_view text);
  static bool matches(const Entry& entry, std::string_view host, const boost::asio::ip::address& address,
                      std::uint16_t port);

  std::vector<Entry> entries_;
};

// An IPv4 address that is written as IPv6 (RFC 4291 section 2.5.5.2) becomes that IPv4 address.
boost::asio::ip::address unmapped(const boost::asio::ip::address& address);

}  // namespace jump::endpoint
