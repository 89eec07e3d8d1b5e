// Who is connected now: the tunnels' side of the appliance, as the API sees it. Implemented over the table of
// tunnels, which another thread changes; so every call takes what it needs at once, by value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/wake/attempt.h"
#include "common/wake/browsing.h"

namespace jump::api {

struct AgentPresence {
  std::int64_t since = 0;      // seconds since 1970
  std::string route;           // "direct 10.0.0.5:443"
  std::uint32_t sessions = 0;  // live ones, attached or waiting
};

// A node's sweep of its network, as far as it has come.
struct SweepView {
  std::uint64_t sweep = 0;
  std::int64_t node = 0;
  std::string node_name;
  bool over = false;
  std::uint32_t hosts_in_all = 0;
  std::uint64_t cursor = 0;            // of the last of `hosts`, for the next question
  std::vector<wake::FoundHost> hosts;  // found or changed after the cursor that was asked with
  bool more = false;                   // there are further ones by now
  std::optional<wake::BrowseEnd> end;
};

class Presence {
 public:
  virtual ~Presence() = default;
  // Nothing: not connected. Called for each row of a page.
  virtual std::optional<AgentPresence> agent(std::int64_t agent) const = 0;
  virtual std::optional<AgentPresence> node(std::int64_t node) const = 0;
  // Connected agents.
  virtual std::int64_t online() const = 0;
  // The last attempt to wake this agent's machine; nothing: none since the appliance started.
  virtual std::optional<wake::AttemptResult> attempt(std::int64_t /*agent*/) const { return std::nullopt; }
  // The last sweep of this Jumpoint's network, with at most `most` hosts; forgotten a minute after its end.
  virtual std::optional<SweepView> sweep(std::int64_t /*jumpoint*/, std::uint64_t /*after*/,
                                         std::size_t /*most*/, Instant /*now*/) const {
    return std::nullopt;
  }
};

}  // namespace jump::api
