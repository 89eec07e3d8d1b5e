#include "common/wake/attempt.h"

#include <gtest/gtest.h>

namespace jump::wake {
namespace {

using std::chrono::seconds;
const Instant kStart = Instant(std::chrono::hours(1));

Machine machine(std::string_view gateway, std::string_view gateway_mac, std::string_view mac,
                std::string_view name = "eth0") {
  Link link;
  link.name = std::string(name);
  link.mac = parse_mac(mac);
  link.routers.push_back({*access::parse_address(gateway), parse_mac(gateway_mac)});
  link.subnets.push_back({*access::parse_address("192.168.1.0"), 24});
  Machine result;
  result.links.push_back(link);
  result.public_ip = access::parse_address("203.0.113.1");
  return result;
}

constexpr const char* kRouter = "3c:37:86:00:00:0a";
constexpr const char* kVirtual = "00:00:5e:00:01:01";
const Machine kTarget = machine("192.168.1.1", kRouter, "02:77:01:00:00:11");

Candidate candidate(std::string id, std::uint32_t sessions, Machine on = kTarget) {
  Candidate one;
  one.id = id;
  one.name = "name of " + id;
  one.sessions = sessions;
  one.machine = std::move(on);
  return one;
}

std::vector<std::string> ids(const Plan& plan) {
  std::vector<std::string> result;
  for (const Helper& helper : plan.helpers) result.push_back(helper.id);
  return result;
}

TEST(Choice, TakesTheLeastBusyThreeOfTheRightNetwork) {
  const Plan plan = choose_helpers(
      "db", kTarget,
      {candidate("agent:1", 5), candidate("agent:2", 0), candidate("node:3", 1), candidate("agent:4", 2),
       candidate("agent:5", 0, machine("192.168.1.1", "3c:37:86:00:00:0b", "02:77:01:00:00:12"))});
  EXPECT_EQ(ids(plan), (std::vector<std::string>{"agent:2", "node:3", "agent:4"}));
  EXPECT_EQ(plan.helpers[0].interfaces, std::vector<std::string>{"eth0"});
  EXPECT_EQ(plan.helpers[0].macs, std::vector<std::string>{"02:77:01:00:00:11"});
  EXPECT_TRUE(plan.helpers[0].sure);
  EXPECT_EQ(plan.reason, "");
}

TEST(Choice, TheSurerComesFirst) {
  const Plan plan =
      choose_helpers("db", kTarget,
                     {candidate("agent:1", 0, machine("192.168.1.1", kVirtual, "02:77:01:00:00:12")),
                      candidate("agent:2", 9)});
  EXPECT_EQ(ids(plan), (std::vector<std::string>{"agent:2", "agent:1"}));
  EXPECT_FALSE(plan.helpers[1].sure);
}

TEST(Choice, EveryNetworkOfTheTargetGetsAHelperFirst) {
  Machine target = kTarget;
  target.links.push_back(machine("10.0.0.1", kRouter, "02:77:01:00:00:99", "eth1").links[0]);
  const Machine other = machine("10.0.0.1", kRouter, "02:77:01:00:00:13");
  const Plan plan = choose_helpers("db", target,
                                   {candidate("agent:1", 0), candidate("agent:2", 0), candidate("agent:3", 0),
                                    candidate("agent:4", 9, other)});
  EXPECT_EQ(ids(plan), (std::vector<std::string>{"agent:1", "agent:4", "agent:2"}));
  EXPECT_EQ(plan.helpers[1].macs, std::vector<std::string>{"02:77:01:00:00:99"});
}

TEST(Choice, SaysWhyThereIsNobody) {
  EXPECT_EQ(choose_helpers("db", Machine(), {candidate("agent:1", 0)}).reason,
            "'db' cannot be woken: it has never been online, so no MAC address of it is known");
  Machine no_mac = kTarget;
  no_mac.links[0].mac.reset();
  EXPECT_EQ(choose_helpers("db", no_mac, {candidate("agent:1", 0)}).reason,
            "'db' cannot be woken: no MAC address of it is known");
  Machine no_gateway = kTarget;
  no_gateway.links[0].routers.clear();
  EXPECT_EQ(why_never("db", no_gateway),
            "'db' cannot be woken: it had no default gateway, so nobody can tell which network it is on");
  EXPECT_EQ(choose_helpers("db", machine("192.168.1.1", kVirtual, "02:77:01:00:00:11"), {}).reason,
            "'db' cannot be woken now: no Jump Client and no Jumpoint node that is online is on its network "
            "(gateway "
            "192.168.1.1 at 00:00:5e:00:01:01 (a virtual router))");
}

TEST(RecentAttempts, RefusesForThirtySecondsWithTheSecondsLeft) {
  RecentAttempts recent;
  EXPECT_TRUE(recent.begin(7, "db", kStart));
  const Result<void> again = recent.begin(7, "db", kStart + std::chrono::milliseconds(12'500));
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().is(Fault::refused));
  EXPECT_EQ(again.error().message(), "'db' was woken 12 s ago; again in 18 s");
  EXPECT_TRUE(recent.begin(8, "web", kStart + seconds(13)));
  EXPECT_FALSE(recent.begin(7, "db", kStart + seconds(29)));
  EXPECT_TRUE(recent.begin(7, "db", kStart + seconds(30)));
}

Plan two_helpers() {
  return choose_helpers("db", kTarget, {candidate("agent:1", 0), candidate("agent:2", 1)});
}

WakeReport report(std::uint32_t packets) {
  WakeSending sending;
  sending.interface = "eth0";
  sending.packets = packets;
  sending.raw = packets > 0;
  if (packets > 0) sending.to = {"192.168.1.255", "255.255.255.255"};
  sending.failures = packets > 0 ? std::vector<std::string>() : std::vector<std::string>{"network is down"};
  WakeReport result;
  result.attempt = 42;
  result.interfaces.push_back(sending);
  return result;
}

TEST(Attempt, TellsWhoSentWhatAndThatTheTargetCameOnline) {
  Attempt attempt(42, "db", two_helpers(), kStart);
  EXPECT_EQ(attempt.deadline(), kStart + kHelperLimit);
  attempt.reported("agent:1", report(15), kStart + seconds(1));
  EXPECT_EQ(attempt.state(), AttemptState::sending);
  attempt.reported("agent:1", report(0), kStart + seconds(1));
  attempt.reported("agent:9", report(0), kStart + seconds(1));
  attempt.reported("agent:2", report(0), kStart + seconds(2));
  EXPECT_EQ(attempt.state(), AttemptState::watching);
  EXPECT_EQ(attempt.deadline(), kStart + kWatchLimit);
  EXPECT_EQ(attempt.result(kStart + seconds(3)).text,
            "'db': magic packets sent by 1 helper; not online yet after 3 s");
  attempt.target_online(kStart + seconds(41));
  const AttemptResult result = attempt.result(kStart + seconds(99));
  EXPECT_EQ(result.state, AttemptState::online);
  EXPECT_EQ(result.seconds, 41u);
  EXPECT_EQ(result.text, "'db' is online, 41 s after the first order");
  EXPECT_EQ(result.helpers[0].text,
            "on eth0: UDP to 192.168.1.255 and 255.255.255.255 (ports 7 and 9), Ethernet frames; 3 times");
  EXPECT_TRUE(result.helpers[0].same_gateway);
  EXPECT_EQ(result.helpers[1].text, "on eth0: nothing (not sent: network is down)");
  EXPECT_FALSE(attempt.deadline());
  attempt.tick(kStart + kWatchLimit);
  EXPECT_EQ(attempt.state(), AttemptState::online) << "the end is the end";
}

TEST(Attempt, SaysAfterTheLimitThatTheTargetDidNotCome) {
  Attempt attempt(42, "db", two_helpers(), kStart);
  attempt.reported("agent:1", report(15), kStart);
  attempt.reported("agent:2", report(15), kStart);
  attempt.tick(kStart + kWatchLimit - seconds(1));
  EXPECT_FALSE(attempt.over());
  attempt.tick(kStart + kWatchLimit);
  EXPECT_EQ(attempt.result(kStart + kWatchLimit).text,
            "'db' did not come online within 300 s; magic packets were sent by 2 helpers");
}

TEST(Attempt, AHelperThatDiesOrIsSilentMayHaveSent) {
  Attempt attempt(42, "db", two_helpers(), kStart);
  attempt.lost("agent:1", "its tunnel was lost", kStart + seconds(1));
  attempt.tick(kStart + kHelperLimit);
  EXPECT_EQ(attempt.state(), AttemptState::watching);
  const AttemptResult result = attempt.result(kStart + kHelperLimit);
  EXPECT_EQ(result.helpers[0].text, "no report: its tunnel was lost");
  EXPECT_EQ(result.helpers[1].text, "no report within 10 s");
  attempt.target_online(kStart + seconds(20));
  EXPECT_EQ(attempt.state(), AttemptState::online);
}

TEST(Attempt, FailsAtOnceWhenNobodyCouldSend) {
  Attempt attempt(42, "db", two_helpers(), kStart);
  attempt.reported("agent:1", report(0), kStart);
  WakeReport refused;
  refused.attempt = 42;
  refused.error = "wake: 0 addresses";
  attempt.reported("agent:2", refused, kStart);
  EXPECT_EQ(attempt.result(kStart).text, "'db': no helper could send a magic packet");
  EXPECT_EQ(attempt.result(kStart).helpers[1].text, "nothing was sent: wake: 0 addresses");
}

TEST(WakeOrder, IsMadeForEachHelperAndChecked) {
  const Plan plan = two_helpers();
  Attempt attempt(42, "db", plan, kStart);
  WakeOrder order = attempt.order(plan.helpers[0], Secret(Bytes{1, 2, 3, 4}));
  EXPECT_TRUE(check(order));
  EXPECT_EQ(order.attempt, 42u);
  const Result<WakeOrder> read = from_json_text<WakeOrder>(to_json_text(order), kWakeJobBytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->password, order.password);
  order.password = Secret(Bytes(5));
  EXPECT_FALSE(check(order));
  order.password.reset();
  order.macs = {"ff:ff:ff:ff:ff:ff"};
  EXPECT_EQ(check(order).error().message(), "wake: 'ff:ff:ff:ff:ff:ff' is not the address of a network card");
  order.macs.assign(kMacsMost + 1, "02:77:01:00:00:11");
  EXPECT_EQ(check(order).error().message(), "wake: 17 addresses, between 1 and 16 are allowed");
  order.macs = {"02:77:01:00:00:11"};
  order.interfaces.clear();
  EXPECT_FALSE(check(order));
}

}  // namespace
}  // namespace jump::wake
