// Conversation: what the appliance learns from the messages that the two ends of a session exchange on stream
// 0 while it relays them: a host key that the representative confirmed, and remarks of the endpoint. It never
// sees more of an answer than whether it was one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "common/base/json.h"
#include "common/mux/relay.h"

namespace jump::appliance {

class Conversation {
 public:
  // The representative said yes to this key, "ssh-ed25519 AAAA…".
  struct HostKey {
    std::string key;
  };
  // For the events of the session. At most kRemarks of a session, each at most 512 bytes.
  struct Said {
    bool warning = false;
    std::string text;
  };
  using Fact = std::variant<std::monostate, HostKey, Said>;

  static constexpr std::size_t kRemarks = 32;
  static constexpr std::size_t kPending = 16;  // questions for host keys without an answer

  Fact on_message(mux::Side from, const json::value& message);

 private:
  std::map<std::int64_t, std::string> asked_;  // prompt id → key
  std::size_t remarks_ = 0;
};

// The message as it may stand in a recording: of a prompt's answer only that there was one.
json::value recordable(const json::value& message);

}  // namespace jump::appliance
