#include "platform/machine.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <boost/asio/io_context.hpp>

#include "platform/independent.h"
#include "platform/linux/proc_text.h"
#include "platform/program.h"
#include "platform/serial.h"
#include "platform/service_notify.h"
#include "platform/users.h"
#include "tests/support/run_task.h"
#include "tests/support/temp_folder.h"

namespace jump::platform {
namespace {

// --- the program itself ---------------------------------------------------------------------------------

std::uint64_t resident_file_pages() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::strtoull(line.c_str() + 8, nullptr, 10);
  }
  return 0;
}

TEST(Program, GivesBackWhatItNoLongerRuns) {
  const std::uint64_t before = resident_file_pages();
  trim_memory();
  const std::uint64_t after = resident_file_pages();
  EXPECT_LT(after, before * 3 / 4);
  EXPECT_GT(after, 0u);
  EXPECT_FALSE(machine_name().hostname.empty());  // what is needed again is there
}

// --- text of /proc --------------------------------------------------------------------------------------

TEST(ProcText, ReadsNamesOfSystems) {
  EXPECT_EQ(parse_os_name("NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
            "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(parse_os_name("NAME=Alpine\n"), "Alpine");
  EXPECT_EQ(parse_os_name("rubbish"), "");
}

TEST(ProcText, CountsBusyAndIdleTicks) {
  const std::optional<CpuTimes> times = parse_cpu_times("cpu  10 20 30 400 50 6 7 8 9 0\ncpu0 1 2 3 4\n");
  ASSERT_TRUE(times);
  EXPECT_EQ(times->busy, 10u + 20 + 30 + 6 + 7 + 8);
  EXPECT_EQ(times->total, times->busy + 400 + 50);
  EXPECT_FALSE(parse_cpu_times("intr 1 2 3"));
  EXPECT_FALSE(parse_cpu_times("cpu a b c d"));
}

TEST(ProcText, AProcessNameMayContainAnything) {
  const std::optional<ProcessStat> stat = parse_process_stat(
      "77 (a) b (c)) S 12 77 77 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 1 0 100 1000000 321 "
      "18446744073709551615");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->name, "a) b (c)");
  EXPECT_EQ(stat->parent, 12);
  EXPECT_EQ(stat->ticks, 300u);
  EXPECT_EQ(stat->pages, 321u);
  EXPECT_FALSE(parse_process_stat("77 (a"));
  EXPECT_FALSE(parse_process_stat("77 (a) S 1"));
}

TEST(ProcText, TakesLocalDisksOnceAndNothingThatCouldHang) {
  const std::vector<Mount> mounts = parse_local_mounts(
      "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
      "23 22 0:5 / /proc rw - proc proc rw\n"
      "24 22 0:44 / /mnt/nfs rw - nfs4 server:/x rw\n"
      "25 22 8:1 /var /var/bind rw - ext4 /dev/sda1 rw\n"
      "26 22 8:2 / /my\\040data rw master:7 shared:2 - xfs /dev/sda2 rw\n"
      "27 22 0:30 / /run rw - tmpfs tmpfs rw\n"
      "broken line\n");
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[0].point, "/");
  EXPECT_EQ(mounts[1].point, "/my data");
  EXPECT_EQ(mounts[1].type, "xfs");
}

TEST(ProcText, MakersFillersAreNoSerials) {
  for (const char* filler :
       {"To Be Filled By O.E.M.", "Default string", "None", "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF", " ", "0123456789\n", "Not Specified", "xxxxxxxx"}) {
    EXPECT_FALSE(is_real_serial(filler)) << filler;
  }
  EXPECT_TRUE(is_real_serial("4c4c4544-0051-3510-8052-b4c04f5a3232\n"));
}

TEST(ProcText, ReadsTheListOfServices) {
  const std::vector<ServiceInfo> list = parse_services(
      "cron.service loaded active running Regular background program processing daemon\n"
      "x.service not-found inactive dead x.service\n"
      "\n",
      10);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].name, "cron.service");
  EXPECT_EQ(list[0].state, "active");
  EXPECT_EQ(list[0].detail, "running");
  EXPECT_EQ(list[0].description, "Regular background program processing daemon");
  EXPECT_EQ(parse_services("a b c d\na b c d\n", 1).size(), 1u);
}

// --- this machine ---------------------------------------------------------------------------------------

TEST(Machine, IsOneOfLinux) {
  EXPECT_EQ(boot_id()->size(), 36u);
  EXPECT_TRUE(operating_system().kernel.starts_with("Linux "));
  EXPECT_TRUE(load());
}

TEST(Machine, KnowsTheParentAndUserOfAProcess) {
  const std::vector<ProcessInfo> list = processes();
  const auto own = std::ranges::find(list, ::getpid(), &ProcessInfo::pid);
  ASSERT_NE(own, list.end());
  EXPECT_EQ(own->parent, ::getppid());
  EXPECT_EQ(own->user, current_user()->name);
}

TEST(Machine, ServicesAreUnsupportedWithoutSystemd) {
  if (systemd_runs()) GTEST_SKIP() << "systemd runs here";
  asio::io_context io(1);
  EXPECT_TRUE(test::run_task(io, services()).error().is(Fault::unsupported));
}

TEST(Users, AreFoundByNameAndNumber) {
  EXPECT_EQ(find_user("root")->uid, 0u);
  EXPECT_EQ(find_user(0)->name, "root");
  EXPECT_EQ(find_user("no such\nuser").error().message(),
            "user 'no such\\x0auser' does not exist on this machine");
  EXPECT_TRUE(find_user("").error().is(Fault::not_found));
  const std::vector<std::uint32_t> groups = *groups_of(*find_user("root"));
  EXPECT_NE(std::find(groups.begin(), groups.end(), 0u), groups.end());
}

// --- service manager
// ----------------------------------------------------------------------------------------

TEST(ServiceNotify, SpeaksToTheSocketOfTheManager) {
  test::TempFolder folder;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder / "notify").c_str(), sizeof address.sun_path - 1);
  const Handle manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(manager.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::setenv("NOTIFY_SOCKET", address.sun_path, 1);
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  ServiceNotify notify;
  ::setenv("WATCHDOG_PID", "1", 1);
  const ServiceNotify other;
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("WATCHDOG_PID");
  EXPECT_EQ(notify.watchdog_interval(), std::chrono::milliseconds(1500));
  EXPECT_FALSE(other.watchdog_interval());  // meant for another process
  const auto heard = [&] {
    std::array<char, 256> text{};
    const ssize_t size = ::recv(manager.get(), text.data(), text.size(), MSG_DONTWAIT);
    return size < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(size));
  };
  notify.ready();
  EXPECT_EQ(heard(), "READY=1");
  notify.status("two\nlines");
  EXPECT_EQ(heard(), "STATUS=two lines");
  notify.watchdog();
  EXPECT_EQ(heard(), "WATCHDOG=1");
  notify.stopping();
  EXPECT_EQ(heard(), "STOPPING=1");
}

TEST(ServiceNotify, WithoutAManagerNothingHappens) {
  ServiceNotify notify;
  EXPECT_FALSE(notify.listened_to());
  notify.ready();
  EXPECT_FALSE(notify.watchdog_interval());
}

}  // namespace
}  // namespace jump::platform
