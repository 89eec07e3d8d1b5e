// What is promised on each system, of both ways to send on one interface.
#include "platform/link_socket.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include "common/base/with_timeout.h"
#include "platform/raw_frame.h"
#include "tests/support/run_task.h"

namespace jump::platform {
namespace {

NetInterface loopback() {
  const Result<std::vector<NetInterface>> nets = net_interfaces();
  return *std::ranges::find_if(*nets, [](const NetInterface& net) { return net.loopback; });
}

TEST(LinkSocket, SendsAndReceivesOnOneInterface) {
  asio::io_context io(1);
  const NetInterface lo = loopback();
  const auto four = std::ranges::find(lo.addresses, false, &InterfaceAddress::ipv6);
  ASSERT_NE(four, lo.addresses.end());
  Result<LinkSocket> one = LinkSocket::open(io.get_executor(), lo, *four);
  Result<LinkSocket> other = LinkSocket::open(io.get_executor(), lo, *four);
  ASSERT_TRUE(one) << one.error().message();
  ASSERT_TRUE(other);
  // A datagram to a receiver of Asio's: its port is known.
  asio::ip::udp::socket receiver(io, asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0));
  ASSERT_TRUE(one->send("127.0.0.1", receiver.local_endpoint().port(), as_bytes("hello")));
  std::array<char, 16> text{};
  asio::ip::udp::endpoint from;
  EXPECT_EQ(receiver.receive_from(asio::buffer(text), from), 5u);
  receiver.send_to(asio::buffer("back", 4), from);
  const Result<LinkSocket::Datagram> got = test::run_task(io, one->receive());
  ASSERT_TRUE(got);
  EXPECT_EQ(as_text(got->bytes), "back");
  EXPECT_EQ(got->from, "127.0.0.1");
  EXPECT_FALSE(one->send("fe80::1", 9, as_bytes("x")));
  EXPECT_FALSE(one->send("nonsense", 9, as_bytes("x")));
}

// A frame that is sent on the loopback comes in there.
TEST(RawFrames, PassTheFilterOrDoNot) {
  asio::io_context io(1);
  const std::string lo = loopback().name;
  EXPECT_FALSE(can_use_raw_frames(io.get_executor(), "no such interface"));
  if (const Result<void> can = can_use_raw_frames(io.get_executor(), lo); !can) {
    EXPECT_FALSE(can.error().message().empty());
    GTEST_SKIP() << "NOT TESTED: " << can.error().message();
  }
  EXPECT_TRUE(RawFrames::open(io.get_executor(), lo, "no filter").error().is(Fault::invalid));
  Result<RawFrames> heard = RawFrames::open(io.get_executor(), lo, "ether proto 0x88b5");
  Result<RawFrames> deaf = RawFrames::open(io.get_executor(), lo, "");
  ASSERT_TRUE(heard && deaf);
  Bytes frame(60);
  frame[12] = 0x88;
  frame[13] = 0xb5;  // IEEE 802: for experiments
  frame[14] = 77;
  ASSERT_TRUE(deaf->send(frame));
  Bytes got;
  const std::function<void(ByteView)> take = [&](ByteView bytes) { got.assign(bytes.begin(), bytes.end()); };
  ASSERT_TRUE(test::run_task(io, heard->receive(take)));
  EXPECT_EQ(got, frame);
  Task<Result<void>> nothing = deaf->receive(take);
  EXPECT_TRUE(test::run_task(io, with_timeout(std::chrono::milliseconds(50), "a frame", std::move(nothing)))
                  .error()
                  .is(Fault::timed_out));
  EXPECT_EQ(heard->dropped(), 0u);
}

}  // namespace
}  // namespace jump::platform
