#include "common/endpoint/wake/wake_helper.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>

#include "common/base/with_timeout.h"
#include "common/wake/magic_packet.h"
#include "platform/net_interfaces.h"
#include "platform/privileges.h"
#include "platform/raw_frame.h"
#include "tests/support/run_task.h"

namespace jump::endpoint {
namespace {

// A network of one cable, jt0 to jt1, in a namespace that holds for this thread and what it starts. False
// without the right to make one.
bool in_new_network(const std::function<void()>& work) {
  bool entered = false;
  std::thread([&] {
    entered = ::geteuid() == 0 && ::unshare(CLONE_NEWNET) == 0 &&
              std::system(
                  "sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.router_solicitations=0"
                  " 2>/dev/null; ip link add jt0 address 02:77:01:00:00:12 type veth peer name jt1 && "
                  "ip link set jt0 up && ip link set jt1 up") == 0;
    if (entered) work();
  }).join();
  return entered;
}

void run(const std::string& command) {
  ASSERT_EQ(std::system((command + " >/dev/null").c_str()), 0) << command;
}

wake::WakeOrder order_for(std::vector<std::string> interfaces) {
  wake::WakeOrder order;
  order.attempt = 42;
  order.macs = {"02:77:01:00:00:11"};
  order.interfaces = std::move(interfaces);
  return order;
}

// What came out at the other end of the cable, until `wanted` frames were seen.
Task<> collect(platform::RawFrames& from, std::vector<Bytes>& to, std::size_t wanted) {
  const std::function<void(ByteView)> take = [&to](ByteView frame) {
    to.emplace_back(frame.begin(), frame.end());
  };
  while (to.size() < wanted) {
    const Result<void> got = co_await from.receive(take);
    if (!got) co_return;
  }
}

struct Seen {
  wake::WakeReport report;
  std::vector<Bytes> frames;
};

Seen watch(wake::WakeOrder order, std::size_t frames) {
  asio::io_context io(1);
  Seen seen;
  Result<platform::RawFrames> other_end =
      platform::RawFrames::open(io.get_executor(), "jt1", "ether proto 0x0842 or udp port 7 or udp port 9");
  EXPECT_TRUE(other_end) << other_end.error().message();
  if (!other_end) return seen;
  seen.report = test::run_task(io, send_wake(io.get_executor(), std::move(order)));
  test::run_task(io, collect(*other_end, seen.frames, frames), std::chrono::seconds(5));
  return seen;
}

// The payload of an Ethernet frame, and where it went: "raw", "10.77.1.255:7", "[ff02::1]:9".
std::pair<std::string, Bytes> open_frame(const Bytes& frame) {
  const std::uint16_t type = get_u16(frame.data() + 12);
  const auto port = [&](std::size_t at) { return std::to_string(get_u16(frame.data() + at + 2)); };
  if (type == 0x0800) {
    const asio::ip::address_v4 to(get_u32(frame.data() + 30));
    return {to.to_string() + ":" + port(34), Bytes(frame.begin() + 42, frame.end())};
  }
  if (type == 0x86dd) {
    asio::ip::address_v6::bytes_type to;
    std::copy_n(frame.begin() + 38, to.size(), to.begin());
    return {"[" + asio::ip::address_v6(to).to_string() + "]:" + port(54),
            Bytes(frame.begin() + 62, frame.end())};
  }
  return {type == 0x0842 ? "raw" : "?", Bytes(frame.begin() + 14, frame.end())};
}

std::map<std::string, int> counted(const std::vector<Bytes>& frames, const Secret& password) {
  std::map<std::string, int> ways;
  for (const Bytes& frame : frames) {
    const auto [way, payload] = open_frame(frame);
    const auto magic = wake::read_magic_packet(payload);
    EXPECT_TRUE(magic) << to_hex(frame);
    if (!magic) continue;
    EXPECT_EQ(wake::to_text(magic->target), "02:77:01:00:00:11");
    EXPECT_EQ(magic->password, password);
    ++ways[way];
  }
  return ways;
}

TEST(WakeHelper, SendsToEachSubnetToEverybodyAndAsFramesThreeTimes) {
  const bool entered = in_new_network([] {
    run("ip addr add 10.77.1.7/24 dev jt0");
    run("ip addr add 10.78.0.5/30 dev jt0");
    const Secret password(Bytes{1, 2, 3, 4, 5, 6});
    wake::WakeOrder order = order_for({"jt0"});
    order.password = password;
    const Seen seen = watch(order, 21);
    const std::map<std::string, int> expected = {
        {"10.77.1.255:7", 3},     {"10.77.1.255:9", 3},     {"10.78.0.7:7", 3}, {"10.78.0.7:9", 3},
        {"255.255.255.255:7", 3}, {"255.255.255.255:9", 3}, {"raw", 3}};
    EXPECT_EQ(counted(seen.frames, password), expected);
    EXPECT_EQ(wake::describe(seen.report),
              "on jt0: UDP to 10.77.1.255, 10.78.0.7 and 255.255.255.255 (ports 7 and 9), Ethernet frames; 3 "
              "times");
    EXPECT_EQ(seen.report.attempt, 42u);
    EXPECT_EQ(seen.report.interfaces.at(0).packets, 21u);
  });
  if (!entered) GTEST_SKIP() << "NOT TESTED: network namespaces need root and iproute2";
}

TEST(WakeHelper, FramesAreThoseOfEtherwake) {
  if (std::system("command -v etherwake >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "NOT TESTED: no etherwake here";
  const bool entered = in_new_network([] {
    run("ip addr add 10.77.1.7/32 dev jt0");
    for (const auto& [spelling, bytes] : {std::pair<std::string, Bytes>("", {}),
                                          {"-p 192.168.1.1", {192, 168, 1, 1}},
                                          {"-p 01:02:03:04:05:06", {1, 2, 3, 4, 5, 6}}}) {
      asio::io_context io(1);
      Result<platform::RawFrames> other_end =
          platform::RawFrames::open(io.get_executor(), "jt1", "ether proto 0x0842");
      ASSERT_TRUE(other_end);
      run("etherwake -b -i jt0 " + spelling + " 02:77:01:00:00:11");
      wake::WakeOrder order = order_for({"jt0"});
      if (!bytes.empty()) order.password = Secret(bytes);
      test::run_task(io, send_wake(io.get_executor(), std::move(order)));
      std::vector<Bytes> frames;
      test::run_task(io, collect(*other_end, frames, 4), std::chrono::seconds(5));
      ASSERT_EQ(frames.size(), 4u);
      for (const Bytes& frame : frames) EXPECT_EQ(to_hex(frame), to_hex(frames[0])) << spelling;
    }
  });
  if (!entered) GTEST_SKIP() << "NOT TESTED: network namespaces need root and iproute2";
}

TEST(WakeHelper, OnANetworkWithIPv6AloneItCallsAllNodes) {
  const bool entered = in_new_network([] {
    run("ip addr add fd77::7/64 dev jt0 nodad");
    const Seen seen = watch(order_for({"jt0"}), 9);
    const std::map<std::string, int> expected = {{"[ff02::1]:7", 3}, {"[ff02::1]:9", 3}, {"raw", 3}};
    EXPECT_EQ(counted(seen.frames, Secret()), expected);
  });
  if (!entered) GTEST_SKIP() << "NOT TESTED: network namespaces need root and iproute2";
}

TEST(WakeHelper, WithoutTheRightForFramesItSendsDatagramsAndSaysSo) {
  const bool entered = in_new_network([] {
    run("ip addr add 10.77.1.7/24 dev jt0");
    asio::io_context io(1);
    Result<platform::RawFrames> other_end = platform::RawFrames::open(io.get_executor(), "jt1", "udp");
    ASSERT_TRUE(other_end);
    platform::Confinement nothing;
    ASSERT_TRUE(platform::confine(nothing));  // capabilities belong to this thread, which ends with the test
    const wake::WakeReport report = test::run_task(io, send_wake(io.get_executor(), order_for({"jt0"})));
    EXPECT_EQ(wake::describe(report),
              "on jt0: UDP to 10.77.1.255 and 255.255.255.255 (ports 7 and 9); 3 times (not sent: Ethernet "
              "frames on "
              "jt0: no right to send them (CAP_NET_RAW))");
    std::vector<Bytes> frames;
    test::run_task(io, collect(*other_end, frames, 12), std::chrono::seconds(5));
    EXPECT_EQ(counted(frames, Secret()).size(), 4u);
  });
  if (!entered) GTEST_SKIP() << "NOT TESTED: network namespaces need root and iproute2";
}

TEST(WakeHelper, SaysWhatItCouldNotUse) {
  const bool entered = in_new_network([] {
    run("ip link set jt0 down");
    asio::io_context io(1);
    const wake::WakeReport report =
        test::run_task(io, send_wake(io.get_executor(), order_for({"jt0", "eth9", "lo"})));
    EXPECT_EQ(
        wake::describe(report),
        "on jt0: nothing (not sent: the interface is down); on eth9: nothing (not sent: there is no such "
        "interface); on lo: nothing (not sent: the interface is down)");
    EXPECT_FALSE(wake::sent_something(report));
    wake::WakeOrder wrong = order_for({"jt0"});
    wrong.macs = {"nonsense"};
    EXPECT_EQ(test::run_task(io, send_wake(io.get_executor(), std::move(wrong))).error,
              "wake: 'nonsense' is not the address of a network card");
  });
  if (!entered) GTEST_SKIP() << "NOT TESTED: network namespaces need root and iproute2";
}

}  // namespace
}  // namespace jump::endpoint
