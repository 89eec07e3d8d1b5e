#include "jumpoint/service/abilities.h"

#include "jumpoint/bridge/lock_up.h"

namespace jump::jumpoint {

Abilities find_abilities() {
  Abilities found;
  for (const auto& [name, kind] :
       {std::pair{"ssh", bridge::Walls::target_only}, std::pair{"telnet", bridge::Walls::target_only},
        std::pair{"tunnel", bridge::Walls::connections}}) {
    if (const Result<void> can = bridge::try_lock_up(kind)) {
      found.present.emplace_back(name);
    } else {
      found.lacking.push_back(std::string(name) + ": " + can.error().message());
    }
  }
  found.present.emplace_back("zone_proxy");
  return found;
}

}  // namespace jump::jumpoint
