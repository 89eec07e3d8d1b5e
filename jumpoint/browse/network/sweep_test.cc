#include "jumpoint/browse/sweep.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <future>
#include <map>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "common/base/with_timeout.h"
#include "tests/support/run_task.h"

namespace jump::browse {
namespace {

bool run(const std::string& commands) {
  return std::system(("set -e; " + commands).c_str()) == 0;
}

// A cable from this thread's namespace (jt0, 10.77.0.7/24) to another one, where five machines live as
// macvlans:
//     m1 10.77.0.11, m2 10.77.0.12, m3 10.77.0.13 with 10.77.0.113, m6 with IPv6 alone, m9 10.99.0.9
//     elsewhere.
// `there` runs in that other namespace, before the sweep; what it returns lives until the end.
bool with_neighbours(const std::function<std::shared_ptr<void>()>& there, const std::function<void()>& here) {
  if (::geteuid() != 0) return false;
  bool entered = false;
  std::thread([&] {
    std::promise<int> place;
    std::promise<void> linked, over;
    std::promise<bool> ready;
    std::thread machines([&] {
      const bool own = ::unshare(CLONE_NEWNET) == 0;
      place.set_value(own ? ::gettid() : 0);
      linked.get_future().wait();
      const bool set =
          own && run("sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 "
                     "net.ipv6.conf.default.accept_dad=0; ip link "
                     "set lo up; "
                     "ip link set jt1 up; add() { ip link add $1 link jt1 address 02:77:01:00:00:$2 type "
                     "macvlan mode bridge; "
                     "ip link set $1 up; }; add m1 11; add m2 12; add m3 13; add m6 16; add m9 19; "
                     "ip addr add 10.77.0.11/24 dev m1; ip addr add 10.77.0.12/24 dev m2; ip addr add "
                     "10.77.0.13/24 dev m3; "
                     "ip addr add 10.77.0.113/24 dev m3; ip addr add fd77::16/64 dev m6 nodad; ip addr add "
                     "10.99.0.9/24 dev m9");
      const std::shared_ptr<void> kept = set ? there() : nullptr;
      ready.set_value(set);
      over.get_future().wait();
    });
    const int thread = place.get_future().get();
    const bool cable = thread != 0 && ::unshare(CLONE_NEWNET) == 0 &&
                       run("sysctl -qw net.ipv6.conf.default.accept_dad=0; ip link add jt0 address "
                           "02:77:01:00:00:07 type veth "
                           "peer name jt1 netns /proc/" +
                           std::to_string(thread) +
                           "/ns/net; ip link set jt0 up; "
                           "ip addr add 10.77.0.7/24 dev jt0; ip addr add fd77::7/64 dev jt0 nodad");
    linked.set_value();
    entered = ready.get_future().get() && cable;
    if (entered) here();
    over.set_value();
    machines.join();
  }).join();
  return entered;
}

struct Swept {
  wake::BrowseEnd end;
  std::map<std::string, wake::FoundHost> by_address;  // by the first
};

Swept run_sweep(SweepOptions options) {
  asio::io_context io(1);
  std::map<std::uint32_t, wake::FoundHost> hosts;
  options.vendor_folder = "/nowhere";
  Swept swept;
  swept.end = test::run_task(io, sweep(io.get_executor(), std::move(options),
                                       [&hosts](const wake::FoundHost& host) { hosts[host.id] = host; }));
  for (auto& [id, host] : hosts) swept.by_address[host.addresses.front()] = host;
  return swept;
}

std::shared_ptr<void> listen_on_ssh() {
  struct Kept {
    asio::io_context io;
    asio::ip::tcp::acceptor acceptor{io, {asio::ip::make_address("10.77.0.12"), 22}};
  };
  return std::make_shared<Kept>();
}

void check_hosts(const Swept& swept) {
  EXPECT_EQ(swept.end.error, "");
  for (const auto& [address, last] :
       {std::pair("10.77.0.11", "11"), {"10.77.0.12", "12"}, {"10.77.0.13", "13"}}) {
    ASSERT_TRUE(swept.by_address.contains(address)) << address;
    EXPECT_EQ(swept.by_address.at(address).mac, std::string("02:77:01:00:00:") + last);
  }
  EXPECT_EQ(swept.by_address.at("10.77.0.12").ports, std::vector<std::uint16_t>{22});
  EXPECT_TRUE(swept.by_address.at("10.77.0.11").ports.empty());
  EXPECT_EQ(swept.by_address.at("10.77.0.13").addresses.at(1), "10.77.0.113");
  EXPECT_FALSE(swept.by_address.contains("10.99.0.9")) << "it is in no subnet of ours";
}

TEST(Sweep, FindsMachinesOfBothFamiliesAndTheirOpenPorts) {
  const bool entered = with_neighbours(listen_on_ssh, [] {
    const Swept swept = run_sweep({});
    check_hosts(swept);
    EXPECT_EQ(swept.end.swept, std::vector<std::string>{"10.77.0.0/24 on jt0"});
    const auto six = std::ranges::find_if(
        swept.by_address, [](const auto& entry) { return entry.second.mac == "02:77:01:00:00:16"; });
    ASSERT_NE(six, swept.by_address.end()) << "the machine with IPv6 alone";
    EXPECT_NE(std::ranges::find(six->second.addresses, "fd77::16"), six->second.addresses.end());
    EXPECT_LT(swept.end.packets, 650u);
    EXPECT_GE(swept.end.milliseconds, swept.end.packets * 2 - 100) << "500 packets a second and no more";
    for (const std::string& text : swept.end.notes)
      EXPECT_NE(text.find("no vendor names"), std::string::npos) << text;
  });
  if (!entered) GTEST_SKIP() << "NOT TESTED: network namespaces need root, iproute2 and macvlan";
}

TEST(Sweep, WithoutFramesTheNeighbourTableServes) {
  const bool entered = with_neighbours(listen_on_ssh, [] {
    SweepOptions options;
    options.frames = false;
    options.order.packets_per_second = 5000;
    const Swept swept = run_sweep(std::move(options));
    check_hosts(swept);
    EXPECT_TRUE(std::ranges::any_of(swept.end.notes, [](const std::string& text) {
      return text.find("neighbour table") != std::string::npos;
    }));
  });
  if (!entered) GTEST_SKIP() << "NOT TESTED: network namespaces need root, iproute2 and macvlan";
}

TEST(Sweep, EndsWhenItIsCancelledWhereverItIs) {
  const bool entered = with_neighbours(listen_on_ssh, [] {
    for (const int ms : {0, 1, 50, 300}) {
      asio::io_context io(1);
      Task<wake::BrowseEnd> sweeping = sweep(io.get_executor(), {}, [](const wake::FoundHost&) {});
      TaskGroup group(io.get_executor());
      const auto drop = [](Task<wake::BrowseEnd> task) -> Task<> {
        const wake::BrowseEnd ignored = co_await std::move(task);
        static_cast<void>(ignored);
      };
      group.spawn("sweep", drop(std::move(sweeping)));
      asio::steady_timer timer(io.get_executor(), std::chrono::milliseconds(ms));
      timer.async_wait([&group](const boost::system::error_code&) { group.cancel(); });
      io.run();
      EXPECT_TRUE(group.empty());
    }
  });
  if (!entered) GTEST_SKIP() << "NOT TESTED: network namespaces need root, iproute2 and macvlan";
}

TEST(Sweep, SaysWhatItCannotDo) {
  SweepOptions options;
  options.order.packets_per_second = 1;
  EXPECT_EQ(run_sweep(options).end.error, "browse: 1 packets a second; 10 to 5000 are allowed");
  options = {};
  options.order.interfaces = {"no-such0"};
  const wake::BrowseEnd end = run_sweep(options).end;
  EXPECT_EQ(end.error, "no interface leads to a network that could be swept");
  EXPECT_EQ(end.notes.back(),
            "no-such0 is not swept: there is no such interface, or it is down or has no address");
}

}  // namespace
}  // namespace jump::browse
