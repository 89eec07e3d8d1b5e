// How many connections each source has now: an IPv4 address, or an IPv6 /64 (within which a host takes as
// many addresses as it likes).
#pragma once

#include <cstddef>
#include <map>

#include "common/access/address.h"

namespace jump::proxy {

class SourceTable {
 public:
  std::size_t add(const access::Address& address) {
    ++total_;
    return ++counts_[key(address)];
  }
  void remove(const access::Address& address) {
    const auto at = counts_.find(key(address));
    if (at == counts_.end()) return;
    --total_;
    if (--at->second == 0) counts_.erase(at);
  }
  std::size_t total() const { return total_; }
  std::size_t sources() const { return counts_.size(); }

 private:
  static access::Address key(access::Address address) {
    address.low = 0;
    return address;
  }

  std::map<access::Address, std::size_t> counts_;
  std::size_t total_ = 0;
};

}  // namespace jump::proxy
