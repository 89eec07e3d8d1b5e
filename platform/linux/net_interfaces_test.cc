#include "platform/net_interfaces.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <future>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "common/base/with_timeout.h"
#include "tests/support/run_task.h"

namespace jump::platform {
namespace {

// A network namespace holds for the thread that entered it.
bool in_new_network(const std::function<void()>& work) {
  bool entered = false;
  std::thread([&] {
    entered = ::unshare(CLONE_NEWNET) == 0;
    if (entered) work();
  }).join();
  return entered;
}

bool can_make_networks() {
  return ::geteuid() == 0 && std::system("ip link help >/dev/null 2>&1; test $? -ne 127") == 0;
}

// `ip` inherits the namespace of the thread that starts it.
void ip(const std::string& arguments) {
  ASSERT_EQ(std::system(("ip " + arguments).c_str()), 0) << arguments;
}

TEST(NetInterfaces, KnowsAddressesBridgesAndTheGatewaysMac) {
  if (!can_make_networks()) GTEST_SKIP() << "NOT TESTED: network namespaces need root and iproute2";
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

// Waits for one notice while `happens` runs in this thread.
Result<void> notice_of(asio::io_context& io, NetworkWatch& watch, const std::function<void()>& happens,
                       std::chrono::nanoseconds limit = std::chrono::seconds(5)) {
  asio::post(io, happens);
  Task<Result<void>> heard = watch.changed();
  return test::run_task(io, with_timeout(limit, "a notice", std::move(heard)));
}

TEST(NetworkWatch, TellsOfAddressesRoutesLinksAndTheGatewaysMacAndOfNothingElse) {
  if (!can_make_networks()) GTEST_SKIP() << "NOT TESTED: network namespaces need root and iproute2";
  const bool entered = in_new_network([] {
    ip("link add jt0 type veth peer name jt1");
    for (const char* name : {"lo", "jt0", "jt1"}) ip(std::string("link set ") + name + " up");
    asio::io_context io(1);
    Result<NetworkWatch> watch = NetworkWatch::create(io.get_executor());
    ASSERT_TRUE(watch) << watch.error().message();
    EXPECT_TRUE(notice_of(io, *watch, [] { ip("addr add 10.77.0.7/24 dev jt0"); }));
    EXPECT_TRUE(notice_of(io, *watch, [] { ip("route add default via 10.77.0.1"); }));
    EXPECT_TRUE(notice_of(io, *watch,
                          [] { ip("neigh add 10.77.0.1 lladdr 02:77:01:00:00:01 dev jt0 nud reachable"); }));
    // Neighbours that are no gateways, and what is undone at once, are no change.
    const auto quiet = [] {
      ip("neigh add 10.77.0.9 lladdr 02:77:01:00:00:09 dev jt0 nud reachable");
      ip("addr add 10.77.0.8/24 dev jt0");
      ip("addr del 10.77.0.8/24 dev jt0");
    };
    EXPECT_FALSE(notice_of(io, *watch, quiet, std::chrono::milliseconds(400)));
    const Result<std::vector<Neighbour>> known = neighbours();
    ASSERT_TRUE(known);
    EXPECT_TRUE(std::ranges::any_of(*known, [](const Neighbour& n) { return n.address == "10.77.0.9"; }));
    EXPECT_TRUE(notice_of(io, *watch, [] { ip("link set jt1 down"); }));
  });
  if (!entered) GTEST_SKIP() << "NOT TESTED: no right to make a network namespace";
}

TEST(NetworkWatch, AGatewaysMacIsAskedForAndOneThatNobodyHasStaysUnknown) {
  if (!can_make_networks()) GTEST_SKIP() << "NOT TESTED: network namespaces need root and iproute2";
  const bool entered = in_new_network([] {
    // The other end of the pair plays the router, in a namespace of its own that lives as long as its thread.
    std::promise<int> router_thread;
    std::promise<void> over;
    std::thread router([&] {
      ::unshare(CLONE_NEWNET);
      router_thread.set_value(::gettid());
      over.get_future().wait();
    });
    const std::string there = std::to_string(router_thread.get_future().get());
    const auto in_router = [&](const std::string& arguments) {
      ASSERT_EQ(std::system(("nsenter --net=/proc/" + there + "/ns/net ip " + arguments).c_str()), 0);
    };
    ip("link add jt0 type veth peer name jt1 netns /proc/" + there + "/ns/net");
    in_router("link set jt1 address 02:77:01:00:00:01");
    in_router("link set jt1 up");
    in_router("addr add 10.77.0.1/24 dev jt1");
    in_router("addr add fd77::1/64 dev jt1 nodad");
    ip("link set jt0 up");
    ip("addr add 10.77.0.7/24 dev jt0");
    ip("addr add fd77::7/64 dev jt0 nodad");
    ip("route add default via 10.77.0.1");
    ip("route add default via fd77::1");
    ip("route add default via 10.77.0.99 metric 4000");
    asio::io_context io(1);
    const Result<std::vector<Gateway>> gateways =
        test::run_task(io, gateways_with_macs(std::chrono::milliseconds(700)));
    ASSERT_TRUE(gateways);
    ASSERT_EQ(gateways->size(), 3u);
    EXPECT_EQ(gateways->at(0).mac, "02:77:01:00:00:01");
    for (const Gateway& gateway : *gateways) {
      EXPECT_EQ(gateway.mac.has_value(), gateway.address != "10.77.0.99") << gateway.address;
    }
    over.set_value();
    router.join();
  });
  if (!entered) GTEST_SKIP() << "NOT TESTED: no right to make a network namespace";
}

}  // namespace
}  // namespace jump::platform
