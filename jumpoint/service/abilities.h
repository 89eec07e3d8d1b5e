// What this node can do, tried at its start: told to the appliance, which chooses a node by it
// (PRODUCT.md 5.5).
#pragma once

#include <string>
#include <vector>

namespace jump::jumpoint {

struct Abilities {
  std::vector<std::string> present;  // "ssh", "telnet", "tunnel"
  std::vector<std::string> lacking;  // "ssh: this kernel has no seccomp filters"
};

// Forks, so before there is a second thread.
Abilities find_abilities();

}  // namespace jump::jumpoint
