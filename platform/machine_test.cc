// What is promised on each system.
#include "platform/machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "platform/paths.h"

namespace jump::platform {
namespace {

TEST(Machine, KnowsItself) {
  ASSERT_TRUE(boot_id());
  EXPECT_EQ(*boot_id(), *boot_id());
  EXPECT_FALSE(machine_name().hostname.empty());
  EXPECT_FALSE(machine_name().fqdn.empty());
  EXPECT_FALSE(operating_system().name.empty());
  EXPECT_FALSE(operating_system().architecture.empty());
  EXPECT_GT(uptime_seconds(), 0u);
  EXPECT_GT(processor().count, 0u);
  ASSERT_TRUE(memory());
  EXPECT_GT(memory()->total, memory()->available);
  for (const DiskUse& disk : disks()) EXPECT_GE(disk.total, disk.used) << disk.mount;
}

TEST(Machine, TheCpuMeterNeedsTwoLooks) {
  CpuMeter meter;
  EXPECT_FALSE(meter.sample());
  // Until the clock has ticked there is nothing to tell.
  std::optional<double> percent;
  for (int i = 0; i < 10'000'000 && !percent; ++i) percent = meter.sample();
  ASSERT_TRUE(percent);
  EXPECT_GE(*percent, 0.0);
  EXPECT_LE(*percent, 100.0);
}

TEST(Machine, ListsItsProcesses) {
  const std::string own = std::filesystem::path(own_program()).filename().string();
  const std::vector<ProcessInfo> list = processes();
  const auto found = std::ranges::find_if(
      list, [&](const ProcessInfo& info) { return info.command.find(own) != std::string::npos; });
  ASSERT_NE(found, list.end());
  EXPECT_FALSE(found->user.empty());
  EXPECT_GT(found->memory, 1024u * 1024);
  EXPECT_EQ(processes(1).size(), 1u);
}

}  // namespace
}  // namespace jump::platform
