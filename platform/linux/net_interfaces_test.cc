#include "platform/net_interfaces.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <thread>

namespace jump::platform {
namespace {

TEST(NetInterfaces, LoopbackIsThere) {
  const Result<std::vector<NetInterface>> nets = net_interfaces();
  ASSERT_TRUE(nets) << nets.error().message();
  const auto loopback = std::ranges::find_if(*nets, [](const NetInterface& net) { return net.loopback; });
  ASSERT_NE(loopback, nets->end());
  EXPECT_EQ(loopback->name, "lo");
  EXPECT_EQ(loopback->mac, "");
  ASSERT_TRUE(default_gateways());
}

// A network namespace holds for the thread that entered it.
bool in_new_network(const std::function<void()>& work) {
  bool entered = false;
  std::thread([&] {
    entered = ::unshare(CLONE_NEWNET) == 0;
    if (entered) work();
  }).join();
  return entered;
}

// `ip` inherits the namespace of the thread that starts it.
void ip(const std::string& arguments) {
  ASSERT_EQ(std::system(("ip " + arguments).c_str()), 0) << arguments;
}

TEST(NetInterfaces, KnowsAddressesBridgesAndTheGatewaysMac) {
  if (::geteuid() != 0 || std::system("ip link help >/dev/null 2>&1; test $? -ne 127") != 0) {
    GTEST_SKIP() << "NOT TESTED: network namespaces need root and iproute2";
  }
  const bool entered = in_new_network([] {
    ip("link add jt0 type veth peer name jt1");
    ip("link add jbr0 type bridge forward_delay 0");
    ip("link set jt1 master jbr0");
    ip("link set jt0 address 02:77:01:00:00:11");
    for (const char* name : {"lo", "jt0", "jt1", "jbr0"}) ip(std::string("link set ") + name + " up");
    ip("addr add 10.77.0.7/24 brd 10.77.0.255 dev jt0");
    ip("addr add fd77::7/64 dev jt0 nodad");
    ip("route add default via 10.77.0.1 metric 50");
    ip("route add default via fd77::1 metric 60");
    ip("route add 10.99.0.0/16 via 10.77.0.2");
    ip("neigh add 10.77.0.1 lladdr 02:77:01:00:00:01 dev jt0 nud reachable");

    const Result<std::vector<NetInterface>> nets = net_interfaces();
    ASSERT_TRUE(nets);
    const auto named = [&](const std::string& name) {
      return *std::ranges::find_if(*nets, [&](const NetInterface& net) { return net.name == name; });
    };
    const NetInterface host = named("jt0");
    EXPECT_EQ(host.mac, "02:77:01:00:00:11");
    EXPECT_TRUE(host.up && host.can_broadcast && !host.loopback);
    EXPECT_EQ(host.kind, "veth");
    EXPECT_FALSE(host.parent);
    ASSERT_GE(host.addresses.size(), 2u);
    EXPECT_EQ(host.addresses[0].address, "10.77.0.7");
    EXPECT_EQ(host.addresses[0].prefix, 24);
    EXPECT_EQ(host.addresses[0].broadcast, "10.77.0.255");
    EXPECT_TRUE(std::ranges::any_of(host.addresses, [](const InterfaceAddress& a) {
      return a.address == "fd77::7" && a.prefix == 64 && a.ipv6;
    }));
    EXPECT_EQ(named("jbr0").kind, "bridge");
    EXPECT_EQ(named("jt1").member_of, named("jbr0").index);

    const Result<std::vector<Gateway>> gateways = default_gateways();
    ASSERT_TRUE(gateways);
    ASSERT_EQ(gateways->size(), 2u);
    EXPECT_EQ(gateways->at(0).address, "10.77.0.1");
    EXPECT_EQ(gateways->at(0).mac, "02:77:01:00:00:01");
    EXPECT_EQ(gateways->at(0).interface_name, "jt0");
    EXPECT_EQ(gateways->at(0).metric, 50u);
    EXPECT_TRUE(gateways->at(1).ipv6);
    EXPECT_EQ(gateways->at(1).address, "fd77::1");
    EXPECT_FALSE(gateways->at(1).mac) << "nobody has answered for it";
    stir_neighbour(gateways->at(1));

    ip("link set jt0 down");
    const Result<std::vector<NetInterface>> after = net_interfaces();
    ASSERT_TRUE(after);
    for (const NetInterface& net : *after) EXPECT_FALSE(net.name == "jt0" && net.up);
  });
  if (!entered) GTEST_SKIP() << "NOT TESTED: no right to make a network namespace";
}

}  // namespace
}  // namespace jump::platform
