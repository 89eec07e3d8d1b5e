#include "common/access/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "common/access/linear_rules_lab.h"

namespace jump::access {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Lines = std::vector<std::string>;

std::string verdict(const RuleSet& rules, const char* text) {
  const Verdict is = rules.check(*parse_address(text));
  return (is.allowed ? "yes " : "no ") + std::to_string(is.line);
}

TEST(Rules, DecideByLineAddressAndKind) {
  const Lines lines = {
      "# shops",       "10.1.0.0/16",           "10.1.2.0/255.255.255.0", "192.168.1.7",     "",
      "2001:db8::/32", "::ffff:172.16.0.0/108", "0.0.0.0/32 # nobody",    "2001:db8:1::/48", "::1"};
  const Result<RuleSet> allow = parse(Restriction::allow, lines);
  const Result<RuleSet> deny = parse(Restriction::deny, lines);
  const Result<RuleSet> none = parse(Restriction::none, lines);
  ASSERT_TRUE(allow && deny && none);
  EXPECT_EQ(allow->size(), 8u);
  const std::pair<const char*, int> table[] = {
      {"10.1.0.0", 2},        {"10.1.255.255", 2},    {"10.1.2.3", 3},       {"10.2.0.0", 0},
      {"10.0.255.255", 0},    {"192.168.1.7", 4},     {"192.168.1.6", 0},    {"192.168.1.8", 0},
      {"2001:db8::1", 6},     {"2001:db9::1", 0},     {"2001:db8:1:2::", 9}, {"172.16.0.1", 7},
      {"172.31.255.255", 7},  {"172.32.0.0", 0},      {"0.0.0.0", 8},        {"0.0.0.1", 0},
      {"::ffff:10.1.2.3", 3}, {"::ffff:11.0.0.1", 0}, {"::1", 10},           {"::", 0},
      {"255.255.255.255", 0}, {"::a01:203", 0},
  };
  for (const auto& [address, line] : table) {
    const std::string by = std::to_string(line);
    EXPECT_EQ(verdict(*allow, address), (line != 0 ? "yes " : "no ") + by) << address;
    EXPECT_EQ(verdict(*deny, address), (line != 0 ? "no " : "yes ") + by) << address;
    EXPECT_EQ(verdict(*none, address), "yes 0") << address;
  }
}

TEST(Rules, AllOfAFamily) {
  const Result<RuleSet> v4 = parse(Restriction::deny, Lines{"0.0.0.0/0"});
  EXPECT_EQ(verdict(*v4, "1.2.3.4"), "no 1");
  EXPECT_EQ(verdict(*v4, "::ffff:1.2.3.4"), "no 1");
  EXPECT_EQ(verdict(*v4, "::1"), "yes 0");
  // IPv6 rules are not for mapped addresses, which count as IPv4.
  const Result<RuleSet> v6 = parse(Restriction::deny, Lines{"::/0"});
  EXPECT_EQ(verdict(*v6, "::1"), "no 1");
  EXPECT_EQ(verdict(*v6, "::ffff:1.2.3.4"), "yes 0");
}

TEST(Rules, NameEveryFaultyLine) {
  const Lines lines = {"10.0.0.0/8",          "10.0.0.0/33",         "10.0.0.0/255.0.255.0",
                       "shop.example",        "10.0.0.0/",           "::/129",
                       "::1/255.0.0.0",       "10.0.0.0/08",         "10.0.0.0/-1",
                       "10.0.0.0/8/8",        "10.0.0.0 8",          "::ffff:1.1.1.1/95",
                       "10.0.0.256",          "fe80::1%eth0",        "\x1b[2J",
                       "10.0.0.0/0.0.0.255",  "10.0.0.0/1e1",        "1.2.3.4,5.6.7.8",
                       std::string(600, ' '), "10.0.0.0/99999999999"};
  const Reading reading = read_prefixes(lines);
  ASSERT_EQ(reading.faults.size(), lines.size() - 1);
  for (std::size_t i = 0; i < reading.faults.size(); ++i) EXPECT_EQ(reading.faults[i].line, i + 2);
  EXPECT_EQ(to_text(reading.faults[0]), "line 2: '10.0.0.0/33': after / a number from 0 to 32 was expected");
  EXPECT_THAT(reading.faults[13].text, HasSubstr("\\x1b"));
  const Result<RuleSet> rules = parse(Restriction::none, lines);
  ASSERT_FALSE(rules);
  EXPECT_THAT(rules.error().context, HasSubstr("line 2: "));
  EXPECT_THAT(rules.error().context, HasSubstr("; line 20: "));
}

TEST(Rules, CountFaultsAboveTheLimit) {
  const Lines lines(250, "nonsense");
  const Reading reading = read_prefixes(lines);
  ASSERT_EQ(reading.faults.size(), kFaultsMost + 1);
  EXPECT_EQ(reading.faults.back().text, "150 further lines are faulty");
}

TEST(Rules, RefuseMorePrefixesThanTheLimit) {
  const Lines lines(kPrefixesMost + 5, "10.0.0.1");
  const Reading reading = read_prefixes(lines);
  ASSERT_EQ(reading.faults.size(), 1u);
  EXPECT_EQ(to_text(reading.faults[0]), "line 200001: more than 200000 prefixes");
}

TEST(Rules, WarnOfHostBitsAndEmptyLists) {
  const Result<RuleSet> rules =
      parse(Restriction::allow, Lines{"10.1.2.3/8", "10.1.2.3/32", "2001:db8::1/64", "::ffff:10.1.2.3/104"});
  ASSERT_TRUE(rules);
  ASSERT_EQ(rules->warnings().size(), 3u);
  EXPECT_EQ(to_text(rules->warnings()[0]), "line 1: '10.1.2.3/8' has host bits; it stands for 10.0.0.0/8");
  EXPECT_EQ(to_text(rules->warnings()[1]),
            "line 3: '2001:db8::1/64' has host bits; it stands for 2001:db8::/64");
  EXPECT_EQ(rules->warnings()[2].line, 4u);
  EXPECT_EQ(verdict(*rules, "10.9.9.9"), "yes 1");
  const Result<RuleSet> nobody = parse(Restriction::allow, Lines{"# all gone"});
  ASSERT_EQ(nobody->warnings().size(), 1u);
  EXPECT_EQ(verdict(*nobody, "10.9.9.9"), "no 0");
  const Result<RuleSet> everybody = parse(Restriction::deny, Lines{});
  ASSERT_EQ(everybody->warnings().size(), 1u);
  EXPECT_EQ(verdict(*everybody, "10.9.9.9"), "yes 0");
}

TEST(Rules, KnowTheirKinds) {
  EXPECT_EQ(parse_restriction("deny").value(), Restriction::deny);
  EXPECT_FALSE(parse_restriction("Deny"));
  EXPECT_FALSE(parse_restriction(""));
}

TEST(Rules, LinesEndEitherWay) {
  EXPECT_THAT(split_lines("a\r\nb\n\nc"), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(split_lines("a\n"), ElementsAre("a"));
  EXPECT_THAT(split_lines(""), ElementsAre());
}

// Random rules that lie in each other, of which many share long starts; addresses at and beside their edges.
class Differential : public ::testing::TestWithParam<std::size_t> {};

TEST_P(Differential, AgreesWithALinearScan) {
  std::mt19937_64 random(GetParam());
  for (int round = 0; round < 8; ++round) {
    std::vector<Rule> rules;
    for (std::size_t i = 0; i < GetParam(); ++i) {
      const bool v4 = random() % 2 == 0;
      Address base{v4 ? Family::v4 : Family::v6, random(), random()};
      if (!rules.empty() && random() % 4 != 0) {
        const Address& beside = rules[random() % rules.size()].prefix.base;
        base = beside;
        const int bit = static_cast<int>(random() % 128);
        (bit < 64 ? base.high : base.low) ^= std::uint64_t{1} << (bit % 64);
      }
      if (base.family == Family::v4) base = Address::v4(static_cast<std::uint32_t>(base.high >> 32));
      const int bits = static_cast<int>(random() % static_cast<unsigned>(base.width() + 1));
      const Lines line = {to_text(Prefix{base, static_cast<std::uint8_t>(bits)})};
      const Reading reading = read_prefixes(line);
      ASSERT_EQ(reading.rules.size(), 1u) << line[0];
      rules.push_back({reading.rules[0].prefix, static_cast<std::uint32_t>(i + 1)});
    }
    const RuleSet fast(Restriction::allow, rules, {});
    for (int ask = 0; ask < 3000; ++ask) {
      Address address = rules[random() % rules.size()].prefix.base;
      for (unsigned flips = random() % 3; flips > 0; --flips) {
        const int bit = static_cast<int>(random() % 128);
        (bit < 64 ? address.high : address.low) ^= std::uint64_t{1} << (bit % 64);
      }
      if (address.family == Family::v4) address = Address::v4(static_cast<std::uint32_t>(address.high >> 32));
      const Verdict is = fast.check(address);
      const Verdict should = linear_check(Restriction::allow, rules, address);
      ASSERT_EQ(is.allowed, should.allowed) << to_text(address);
      ASSERT_EQ(is.line, should.line) << to_text(address);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Sizes, Differential, ::testing::Values(1, 2, 10, 100, 300, 1000));

TEST(Rules, LieInEachOtherAtEveryLength) {
  for (const char* address : {"2001:db8:1234:5678:9abc:def0:1234:5678", "203.0.113.77"}) {
    const int width = parse_address(address)->width();
    Lines lines;
    for (int bits = 0; bits <= width; ++bits) lines.push_back(address + ("/" + std::to_string(bits)));
    const Result<RuleSet> rules = parse(Restriction::deny, lines);
    ASSERT_TRUE(rules);
    EXPECT_EQ(rules->check(*parse_address(address)).line, static_cast<unsigned>(width + 1));
    for (int bit = 0; bit < width; ++bit) {
      Address other = *parse_address(address);
      (bit < 64 ? other.high : other.low) ^= std::uint64_t{1} << (63 - bit % 64);
      EXPECT_EQ(rules->check(other).line, static_cast<unsigned>(bit + 1));
    }
  }
}

}  // namespace
}  // namespace jump::access
