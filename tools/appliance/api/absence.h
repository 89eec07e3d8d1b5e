// Which agents have been away too long (PRODUCT.md 3.5), as a pure decision.
//
// Absence counts only while the appliance itself runs: `run` is its own run time in seconds, from a monotonic
// clock, summed over its starts. If more than 50 agents and more than 5 % of all would go within an hour
// (those of the past hour, those due now and those due within the next hour), none goes: a cut network must
// not cost a fleet.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/appliance/store/jump_clients.h"
#include "tools/appliance/store/settings.h"

namespace jump::api {

inline constexpr std::int64_t kAbsenceWindow = 3600;  // seconds
inline constexpr std::int64_t kMassRemoval = 50;      // agents; more, and …
inline constexpr std::int64_t kMassPercent = 5;       // … more than this of all

struct AbsenceInput {
  std::int64_t run = 0;
  std::int64_t site_seconds = 0;          // the site's period
  std::int64_t agents = 0;                // all of them
  std::int64_t removed_in_last_hour = 0;  // by absence
  std::int64_t due_within_an_hour = 0;    // store: absent_count(run + kAbsenceWindow, site_seconds)
  std::vector<store::Absent> due;         // store: absent(run, site_seconds, limit)
  store::MassRemoval mass_removal = store::MassRemoval::hold;
};

struct AbsenceDecision {
  std::vector<std::int64_t> remove;  // agents
  bool held = false;                 // the guard: administrators are told `would_go` of `agents`
  std::int64_t would_go = 0;
};

AbsenceDecision decide_absence(const AbsenceInput& input);

// After how long of trying in vain the agent itself gives up, as it is told (identity::SettingsOrder):
// ephemeral ones after 24 hours, the others after their own period or else the site's.
std::uint32_t agent_absence_minutes(const store::JumpClient& client, std::uint32_t absence_days);

// Lost is a label: offline for the site's days, by the same clock.
bool is_lost(const store::JumpClientStatus& status, std::uint32_t lost_days, std::int64_t run);
// When it will be removed if it stays away, seconds since 1970; nothing while it is online.
std::optional<std::int64_t> planned_removal(const store::JumpClientRow& row, std::uint32_t absence_days,
                                            std::int64_t run, std::int64_t now);

}  // namespace jump::api
