#include "tools/appliance/api/absence.h"

#include <gtest/gtest.h>

namespace jump::api {
namespace {

constexpr std::int64_t kDay = 86400;

store::Absent absent(std::int64_t agent, std::int64_t offline_run,
                     std::optional<std::int64_t> own = std::nullopt) {
  return {agent, "a" + std::to_string(agent), offline_run, own};
}

AbsenceInput input(std::int64_t due, std::int64_t agents) {
  AbsenceInput in;
  in.run = 200 * kDay;
  in.site_seconds = 180 * kDay;
  in.agents = agents;
  for (std::int64_t agent = 1; agent <= due; ++agent) in.due.push_back(absent(agent, 20 * kDay));
  in.due_within_an_hour = due;
  return in;
}

TEST(Absence, RemovesThoseWhosePeriodIsOver) {
  AbsenceInput in = input(0, 100);
  in.due = {absent(1, 20 * kDay), absent(2, 20 * kDay + 1), absent(3, 200 * kDay - 300, 300),
            absent(4, 200 * kDay - 299, 300)};
  in.due_within_an_hour = 4;
  EXPECT_EQ(decide_absence(in).remove, (std::vector<std::int64_t>{1, 3}));
  EXPECT_FALSE(decide_absence(in).held);
}

TEST(Absence, HoldsWhenMoreThanFiftyAndFivePercentWouldGo) {
  EXPECT_EQ(decide_absence(input(50, 50)).remove.size(), 50u);    // not more than 50
  EXPECT_EQ(decide_absence(input(51, 1020)).remove.size(), 51u);  // 5 %, not more
  EXPECT_TRUE(decide_absence(input(51, 1019)).held);
  EXPECT_TRUE(decide_absence(input(51, 1019)).remove.empty());
  EXPECT_EQ(decide_absence(input(51, 1019)).would_go, 51);
}

TEST(Absence, CountsTheHourBehindAndTheHourAhead) {
  AbsenceInput slow = input(10, 500);
  slow.removed_in_last_hour = 41;  // in small portions they would slip through
  EXPECT_TRUE(decide_absence(slow).held);
  AbsenceInput soon = input(1, 500);
  soon.due_within_an_hour = 60;
  EXPECT_TRUE(decide_absence(soon).held);
}

TEST(Absence, LetsAnAdministratorLetThemGo) {
  AbsenceInput in = input(60, 60);
  in.mass_removal = store::MassRemoval::allow;
  EXPECT_EQ(decide_absence(in).remove.size(), 60u);
}

TEST(Absence, CallsLostWhatIsAwayForTheDaysOfTheSite) {
  store::JumpClientStatus status;
  EXPECT_FALSE(is_lost(status, 7, 1000 * kDay));  // online
  status.offline_run = 10 * kDay;
  EXPECT_FALSE(is_lost(status, 7, 17 * kDay - 1));
  EXPECT_TRUE(is_lost(status, 7, 17 * kDay));
}

TEST(Absence, PlansTheRemovalByTheOwnPeriodFirst) {
  store::JumpClientRow row;
  EXPECT_FALSE(planned_removal(row, 180, 0, 0));
  row.offline_run = 100;
  EXPECT_EQ(planned_removal(row, 1, 200, 5000), 5000 + kDay - 100);
  row.max_offline_minutes = 60;
  EXPECT_EQ(planned_removal(row, 1, 200, 5000), 5000 + 3500);
  row.ephemeral = true;
  EXPECT_EQ(planned_removal(row, 1, 200, 5000), 5000 + 200);
  EXPECT_EQ(planned_removal(row, 1, 1000, 5000), 5000);  // overdue: held by the guard
}

TEST(Absence, AgentsAreToldTheirOwnPeriodOrElseTheSites) {
  store::JumpClient client;
  EXPECT_EQ(agent_absence_minutes(client, 180), 259200u);
  client.max_offline_minutes = 90;
  EXPECT_EQ(agent_absence_minutes(client, 180), 90u);
  client.ephemeral = true;  // 5 minutes at the appliance, a day of trying at the agent
  EXPECT_EQ(agent_absence_minutes(client, 180), 1440u);
}

}  // namespace
}  // namespace jump::api
