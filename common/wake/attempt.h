// One attempt to wake a machine, from the first order to the answer whether it came up (PRODUCT.md 4.4). A
// state machine over what happens and `now`; whoever runs it calls tick() at deadline().
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/wake/choice.h"
#include "common/wake/messages.h"

namespace jump::wake {

inline constexpr auto kPause = std::chrono::seconds(30);        // between attempts for one target
inline constexpr auto kHelperLimit = std::chrono::seconds(10);  // for a helper's report
inline constexpr auto kWatchLimit = std::chrono::minutes(5);    // for the target to come online

// Which targets were tried lately. Holds those of the last 30 s only.
class RecentAttempts {
 public:
  // Takes note of an attempt, or refuses it with the seconds left: Fault::refused.
  Result<void> begin(std::uint64_t target, std::string_view name, Instant now);
  // Until the next one; 0: now.
  std::uint32_t seconds_left(std::uint64_t target, Instant now) const;

 private:
  std::map<std::uint64_t, Instant> begun_;
};

enum class AttemptState {
  sending,     // helpers have not all answered
  watching,    // sent; the target is not online yet
  online,      // it came up
  not_online,  // not within kWatchLimit
  failed,      // nothing could be sent
};
BOOST_DESCRIBE_ENUM(AttemptState, sending, watching, online, not_online, failed)

// As the API and the event show it.
struct HelperResult {
  std::string helper;  // "agent:17"
  std::string name;
  bool sent = false;
  bool same_gateway = false;  // it is on the target's network for sure, by the gateway's MAC
  std::string text;           // what it sent, or why it did not
};
BOOST_DESCRIBE_STRUCT(HelperResult, (), (helper, name, sent, same_gateway, text))

struct AttemptResult {
  std::uint64_t attempt = 0;
  AttemptState state = AttemptState::sending;
  std::uint32_t seconds = 0;  // since it began; at the end: how long it took
  std::vector<HelperResult> helpers;
  std::string text;  // one sentence
};
BOOST_DESCRIBE_STRUCT(AttemptResult, (), (attempt, state, seconds, helpers, text))

class Attempt {
 public:
  // `plan` has helpers.
  Attempt(std::uint64_t number, std::string target_name, const Plan& plan, Instant now);

  // Order for one of the plan's helpers.
  WakeOrder order(const Helper& helper, const std::optional<Secret>& password) const;

  // Twice, unknown helpers and what comes after the end are ignored.
  void reported(std::string_view helper, const WakeReport& report, Instant now);
  // It will not answer any more: its tunnel is gone, its supervisor refused.
  void lost(std::string_view helper, std::string_view why, Instant now);
  void target_online(Instant now);
  void tick(Instant now);

  AttemptState state() const { return state_; }
  bool over() const { return state_ != AttemptState::sending && state_ != AttemptState::watching; }
  // When tick() has something to do; nothing once it is over.
  std::optional<Instant> deadline() const;
  AttemptResult result(Instant now) const;

 private:
  struct Asked {
    HelperResult result;
    bool answered = false;
    bool silent = false;  // no report: it may have sent all the same
  };

  Asked* waiting_for(std::string_view helper);
  void settle(Instant now);
  void finish(AttemptState state, Instant now);
  std::string sentence(std::uint32_t seconds) const;

  std::uint64_t number_;
  std::string target_name_;
  Instant begun_;
  std::optional<Instant> ended_;
  AttemptState state_ = AttemptState::sending;
  std::vector<Asked> asked_;
};

}  // namespace jump::wake
