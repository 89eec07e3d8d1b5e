#include "jumpoint/browse/hosts.h"

#include <algorithm>

#include "common/base/bytes.h"

namespace jump::browse {
namespace {
constexpr std::size_t kNotesMost = 16;
}  // namespace

Hosts::Hosts(const Vendors* vendors, std::function<void(const wake::FoundHost&)> changed,
             std::function<void(const std::string&, const access::Address&)> arrived)
    : vendors_(vendors), changed_(std::move(changed)), arrived_(std::move(arrived)) {}

void Hosts::note(std::string text) {
  if (notes_.size() < kNotesMost && std::ranges::find(notes_, text) == notes_.end())
    notes_.push_back(std::move(text));
}

Hosts::Host* Hosts::find(const access::Address& address) {
  const auto at = by_address_.find(address);
  return at == by_address_.end() ? nullptr : &hosts_[at->second];
}

std::vector<access::Address> Hosts::addresses_of(const access::Address& address) const {
  const auto at = by_address_.find(address);
  return at == by_address_.end() ? std::vector<access::Address>() : hosts_[at->second].addresses;
}

Hosts::Host* Hosts::make(const std::string& interface, const std::optional<wake::Mac>& mac) {
  if (hosts_.size() == wake::kHostsMost) {
    note("more than " + std::to_string(wake::kHostsMost) + " machines: the others are not listed");
    return nullptr;
  }
  Host host;
  host.shown.id = static_cast<std::uint32_t>(hosts_.size());
  host.shown.interface = interface;
  hosts_.push_back(std::move(host));
  if (mac) by_mac_[*mac] = hosts_.size() - 1;
  return &hosts_.back();
}

void Hosts::add_address(Host& host, const access::Address& address) {
  host.addresses.insert(std::ranges::lower_bound(host.addresses, address), address);
  host.shown.addresses.clear();
  for (const access::Address& one : host.addresses) {
    if (host.shown.addresses.size() < kAddressesMost) host.shown.addresses.push_back(access::to_text(one));
  }
}

void Hosts::seen(const std::string& interface, const access::Address& address,
                 const std::optional<wake::Mac>& mac, bool router) {
  Host* host = find(address);
  if (host != nullptr && mac && host->mac && *host->mac != *mac) {
    note(access::to_text(address) + " is answered by two machines: " + wake::to_text(*host->mac) + " and " +
         wake::to_text(*mac));
    return;
  }
  const bool known = host != nullptr;
  if (host == nullptr && mac) {
    if (const auto at = by_mac_.find(*mac); at != by_mac_.end()) host = &hosts_[at->second];
  }
  if (host == nullptr) host = make(interface, mac);
  if (host == nullptr) return;
  bool news = false;
  if (mac && !host->mac) {
    host->mac = mac;
    by_mac_.try_emplace(*mac, host->shown.id);
    host->shown.mac = wake::to_text(*mac);
    if (vendors_ != nullptr) host->shown.vendor = std::string(vendors_->name(*mac));
    news = true;
  }
  if (router && !host->shown.router) news = host->shown.router = true;
  if (!known) {
    if (++host->answered > kAddressesOfOne) {
      note(host->shown.mac + " answers for more than " + std::to_string(kAddressesOfOne) +
           " addresses (proxy ARP?): the others are not listed");
      return;
    }
    by_address_[address] = host->shown.id;
    add_address(*host, address);
    news = true;
  }
  if (news) changed_(host->shown);
  if (!known) arrived_(interface, address);
}

void Hosts::named(const access::Address& address, std::string_view name, wake::NameSource source) {
  Host* host = find(address);
  wake::FoundName found{printable(name, 255), source};
  if (host == nullptr || found.name.empty() || host->shown.names.size() == kNamesMost) return;
  if (std::ranges::find(host->shown.names, found) != host->shown.names.end()) return;
  host->shown.names.push_back(std::move(found));
  changed_(host->shown);
}

void Hosts::open_port(const access::Address& address, std::uint16_t port) {
  Host* host = find(address);
  if (host == nullptr) return;
  std::vector<std::uint16_t>& ports = host->shown.ports;
  const auto at = std::ranges::lower_bound(ports, port);
  if (at != ports.end() && *at == port) return;
  ports.insert(at, port);
  changed_(host->shown);
}

}  // namespace jump::browse
