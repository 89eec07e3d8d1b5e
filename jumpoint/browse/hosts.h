// The machines that a sweep has found: each fact that is heard finds its machine or makes a new one. Plain
// data; everything that strangers can make grow has a limit.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/access/address.h"
#include "common/wake/browsing.h"
#include "common/wake/mac.h"
#include "jumpoint/browse/vendors.h"

namespace jump::browse {

inline constexpr std::size_t kAddressesMost = 16;  // shown of one machine
// One card that answers for more addresses than this answers for others (proxy ARP): those are not listed.
inline constexpr std::size_t kAddressesOfOne = 32;
inline constexpr std::size_t kNamesMost = 8;

class Hosts {
 public:
  // `changed` is called with a machine's present state whenever something new is known of it; `arrived` once
  // for each address that is new. `vendors` may be null.
  Hosts(const Vendors* vendors, std::function<void(const wake::FoundHost&)> changed,
        std::function<void(const std::string& interface, const access::Address&)> arrived);

  // Somebody at `address`; the MAC if it was seen.
  void seen(const std::string& interface, const access::Address& address, const std::optional<wake::Mac>& mac,
            bool router = false);
  // Facts about an address; those of unknown ones are ignored.
  void named(const access::Address& address, std::string_view name, wake::NameSource source);
  void open_port(const access::Address& address, std::uint16_t port);

  bool knows(const access::Address& address) const { return by_address_.contains(address); }
  std::size_t size() const { return hosts_.size(); }
  // All listed addresses of the machine that has this one, IPv4 first; empty: unknown.
  std::vector<access::Address> addresses_of(const access::Address& address) const;
  // Sentences about what is odd: proxy ARP, two machines with one address, too many machines.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Host {
    wake::FoundHost shown;
    std::optional<wake::Mac> mac;
    std::vector<access::Address> addresses;  // sorted, IPv4 first
    std::size_t answered = 0;                // addresses, with those that are not listed
  };

  Host* find(const access::Address& address);
  Host* make(const std::string& interface, const std::optional<wake::Mac>& mac);
  void add_address(Host& host, const access::Address& address);
  void note(std::string text);

  const Vendors* vendors_;
  std::function<void(const wake::FoundHost&)> changed_;
  std::function<void(const std::string&, const access::Address&)> arrived_;
  std::vector<Host> hosts_;
  std::map<access::Address, std::size_t> by_address_;
  std::map<wake::Mac, std::size_t> by_mac_;
  std::vector<std::string> notes_;
};

}  // namespace jump::browse
