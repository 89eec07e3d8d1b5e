#include "common/wake/magic_packet.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

namespace jump::wake {
namespace {

const Mac kTarget{0x02, 0x77, 0x01, 0x00, 0x00, 0x11};

std::string hex_of_target() {
  std::string hex = "ffffffffffff";
  for (int i = 0; i < 16; ++i) hex += "027701000011";
  return hex;
}

TEST(MagicPacket, IsSixOnesSixteenAddressesAndThePassword) {
  EXPECT_EQ(to_hex(magic_packet(kTarget, Secret())), hex_of_target());
  EXPECT_EQ(to_hex(magic_packet(kTarget, Secret(Bytes{192, 168, 1, 1}))), hex_of_target() + "c0a80101");
  EXPECT_EQ(to_hex(magic_packet(kTarget, Secret(Bytes{1, 2, 3, 4, 5, 6}))), hex_of_target() + "010203040506");
  EXPECT_EQ(magic_packet(kTarget, Secret()).size(), 102u);
}

TEST(MagicPacket, AsAFrameGoesToEverybodyWithItsOwnType) {
  const Mac source{0x02, 0x77, 0x01, 0x00, 0x00, 0x12};
  EXPECT_EQ(to_hex(magic_frame(source, kTarget, Secret(Bytes{192, 168, 1, 1}))),
            "ffffffffffff"
            "027701000012"
            "0842" +
                hex_of_target() + "c0a80101");
}

TEST(MagicPacket, IsReadBackOnlyWhole) {
  for (const Bytes& password : {Bytes{}, Bytes{1, 2, 3, 4}, Bytes{1, 2, 3, 4, 5, 6}}) {
    const Bytes packet = magic_packet(kTarget, Secret(password));
    const auto magic = read_magic_packet(packet);
    ASSERT_TRUE(magic);
    EXPECT_EQ(magic->target, kTarget);
    EXPECT_EQ(magic->password, Secret(password));
    for (std::size_t size = 0; size < packet.size(); ++size) {
      const bool whole = size == 102 || size == 106;
      EXPECT_EQ(read_magic_packet(ByteView(packet).first(size)).has_value(), whole) << size;
    }
    for (std::size_t at = 0; at < 102; ++at) {
      Bytes broken = packet;
      broken[at] ^= 1;
      EXPECT_FALSE(read_magic_packet(broken)) << at;
    }
  }
}

TEST(SecureOn, TakesFourOrSixBytesDottedOrLikeAnAddress) {
  const std::pair<const char*, const char*> good[] = {
      {"192.168.1.1", "c0a80101"},        {"0.0.0.0", "00000000"},
      {"1.2.3.4.5.6", "010203040506"},    {"01:02:03:04", "01020304"},
      {"01-02-03-0a", "0102030a"},        {"01:02:03:04:05:0F", "01020304050f"},
      {"0102.0304.050f", "01020304050f"}, {"01020304050f", "01020304050f"},
      {" 192.168.1.1\n", "c0a80101"},
  };
  for (const auto& [text, hex] : good) {
    const Result<Secret> password = parse_password(text);
    ASSERT_TRUE(password) << text;
    EXPECT_EQ(to_hex(password->reveal()), hex) << text;
  }
  for (const char* text :
       {"", "192.168.1", "192.168.1.256", "1.2.3.4.5", "1.2.3.4.5.6.7", "01:02:03", "1:2:3:4",
        "01:02:03:04:05", "01:02-03:04", "secret", "0x1.2.3.4", "-1.2.3.4", "1..2.3"}) {
    const Result<Secret> password = parse_password(text);
    ASSERT_FALSE(password) << text;
    EXPECT_TRUE(password.error().is(Fault::invalid));
  }
  EXPECT_EQ(parse_password("hunter2").error().message().find("hunter2"), std::string::npos)
      << "it is a secret";
}

TEST(MagicPacket, IsWhatWakeonlanSends) {
  if (std::system("command -v wakeonlan >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "NOT TESTED: no wakeonlan here";
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof own;
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&own), size), 0);
  ASSERT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size), 0);
  timeval limit{5, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const std::string command =
      "wakeonlan -i 127.0.0.1 -p " + std::to_string(ntohs(own.sin_port)) + " 02:77:01:00:00:11 >/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::array<std::uint8_t, 512> datagram{};
  const ssize_t got = ::recv(socket, datagram.data(), datagram.size(), 0);
  ::close(socket);
  ASSERT_GT(got, 0);
  EXPECT_EQ(to_hex(ByteView(datagram).first(static_cast<std::size_t>(got))), hex_of_target());
}

}  // namespace
}  // namespace jump::wake
