// Who is connected now: the tunnels' side of the appliance, as the API sees it. Implemented over the table of
// tunnels, which another thread changes; so every call takes what it needs at once, by value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace jump::api {

struct AgentPresence {
  std::int64_t since = 0;      // seconds since 1970
  std::string route;           // "direct 10.0.0.5:443"
  std::uint32_t sessions = 0;  // live ones, attached or waiting
};

class Presence {
 public:
  virtual ~Presence() = default;
  // Nothing: not connected. Called for each row of a page.
  virtual std::optional<AgentPresence> agent(std::int64_t agent) const = 0;
  virtual std::optional<AgentPresence> node(std::int64_t node) const = 0;
  // Connected agents.
  virtual std::int64_t online() const = 0;
};

}  // namespace jump::api
