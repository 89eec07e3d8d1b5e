// What is promised on each system.
#include "platform/net_interfaces.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <boost/asio/io_context.hpp>

#include "common/base/with_timeout.h"
#include "tests/support/run_task.h"

namespace jump::platform {
namespace {

TEST(NetInterfaces, LoopbackIsThere) {
  const Result<std::vector<NetInterface>> nets = net_interfaces();
  ASSERT_TRUE(nets) << nets.error().message();
  const auto loopback = std::ranges::find_if(*nets, [](const NetInterface& net) { return net.loopback; });
  ASSERT_NE(loopback, nets->end());
  EXPECT_EQ(loopback->mac, "");
  EXPECT_NE(loopback->index, 0u);
  EXPECT_TRUE(std::ranges::any_of(loopback->addresses, [](const InterfaceAddress& one) {
    return one.address == "127.0.0.1" && one.prefix == 8 && !one.ipv6;
  }));
}

TEST(NetInterfaces, GatewaysAndNeighboursCanBeAskedFor) {
  const Result<std::vector<Gateway>> gateways = default_gateways();
  ASSERT_TRUE(gateways) << gateways.error().message();
  for (const Gateway& gateway : *gateways) {
    EXPECT_NE(gateway.interface_index, 0u);
    EXPECT_FALSE(gateway.interface_name.empty());
    stir_neighbour(gateway);
  }
  if (const Result<std::vector<Neighbour>> known = neighbours()) {
    for (const Neighbour& one : *known) EXPECT_EQ(one.mac.size(), 17u);
  } else {
    std::printf("NOT TESTED: the neighbour table: %s\n", known.error().message().c_str());
  }
  for (const std::string& server : name_servers()) EXPECT_FALSE(server.empty());
  asio::io_context io(1);
  EXPECT_TRUE(test::run_task(io, gateways_with_macs(std::chrono::milliseconds(50))));
}

TEST(NetworkWatch, SaysNothingWhenNothingHappensAndCanBeCancelled) {
  asio::io_context io(1);
  Result<NetworkWatch> watch = NetworkWatch::create(io.get_executor());
  ASSERT_TRUE(watch) << watch.error().message();
  Task<Result<void>> hearing = watch->changed();
  const Result<void> heard =
      test::run_task(io, with_timeout(std::chrono::milliseconds(200), "a notice", std::move(hearing)));
  ASSERT_FALSE(heard);
  EXPECT_TRUE(heard.error().is(Fault::timed_out)) << heard.error().message();
}

}  // namespace
}  // namespace jump::platform
