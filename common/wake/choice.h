// Who wakes: the choice of helpers, and what is said when there is none (PRODUCT.md 4.1, 4.5).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/wake/network.h"

namespace jump::wake {

inline constexpr std::size_t kHelpersMost = 3;

// Somebody who is online and may be asked.
struct Candidate {
  std::string id;    // "agent:17", "node:3"
  std::string name;  // for people
  std::uint32_t sessions = 0;
  Machine machine;
};

struct Helper {
  std::string id;
  std::string name;
  std::vector<std::string> interfaces;  // of the helper
  std::vector<std::string> macs;        // of the target
  bool sure = false;                    // by the gateway's MAC
};

struct Plan {
  std::vector<Helper> helpers;  // at most kHelpersMost
  std::string reason;           // when there are none: a sentence for the person
};

// Every network of the target gets a helper before one gets a second; the surer, then the less busy one
// first.
Plan choose_helpers(std::string_view target_name, const Machine& target,
                    const std::vector<Candidate>& candidates);

// Why nobody could wake this machine, whoever is online; empty when somebody could.
std::string why_never(std::string_view target_name, const Machine& target);

}  // namespace jump::wake
