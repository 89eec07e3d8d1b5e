#include "jumpoint/browse/hosts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "jumpoint/browse/subnets.h"

namespace jump::browse {
namespace {

access::Address address(std::string_view text) {
  return *access::parse_address(text);
}
wake::Mac mac(std::uint8_t last) {
  return {0x00, 0x22, 0x72, 0, 0, last};
}

class HostsTest : public testing::Test {
 protected:
  Vendors vendors_ = [] {
    Vendors vendors;
    vendors.add("MA-L,002272,American Micro-Fuel Device Corp.,\"2181 Buchanan Loop, Ferndale\"\n");
    vendors.finish();
    return vendors;
  }();
  std::map<std::uint32_t, wake::FoundHost> shown_;
  int changes_ = 0;
  std::vector<std::string> arrived_;
  Hosts hosts_{
      &vendors_,
      [this](const wake::FoundHost& host) {
        shown_[host.id] = host;
        ++changes_;
      },
      [this](const std::string&, const access::Address& one) { arrived_.push_back(access::to_text(one)); }};
};

TEST_F(HostsTest, OneCardIsOneMachineWithAllItsAddressesIPv4First) {
  hosts_.seen("eth0", address("fe80::9"), mac(9));
  hosts_.seen("eth0", address("10.77.0.9"), mac(9));
  hosts_.seen("eth0", address("10.77.0.9"), mac(9));
  ASSERT_EQ(shown_.size(), 1u);
  EXPECT_EQ(shown_[0].addresses, (std::vector<std::string>{"10.77.0.9", "fe80::9"}));
  EXPECT_EQ(shown_[0].mac, "00:22:72:00:00:09");
  EXPECT_EQ(shown_[0].vendor, "American Micro-Fuel Device Corp.");
  EXPECT_EQ(changes_, 2) << "what is known already is no news";
  EXPECT_EQ(arrived_, (std::vector<std::string>{"fe80::9", "10.77.0.9"}));
}

TEST_F(HostsTest, AMachineThatWasHeardBeforeItsCardWasSeenStaysOne) {
  hosts_.seen("eth0", address("10.77.0.9"), std::nullopt);
  hosts_.named(address("10.77.0.9"), "printer.local", wake::NameSource::mdns);
  hosts_.seen("eth0", address("10.77.0.9"), mac(9), true);
  hosts_.open_port(address("10.77.0.9"), 3389);
  hosts_.open_port(address("10.77.0.9"), 22);
  hosts_.open_port(address("10.77.0.9"), 22);
  ASSERT_EQ(shown_.size(), 1u);
  EXPECT_EQ(shown_[0].names, (std::vector<wake::FoundName>{{"printer.local", wake::NameSource::mdns}}));
  EXPECT_EQ(shown_[0].ports, (std::vector<std::uint16_t>{22, 3389}));
  EXPECT_TRUE(shown_[0].router);
  EXPECT_EQ(changes_, 5);
}

TEST_F(HostsTest, NamesOfStrangersAreEscapedAndLimited) {
  hosts_.seen("eth0", address("10.77.0.9"), mac(9));
  hosts_.named(address("10.77.0.8"), "nobody", wake::NameSource::dns);
  hosts_.named(address("10.77.0.9"), "a\x1b[2J", wake::NameSource::dns);
  for (int i = 0; i < 100; ++i) hosts_.named(address("10.77.0.9"), std::to_string(i), wake::NameSource::mdns);
  EXPECT_EQ(shown_[0].names.size(), kNamesMost);
  EXPECT_EQ(shown_[0].names[0].name, "a\\x1b[2J");
}

TEST_F(HostsTest, ACardThatAnswersForEverybodyIsOneMachineWithANote) {
  for (std::uint32_t i = 1; i <= 1000; ++i) hosts_.seen("eth0", access::Address::v4(0x0a4d0000 + i), mac(1));
  EXPECT_EQ(hosts_.size(), 1u);
  EXPECT_EQ(shown_[0].addresses.size(), kAddressesMost);
  EXPECT_EQ(arrived_.size(), kAddressesOfOne);
  ASSERT_EQ(hosts_.notes().size(), 1u);
  EXPECT_NE(hosts_.notes()[0].find("proxy ARP"), std::string::npos);
}

TEST_F(HostsTest, TwoMachinesWithOneAddressAreToldOf) {
  hosts_.seen("eth0", address("10.77.0.9"), mac(1));
  hosts_.seen("eth0", address("10.77.0.9"), mac(2));
  hosts_.seen("eth0", address("10.77.0.9"), mac(2));
  EXPECT_EQ(hosts_.notes(),
            std::vector<std::string>{"10.77.0.9 is answered by two machines: 00:22:72:00:00:01 and "
                                     "00:22:72:00:00:02"});
}

TEST_F(HostsTest, HoldsNoMoreThanItsLimit) {
  for (std::uint32_t i = 1; i <= wake::kHostsMost + 100; ++i) {
    hosts_.seen("eth0", access::Address::v4(0x0a000000 + i), std::nullopt);
  }
  EXPECT_EQ(hosts_.size(), wake::kHostsMost);
  EXPECT_EQ(hosts_.notes().size(), 1u);
}

TEST(Vendors, FindsTheMostExactTableAndNoNameForMadeUpAddresses) {
  Vendors vendors;
  vendors.add(
      "Registry,Assignment,Organization Name,Organization Address\n"
      "MA-L,741AE0,IEEE Registration Authority,\"445 Hoes Lane\"\r\n"
      "MA-M,741AE0C,\"Bolid, Inc.\",somewhere\r\n"
      "MA-S,70B3D5123,Tiny,x\nMA-L,XX0000,Broken,x\nMA-L,0011,Short,x\nMA-L\n\n");
  vendors.finish();
  EXPECT_EQ(vendors.name({0x74, 0x1a, 0xe0, 0xc1, 0, 1}), "Bolid, Inc.");
  EXPECT_EQ(vendors.name({0x74, 0x1a, 0xe0, 0xd1, 0, 1}), "IEEE Registration Authority");
  EXPECT_EQ(vendors.name({0x70, 0xb3, 0xd5, 0x12, 0x3f, 1}), "Tiny");
  EXPECT_EQ(vendors.name({0x70, 0xb3, 0xd5, 0x12, 0x4f, 1}), "");
  EXPECT_EQ(vendors.name({0x76, 0x1a, 0xe0, 0xc1, 0, 1}), "") << "locally administered";
  EXPECT_FALSE(Vendors::load("/nowhere"));
}

TEST(Vendors, ReadsDebiansTables) {
  const Result<Vendors> vendors = Vendors::load();
  if (!vendors) GTEST_SKIP() << "NOT TESTED: " << vendors.error().message();
  EXPECT_EQ(vendors->name(mac(1)), "American Micro-Fuel Device Corp.");
}

TEST(Subnets, EveryHostAddressIsAskedOnceButOurOwn) {
  const auto swept = [](std::string_view own, std::uint8_t bits) {
    const auto subnet = subnet_to_sweep(address(own), bits);
    return subnet ? addresses_to_sweep(*subnet, address(own)) : std::vector<access::Address>();
  };
  std::vector<access::Address> all = swept("10.77.0.7", 24);
  EXPECT_EQ(all.size(), 253u);
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
  EXPECT_EQ(all.front(), address("10.77.0.1"));
  EXPECT_EQ(all.back(), address("10.77.0.254"));
  EXPECT_EQ(swept("10.77.16.7", 20).size(), 4093u);
  EXPECT_EQ(swept("10.77.0.0", 31), std::vector<access::Address>{address("10.77.0.1")});
  EXPECT_TRUE(swept("10.77.0.7", 32).empty());
  EXPECT_FALSE(subnet_to_sweep(address("fd77::7"), 64));
  const auto large = subnet_to_sweep(address("10.77.200.7"), 8);
  EXPECT_EQ(access::to_text(large->prefix), "10.77.192.0/20");
  EXPECT_TRUE(large->cut);
  EXPECT_EQ(addresses_to_sweep(*large, address("10.77.200.7")).size(), 4095u);
}

}  // namespace
}  // namespace jump::browse
