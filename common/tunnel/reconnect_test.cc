#include <gtest/gtest.h>

#include "common/tunnel/address.h"
#include "common/tunnel/backoff.h"
#include "common/tunnel/reconnect.h"
#include "common/tunnel/routes.h"

namespace jump::tunnel {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{100h};

Random always_most() {
  return [](std::uint64_t bound) { return bound - 1; };
}
Random always_least() {
  return [](std::uint64_t) { return std::uint64_t{0}; };
}

TEST(Address, ReadsWhatPeopleWrite) {
  const auto text = [](std::string_view from) { return to_text(parse_address(from).value()); };
  EXPECT_EQ(text("appliance.example"), "appliance.example:443");
  EXPECT_EQ(text("appliance.example:8443"), "appliance.example:8443");
  EXPECT_EQ(text("10.0.0.5"), "10.0.0.5:443");
  EXPECT_EQ(text("10.0.0.5:1"), "10.0.0.5:1");
  EXPECT_EQ(text("[2001:db8::1]:65535"), "[2001:db8::1]:65535");
  EXPECT_EQ(text("[2001:db8::1]"), "[2001:db8::1]:443");
  EXPECT_EQ(text("2001:db8::1"), "[2001:db8::1]:443");
  EXPECT_EQ(to_text(parse_address("proxy", 3128).value()), "proxy:3128");
}

TEST(Address, RefusesTheRestAndNamesIt) {
  for (const char* wrong :
       {"", ":443", "host:", "host:0", "host:65536", "host:0443", "host:x", "[::1", "::1]:443", "a b",
        "https://host", "host/path", "[::1]x:443", "256.1.1.1", "-host", "user@host"}) {
    const Result<Address> address = parse_address(wrong);
    ASSERT_FALSE(address) << wrong;
    EXPECT_NE(address.error().message().find(wrong), std::string::npos);
  }
  EXPECT_FALSE(parse_address(std::string(300, 'a')));
}

TEST(Routes, AreCheckedAndNeverPrintCredentials) {
  Route route;
  EXPECT_TRUE(check_route(route));
  EXPECT_EQ(to_text(route), "direct");
  route.proxies = {"10.0.0.9:3128"};
  EXPECT_FALSE(check_route(route));
  route.kind = RouteKind::http_proxy;
  route.user = "user";
  route.password = Secret("secret");
  EXPECT_TRUE(check_route(route));
  EXPECT_EQ(to_text(route), "http-proxy 10.0.0.9:3128");
  route.user = "us:er";
  EXPECT_FALSE(check_route(route));
  route.kind = RouteKind::socks5;
  EXPECT_TRUE(check_route(route));
  route.password = Secret(std::string(256, 'x'));
  EXPECT_FALSE(check_route(route));
  route.password = Secret("a\r\nX: y");
  EXPECT_FALSE(check_route(route));
  route.password = Secret("p");
  route.proxies.push_back("10.0.0.10:1080");
  EXPECT_FALSE(check_route(route));
  route.kind = RouteKind::zone_proxy;
  route.user.clear();
  EXPECT_TRUE(check_route(route));
  route.proxies[0] = "no address";
  EXPECT_FALSE(check_route(route));
}

TEST(Backoff, GrowsToItsCapAndUsesTheWholeRange) {
  const BackoffLimits limits;
  EXPECT_EQ(full_jitter(0, limits, always_most()), 1s);
  EXPECT_EQ(full_jitter(3, limits, always_most()), 8s);
  EXPECT_EQ(full_jitter(6, limits, always_most()), 60s);
  EXPECT_EQ(full_jitter(1'000'000, limits, always_most()), 60s);
  EXPECT_EQ(full_jitter(7, limits, always_least()), 0s);
  const Random random = make_random();
  Duration sum{0};
  for (int i = 0; i < 1000; ++i) {
    const Duration one = full_jitter(4, limits, random);
    ASSERT_GE(one, 0s);
    ASSERT_LE(one, 16s);
    sum += one;
  }
  EXPECT_NEAR(std::chrono::duration<double>(sum).count() / 1000, 8.0, 1.0);
}

TEST(Reconnect, TriesWithinASecondThenBacksOff) {
  Reconnect machine({}, always_most(), kStart);
  EXPECT_EQ(machine.wait(kStart), 1s);
  Instant now = kStart + 1s;
  Duration expected = 2s;
  for (int i = 0; i < 10; ++i) {
    machine.failed(now);
    EXPECT_EQ(machine.wait(now), std::min<Duration>(expected, 60s));
    now = machine.next_try();
    expected *= 2;
  }
  EXPECT_EQ(machine.failed_tries(), 10u);
}

TEST(Reconnect, StartsAnewAfterAConnectionThatLasted) {
  Reconnect machine({}, always_most(), kStart);
  machine.failed(kStart);
  machine.failed(kStart + 5s);
  machine.connected(kStart + 10s, 0);
  EXPECT_EQ(machine.failed_for(), 0s);
  machine.lost(kStart + 60s);
  EXPECT_EQ(machine.failed_tries(), 0u);
  EXPECT_EQ(machine.wait(kStart + 60s), 1s);
}

TEST(Reconnect, DoesNotDialAFlappingApplianceForEver) {
  Reconnect machine({}, always_most(), kStart);
  Instant now = kStart;
  for (int i = 0; i < 8; ++i) {
    machine.connected(now, 0);
    machine.lost(now + 1s);
    now = machine.next_try();
  }
  machine.connected(now, 0);
  machine.lost(now + 1s);
  EXPECT_EQ(machine.wait(now + 1s), 60s);
}

TEST(Reconnect, ObeysRetryAfterUpToItsCap) {
  Reconnect machine({}, always_most(), kStart);
  machine.connected(kStart, 0);
  machine.told_to_go(kStart + 60s, 40s);
  machine.lost(kStart + 60s);
  EXPECT_EQ(machine.next_try(), kStart + 60s + 50s);  // 40 s and at most a quarter of it
  machine.hurry(kStart + 61s);
  EXPECT_EQ(machine.next_try(), kStart + 110s);

  Reconnect patient({}, always_least(), kStart);
  patient.connected(kStart, 0);
  patient.lost(kStart + 60s);
  patient.told_to_go(kStart + 60s, 24h);
  EXPECT_EQ(patient.next_try(), kStart + 60s + 10min);
  patient.connected(kStart + 1h, 0);
  patient.lost(kStart + 2h);
  EXPECT_EQ(patient.wait(kStart + 2h), 0s);  // forgotten with the next welcome
}

TEST(Reconnect, CountsTheTimeOfFailedTriesAndNotOfStandby) {
  Reconnect machine({}, always_most(), kStart, 2h);
  machine.failed(kStart);
  machine.failed(kStart + 1min);
  machine.failed(kStart + 3min);
  EXPECT_EQ(machine.failed_for(), 2h + 3min);
  machine.failed(kStart + 10h);  // slept
  EXPECT_EQ(machine.failed_for(), 2h + 18min);
  machine.failed(kStart + 9h);  // a clock that went back adds nothing
  EXPECT_EQ(machine.failed_for(), 2h + 18min);
  machine.connected(kStart + 11h, 0);
  EXPECT_EQ(machine.failed_for(), 0s);
  machine.lost(kStart + 12h);
  machine.failed(kStart + 12h + 1min);
  EXPECT_EQ(machine.failed_for(), 0s);  // counted from the first failed try
}

TEST(Reconnect, LostBeforeTheWelcomeIsAFailedTry) {
  Reconnect machine({}, always_most(), kStart);
  machine.lost(kStart);
  EXPECT_EQ(machine.failed_tries(), 1u);
  EXPECT_EQ(machine.wait(kStart), 2s);
}

TEST(Reconnect, HurriesWhenSomethingChanged) {
  Reconnect machine({}, always_most(), kStart);
  for (int i = 0; i < 8; ++i) machine.failed(kStart);
  EXPECT_EQ(machine.wait(kStart), 60s);
  machine.hurry(kStart + 1s);
  EXPECT_EQ(machine.wait(kStart + 1s), 1s);
}

TEST(Reconnect, TriesTheRouteThatWorkedFirst) {
  Reconnect machine({}, always_most(), kStart);
  using Order = std::vector<std::size_t>;
  EXPECT_EQ(machine.route_order(3, kStart), (Order{0, 1, 2}));
  machine.connected(kStart, 2);
  EXPECT_EQ(machine.route_order(3, kStart + 1min), (Order{2, 0, 1}));
  EXPECT_EQ(machine.route_order(2, kStart + 1min), (Order{0, 1}));  // gone from the configuration
  machine.lost(kStart + 5h);
  EXPECT_EQ(machine.route_order(3, kStart + 5h + 59min), (Order{2, 0, 1}));
  EXPECT_EQ(machine.route_order(3, kStart + 7h), (Order{0, 1, 2}));
}

TEST(DialTargets, AreWhatWasToldThenOnesOwnEachOnce) {
  const std::vector<Address> targets = dial_targets({"b:443", "a", "nonsense:"}, {"a:443", "c:1"});
  std::vector<std::string> texts;
  for (const Address& one : targets) texts.push_back(to_text(one));
  EXPECT_EQ(texts, (std::vector<std::string>{"b:443", "a:443", "c:1"}));
  std::vector<std::string> many;
  for (int i = 0; i < 40; ++i) many.push_back("host" + std::to_string(i));
  EXPECT_EQ(dial_targets(many, {}).size(), 16u);
}

}  // namespace
}  // namespace jump::tunnel
