#include "platform/net_interfaces.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

#include "common/base/with_timeout.h"
#include "platform/byte_mover.h"
#include "platform/link_socket.h"
#include "platform/raw_frame.h"
#include "platform/windows/adapter_name.h"
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
  EXPECT_TRUE(adapter_guid(loopback->name));
  EXPECT_FALSE(adapter_guid("no such interface"));
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
  EXPECT_TRUE(test::run_task(io, gateways_with_macs(io.get_executor(), std::chrono::milliseconds(50))));
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

TEST(RawFrames, SaysThatNpcapIsMissing) {
  asio::io_context io(1);
  const Result<void> can = can_use_raw_frames(io.get_executor(), loopback().name);
  if (can) GTEST_SKIP() << "NOT TESTED: Npcap is installed here";
  EXPECT_FALSE(can.error().message().empty());
}

// writer → source ‖ sink → reader
TEST(ByteMover, KeepsEveryByteWhenTheSinkIsFull) {
  asio::io_context io(1);
  using asio::ip::tcp;
  tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  tcp::socket writer(io), source(io), sink(io), reader(io);
  writer.connect(acceptor.local_endpoint());
  acceptor.accept(source);
  sink.connect(acceptor.local_endpoint());
  acceptor.accept(reader);
  writer.non_blocking(true);
  reader.non_blocking(true);
  ByteMover mover;
  Flow flow;
  tune_relayed(static_cast<int>(source.native_handle()));
  constexpr std::size_t kAll = 8 * 1024 * 1024;
  std::string sent(kAll, '\0');
  for (std::size_t i = 0; i < kAll; ++i) sent[i] = static_cast<char>(i * 31 + i / 251);
  std::string got;
  std::size_t given = 0;
  bool was_full = false;
  std::vector<char> piece(100'000);
  MoveStop stop = MoveStop::budget;
  for (int turn = 0; stop != MoveStop::ended; ++turn) {
    boost::system::error_code failed;
    if (given < kAll)
      given += writer.write_some(
          asio::buffer(sent.data() + given, std::min<std::size_t>(60'000, kAll - given)), failed);
    if (given == kAll) writer.shutdown(tcp::socket::shutdown_send, failed);
    stop = mover.move(static_cast<int>(source.native_handle()), static_cast<int>(sink.native_handle()), flow,
                      1 << 20, failed);
    ASSERT_TRUE(stop != MoveStop::source_failed && stop != MoveStop::sink_failed) << failed.message();
    was_full |= stop == MoveStop::sink_full;
    // Slow at first, so that it fills up.
    if (turn > 400 || turn % 7 == 0) got.append(piece.data(), reader.read_some(asio::buffer(piece), failed));
  }
  sink.close();
  boost::system::error_code failed;
  reader.non_blocking(false);
  while (!failed) got.append(piece.data(), reader.read_some(asio::buffer(piece), failed));
  EXPECT_TRUE(got == sent);
  EXPECT_TRUE(was_full);
  EXPECT_EQ(flow.moved, kAll);
}

}  // namespace
}  // namespace jump::platform
