#include "common/wake/network.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace jump::wake {
namespace {

// One interface in a few words.
control::Interface nic(std::string name, std::string address, std::string gateway = "",
                       std::string gateway_mac = "", std::string mac = "02:77:01:00:00:11") {
  control::Interface one;
  one.name = std::move(name);
  one.mac = std::move(mac);
  one.up = true;
  const std::size_t slash = address.find('/');
  if (slash != std::string::npos) {
    one.addresses.push_back(
        {address.substr(0, slash), static_cast<std::uint8_t>(std::stoi(address.substr(slash + 1)))});
  }
  if (!gateway.empty()) one.gateway = std::move(gateway);
  if (!gateway_mac.empty()) one.gateway_mac = std::move(gateway_mac);
  return one;
}

struct Side {
  std::vector<control::Interface> interfaces;
  std::string public_ip;
};

struct Situation {
  const char* what;
  Side helper;
  Side target;
  const char* expected;  // "no", "likely", "sure"
};

constexpr const char* kSiteA = "203.0.113.1";
constexpr const char* kSiteB = "198.51.100.1";
constexpr const char* kRouterA = "3c:37:86:00:00:0a";
constexpr const char* kRouterB = "3c:37:86:00:00:0b";

const Situation kSituations[] = {
    {"the same router",
     {{nic("eth0", "192.168.1.5/24", "192.168.1.1", kRouterA)}, kSiteA},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", kRouterA)}, kSiteA},
     "sure"},
    {"two sites with the same addresses",
     {{nic("eth0", "192.168.1.5/24", "192.168.1.1", kRouterA)}, kSiteA},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", kRouterB)}, kSiteB},
     "no"},
    {"two sites with the same addresses behind one public address",
     {{nic("eth0", "192.168.1.5/24", "192.168.1.1", kRouterA)}, kSiteA},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", kRouterB)}, kSiteA},
     "no"},
    {"the provider's address changed overnight: the router did not",
     {{nic("eth0", "192.168.1.5/24", "192.168.1.1", kRouterA)}, kSiteB},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", kRouterA)}, kSiteA},
     "sure"},
    {"one router, two networks",
     {{nic("eth0", "10.1.0.5/24", "10.1.0.1", kRouterA)}, kSiteA},
     {{nic("eth0", "10.2.0.7/24", "10.2.0.1", kRouterA)}, kSiteA},
     "no"},
    {"MAC spelt by another system",
     {{nic("Ethernet", "192.168.1.5/24", "192.168.1.1", "3C-37-86-00-00-0A")}, kSiteA},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", kRouterA)}, kSiteA},
     "sure"},
    {"VRRP at one site",
     {{nic("eth0", "192.168.1.5/24", "192.168.1.1", "00:00:5e:00:01:01")}, kSiteA},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", "00:00:5e:00:01:01")}, kSiteA},
     "likely"},
    {"VRRP at two sites, the same group",
     {{nic("eth0", "192.168.1.5/24", "192.168.1.1", "00:00:5e:00:01:01")}, kSiteA},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", "00:00:5e:00:01:01")}, kSiteB},
     "no"},
    {"HSRP 1 at two sites",
     {{nic("eth0", "10.0.0.5/24", "10.0.0.1", "00:00:0c:07:ac:01")}, kSiteA},
     {{nic("eth0", "10.0.0.7/24", "10.0.0.1", "00:00:0c:07:ac:01")}, kSiteB},
     "no"},
    {"HSRP 2 in another subnet behind the same address",
     {{nic("eth0", "10.0.0.5/24", "10.0.0.1", "00:00:0c:9f:f0:01")}, kSiteA},
     {{nic("eth0", "10.0.0.7/23", "10.0.0.1", "00:00:0c:9f:f0:01")}, kSiteA},
     "no"},
    {"GLBP gives each its own forwarder",
     {{nic("eth0", "10.0.0.5/24", "10.0.0.1", "00:07:b4:00:01:01")}, kSiteA},
     {{nic("eth0", "10.0.0.7/24", "10.0.0.1", "00:07:b4:00:01:02")}, kSiteA},
     "likely"},
    {"CARP, one side learnt the card of a router instead",
     {{nic("eth0", "10.0.0.5/24", "10.0.0.1", "00:00:5e:00:01:0a")}, kSiteA},
     {{nic("eth0", "10.0.0.7/24", "10.0.0.1", kRouterA)}, kSiteA},
     "likely"},
    {"a MAC that nobody knows, everything else agrees",
     {{nic("eth0", "192.168.1.5/24", "192.168.1.1")}, kSiteA},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", kRouterA)}, kSiteA},
     "likely"},
    {"a MAC that nobody knows, and no public address",
     {{nic("eth0", "192.168.1.5/24", "192.168.1.1")}, ""},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", kRouterA)}, ""},
     "no"},
    {"zeros are no MAC",
     {{nic("eth0", "192.168.1.5/24", "192.168.1.1", "00:00:00:00:00:00")}, kSiteA},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", "00:00:00:00:00:00")}, kSiteB},
     "no"},
    {"IPv6 only: every router may be fe80::1, the MAC tells",
     {{nic("eth0", "2001:db8:1::5/64", "fe80::1", kRouterA)}, "2001:db8:1::5"},
     {{nic("eth0", "2001:db8:1::7/64", "fe80::1", kRouterA)}, "2001:db8:1::7"},
     "sure"},
    {"IPv6 only, another site",
     {{nic("eth0", "2001:db8:1::5/64", "fe80::1", kRouterA)}, "2001:db8:1::5"},
     {{nic("eth0", "2001:db8:2::7/64", "fe80::1", kRouterB)}, "2001:db8:2::7"},
     "no"},
    {"IPv6 with VRRP: the link-local subnet tells nothing",
     {{nic("eth0", "fe80::5/64", "fe80::1", "00:00:5e:00:02:01")}, kSiteA},
     {{nic("eth0", "fe80::7/64", "fe80::1", "00:00:5e:00:02:01")}, kSiteA},
     "no"},
    {"no gateway",
     {{nic("eth0", "192.168.1.5/24")}, kSiteA},
     {{nic("eth0", "192.168.1.7/24")}, kSiteA},
     "no"},
    {"a VPN took the default route: what is left counts by itself",
     {{nic("wg0", "10.8.0.2/24", "10.8.0.1", "", ""), nic("eth0", "192.168.1.5/24", "192.168.1.1", kRouterA)},
      kSiteB},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", kRouterA)}, kSiteA},
     "sure"},
    {"both in one bridged VPN",
     {{nic("tap0", "10.8.0.2/24", "10.8.0.1", kRouterA)}, kSiteA},
     {{nic("tap0", "10.8.0.3/24", "10.8.0.1", kRouterA)}, kSiteB},
     "no"},
    {"Docker's bridge on each of two hosts",
     {{nic("docker0", "172.17.0.1/16", "172.17.0.1", "02:42:ac:11:00:01")}, kSiteA},
     {{nic("docker0", "172.17.0.1/16", "172.17.0.1", "02:42:ac:11:00:01")}, kSiteA},
     "no"},
    {"clients in containers of two hosts: Docker's MAC is made of its address",
     {{nic("eth0", "172.17.0.2/16", "172.17.0.1", "02:42:ac:11:00:01", "02:42:ac:11:00:02")}, kSiteA},
     {{nic("eth0", "172.17.0.3/16", "172.17.0.1", "02:42:ac:11:00:01", "02:42:ac:11:00:03")}, kSiteA},
     "no"},
    {"libvirt's bridge",
     {{nic("virbr0", "192.168.122.1/24", "192.168.122.1", "52:54:00:aa:bb:cc")}, kSiteA},
     {{nic("virbr0", "192.168.122.1/24", "192.168.122.1", "52:54:00:aa:bb:cc")}, kSiteA},
     "no"},
    {"a user-defined Docker network",
     {{nic("br-0123456789ab", "172.18.0.1/16", "172.18.0.1", kRouterA)}, kSiteA},
     {{nic("br-0123456789ab", "172.18.0.1/16", "172.18.0.1", kRouterA)}, kSiteA},
     "no"},
    {"an honest bridge of a virtual machine host",
     {{nic("br-lan", "192.168.1.5/24", "192.168.1.1", kRouterA)}, kSiteA},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", kRouterA)}, kSiteA},
     "sure"},
    {"several gateways: one of them is shared",
     {{nic("eth0", "10.1.0.5/24", "10.1.0.1", kRouterB),
       nic("eth1", "192.168.1.5/24", "192.168.1.1", kRouterA)},
      kSiteA},
     {{nic("eth0", "192.168.1.7/24", "192.168.1.1", kRouterA),
       nic("eth1", "10.9.0.7/24", "10.9.0.1", kRouterB)},
      kSiteB},
     "sure"},
    {"values that cannot be read",
     {{nic("eth0", "rubbish/24", "192.168.1.one", kRouterA)}, "nowhere"},
     {{nic("eth0", "192.168.1.7/99", "192.168.1.1", "xx")}, "nowhere"},
     "no"},
};

TEST(SameNetwork, IsDecidedRightInEverySituation) {
  for (const Situation& it : kSituations) {
    const Machine helper = to_machine(it.helper.interfaces, it.helper.public_ip);
    const Machine target = to_machine(it.target.interfaces, it.target.public_ip);
    const auto verdict = [](const std::vector<Shared>& shared) {
      if (shared.empty()) return "no";
      return std::ranges::any_of(shared, &Shared::sure) ? "sure" : "likely";
    };
    EXPECT_STREQ(verdict(shared_networks(helper, target)), it.expected) << it.what;
    EXPECT_STREQ(verdict(shared_networks(target, helper)), it.expected) << it.what << ", the other way round";
    // The index loses nobody.
    const std::vector<std::string> a = network_keys(helper), b = network_keys(target);
    const bool meet =
        std::ranges::any_of(a, [&](const auto& key) { return std::ranges::find(b, key) != b.end(); });
    EXPECT_TRUE(meet || std::string_view(it.expected) == "no") << it.what;
  }
}

TEST(SameNetwork, NamesTheInterfacesOfBothAndLeavesOutThoseThatAreDown) {
  const auto one = nic("eth1", "192.168.1.5/24", "192.168.1.1", kRouterA);
  Machine helper = to_machine({nic("eth0", "10.1.0.5/24", "10.1.0.1", kRouterB), one}, kSiteA);
  const Machine target = to_machine({nic("ens3", "192.168.1.7/24", "192.168.1.1", kRouterA)}, kSiteA);
  const std::vector<Shared> shared = shared_networks(helper, target);
  ASSERT_EQ(shared.size(), 1u);
  EXPECT_EQ(shared[0].helper_link, "eth1");
  EXPECT_EQ(shared[0].target_link, "ens3");
  helper.links[1].up = false;
  EXPECT_TRUE(shared_networks(helper, target).empty());
}

TEST(SameNetwork, ARouterThatWasExchangedIsAnotherOneWhateverIPv6SaysIsLikely) {
  Machine helper = to_machine({nic("eth0", "192.168.1.5/24", "192.168.1.1", kRouterA)}, kSiteA);
  Machine target = to_machine({nic("eth0", "192.168.1.7/24", "192.168.1.1", kRouterB)}, kSiteA);
  const Router unknown{*access::parse_address("fe80::1"), std::nullopt};
  helper.links[0].routers.push_back(unknown);
  target.links[0].routers.push_back(unknown);
  EXPECT_TRUE(shared_networks(helper, target).empty());
  helper.links[0].routers[1].mac = target.links[0].routers[1].mac = parse_mac(kRouterB);
  EXPECT_TRUE(shared_networks(helper, target).at(0).sure) << "one that is the same for sure is enough";
}

TEST(MacsToWake, AreThoseOfTheInterfaceItsMembersItsCarrierAndOfUnconnectedCards) {
  Machine target = to_machine(
      {nic("br0", "192.168.1.7/24", "192.168.1.1", kRouterA, "02:00:00:00:00:01"),
       nic("eth0", "", "", "", "02:00:00:00:00:02"), nic("eth1", "", "", "", "02:00:00:00:00:03"),
       nic("eth2", "10.0.0.7/24", "10.0.0.1", kRouterB, "02:00:00:00:00:04"),
       nic("docker0", "172.17.0.1/16", "", "", "02:00:00:00:00:05"), nic("tun0", "10.8.0.2/24", "", "", "")},
      kSiteA);
  target.links[1].member_of = "br0";
  EXPECT_EQ(macs_to_wake(target, "br0"),
            (std::vector<std::string>{"02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"}));
  target.links[3].below = "eth1";
  EXPECT_EQ(macs_to_wake(target, "eth2").at(1), "02:00:00:00:00:03");
}

}  // namespace
}  // namespace jump::wake
