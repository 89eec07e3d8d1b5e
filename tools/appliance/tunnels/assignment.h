// Which node of a Jumpoint starts a session (PRODUCT.md 5.5): a plain function over what is known of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"

namespace jump::appliance {

struct NodeCandidate {
  std::int64_t id = 0;
  std::string hostname;
  std::string tag;
  std::vector<std::string> abilities;
  bool online = false;
  bool draining = false;       // an administrator wants it to run dry
  std::uint32_t sessions = 0;  // live ones
  std::uint64_t assigned = 0;  // starts that it was asked for since the appliance began
};

struct NodeWish {
  std::string jumpoint;              // its name, for the refusal
  std::string ability;               // ssh, telnet, tunnel
  std::optional<std::int64_t> node;  // that one only
  std::string tag;                   // those with this tag only; empty: any
};

// The nodes to ask, in this order: online and able, the fewest sessions first, then who was asked least; the
// first that answers has it. Fault::unavailable says why there is none.
Result<std::vector<std::int64_t>> assign_nodes(const std::vector<NodeCandidate>& nodes, const NodeWish& wish);

}  // namespace jump::appliance
