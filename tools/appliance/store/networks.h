// Which machines may be on one network: an index over what they reported of their interfaces. Its keys are
// made by common/wake/network.h; two machines that share none of them share no network.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"
#include "tools/appliance/store/db.h"
#include "tools/appliance/store/endpoint.h"

namespace jump::store {

// What is needed to judge whether somebody is a neighbour.
struct NetworkMember {
  std::string name;       // of its first asset, or its host
  std::string public_ip;  // as the appliance saw it last
  json::value inventory;  // control::Inventory, or null
};
BOOST_DESCRIBE_STRUCT(NetworkMember, (), (name, public_ip, inventory))

class Networks {
 public:
  explicit Networks(Db& db) : db_(db) {}

  // In place of what was there.
  Result<void> set(const Endpoint& endpoint, std::span<const std::string> keys);
  // Agents and nodes that share a key, each once; not those of a disabled asset or Jumpoint.
  Result<std::vector<Endpoint>> sharing(std::span<const std::string> keys);
  // Nothing: it is gone.
  Result<std::optional<NetworkMember>> member(const Endpoint& endpoint);

 private:
  Db& db_;
};

}  // namespace jump::store
