#include "platform/net_interfaces.h"

#include <gtest/gtest.h>

#include "platform/windows/adapter_name.h"

namespace jump::platform {
namespace {

TEST(AdapterName, IsKnownOfEachInterface) {
  const Result<std::vector<NetInterface>> nets = net_interfaces();
  ASSERT_TRUE(nets) << nets.error().message();
  for (const NetInterface& net : *nets) EXPECT_TRUE(adapter_guid(net.name)) << net.name;
  EXPECT_FALSE(adapter_guid("no such interface"));
}

}  // namespace
}  // namespace jump::platform
