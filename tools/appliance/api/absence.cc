#include "tools/appliance/api/absence.h"

#include <algorithm>

namespace jump::api {

AbsenceDecision decide_absence(const AbsenceInput& input) {
  AbsenceDecision decision;
  const auto due_count = static_cast<std::int64_t>(input.due.size());
  decision.would_go = input.removed_in_last_hour + std::max(due_count, input.due_within_an_hour);
  const bool mass = decision.would_go > kMassRemoval &&
                    decision.would_go * 100 > (input.agents + input.removed_in_last_hour) * kMassPercent;
  if (mass && input.mass_removal == store::MassRemoval::hold) {
    decision.held = true;
    return decision;
  }
  for (const store::Absent& absent : input.due) {
    // The list was made for this very moment; an override that was lengthened since is honoured here.
    if (absent.offline_run + absent.own_period.value_or(input.site_seconds) <= input.run) {
      decision.remove.push_back(absent.agent);
    }
  }
  return decision;
}

std::uint32_t agent_absence_minutes(const store::JumpClient& client, std::uint32_t absence_days) {
  constexpr std::uint32_t kDay = 24 * 60;
  if (client.ephemeral) return kDay;
  if (client.max_offline_minutes > 0) return static_cast<std::uint32_t>(client.max_offline_minutes);
  return absence_days * kDay;
}

bool is_lost(const store::JumpClientStatus& status, std::uint32_t lost_days, std::int64_t run) {
  return status.offline_run && run - *status.offline_run >= std::int64_t{lost_days} * 86400;
}

std::optional<std::int64_t> planned_removal(const store::JumpClientRow& row, std::uint32_t absence_days,
                                            std::int64_t run, std::int64_t now) {
  if (!row.offline_run) return std::nullopt;
  std::int64_t period = std::int64_t{absence_days} * 86400;
  if (row.ephemeral) {
    period = store::kEphemeralSeconds;
  } else if (row.max_offline_minutes > 0) {
    period = std::int64_t{row.max_offline_minutes} * 60;
  }
  return now + std::max<std::int64_t>(0, *row.offline_run + period - run);
}

}  // namespace jump::api
