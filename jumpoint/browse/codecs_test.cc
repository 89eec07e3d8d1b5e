#include <gtest/gtest.h>

#include "jumpoint/browse/dns_message.h"
#include "jumpoint/browse/frames.h"
#include "jumpoint/browse/netbios.h"

namespace jump::browse {
namespace {

access::Address address(std::string_view text) {
  return *access::parse_address(text);
}

Bytes hex(std::string_view text) {
  return *from_hex(text);
}

TEST(DnsMessage, ReverseNamesAreThoseOfTheSpecifications) {
  EXPECT_EQ(reverse_name(address("10.77.0.7")), "7.0.77.10.in-addr.arpa");
  EXPECT_EQ(reverse_name(address("2001:db8::567:89ab")),
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST(DnsMessage, AsksForPointers) {
  EXPECT_EQ(to_hex(pointer_query(0x1234, true, {"7.0.77.10.in-addr.arpa"})),
            "1234"
            "0100"
            "0001"
            "0000"
            "0000"
            "0000"
            "0137"
            "0130"
            "023737"
            "023130"
            "07696e2d61646472"
            "0461727061"
            "00"
            "000c"
            "0001");
}

// An answer as responders give it: the question again, a pointer with a compressed name, an address.
const char* const kAnswer =
    "1234"
    "8400"
    "0001"
    "0001"
    "0000"
    "0001"
    "0137"
    "0130"
    "023737"
    "023130"
    "07696e2d61646472"
    "0461727061"
    "00"
    "000c"
    "0001"
    "c00c"
    "000c"
    "8001"
    "00000078"
    "000c"
    "0464657641056c6f63616c00"
    "c034"
    "0001"
    "8001"
    "00000078"
    "0004"
    "0a4d0007";

TEST(DnsMessage, ReadsPointersAndAddressesAndNothingThatIsCut) {
  const Bytes bytes = hex(kAnswer);
  const auto answer = read_answer(bytes);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->id, 0x1234);
  ASSERT_EQ(answer->records.size(), 2u);
  EXPECT_EQ(answer->records[0].name, "7.0.77.10.in-addr.arpa");
  EXPECT_EQ(answer->records[0].pointer, "devA.local");
  EXPECT_EQ(answer->records[1].name, "deva.local");
  EXPECT_EQ(answer->records[1].address, address("10.77.0.7"));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(read_answer(ByteView(bytes).first(size))) << size;
}

TEST(DnsMessage, RefusesQuestionsAndNamesThatLeadInCircles) {
  Bytes question = hex(kAnswer);
  question[2] = 0;
  EXPECT_FALSE(read_answer(question));
  EXPECT_FALSE(
      read_answer(hex("1234"
                      "8400"
                      "0000"
                      "0001"
                      "0000"
                      "0000"
                      "c00c"
                      "000c"
                      "0001"
                      "00000078"
                      "0002"
                      "c00c")));
  EXPECT_FALSE(
      read_answer(hex("1234"
                      "8400"
                      "0000"
                      "0001"
                      "0000"
                      "0000"
                      "c0ff"
                      "000c"
                      "0001"
                      "00000078"
                      "0002"
                      "c00c")));
  EXPECT_FALSE(
      read_answer(hex("1234"
                      "8400"
                      "ffff"
                      "0000"
                      "0000"
                      "0000")));
}

TEST(NodeStatus, AsksAsRfc1002SaysAndReadsNameAndGroup) {
  EXPECT_EQ(to_hex(node_status_query(0x0a0b)),
            "0a0b"
            "0000"
            "0001"
            "0000"
            "0000"
            "0000"
            "20"
            "434b"
            "414141414141414141414141414141414141414141414141414141414141"
            "00"
            "0021"
            "0001");
  const std::string head =
      "0a0b8400000000010000000020434b41414141414141414141414141414141414141414141414141414141414100"
      "0021"
      "0001"
      "00000000"
      "0053";
  const std::string files = "46494c455320202020202020202020";
  const std::string group = "574f524b47524f5550202020202020";
  const Bytes bytes = hex(head + "03" + files +
                          "00"
                          "0400" +
                          group +
                          "00"
                          "8400" +
                          files +
                          "20"
                          "0400" +
                          "027701000011");
  const auto status = read_node_status(bytes);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->id, 0x0a0b);
  EXPECT_EQ(status->name, "FILES");
  EXPECT_EQ(status->group, "WORKGROUP");
  for (std::size_t size = 0; size + 6 < bytes.size(); ++size)
    EXPECT_FALSE(read_node_status(ByteView(bytes).first(size)));
}

const wake::Mac kOwn{0x02, 0x77, 0x01, 0x00, 0x00, 0x12};

TEST(Frames, ArpRequestIsThatOfRfc826) {
  EXPECT_EQ(to_hex(arp_request({kOwn, address("10.77.0.7")}, address("10.77.0.9"))),
            "ffffffffffff"
            "027701000012"
            "0806"
            "0001080006040001"
            "027701000012"
            "0a4d0007"
            "000000000000"
            "0a4d0009" +
                std::string(36, '0'));
}

TEST(Frames, EchoHasTheRightLengthAndChecksum) {
  const Bytes frame = echo_to_all_nodes({kOwn, address("fe80::1")}, 1);
  ASSERT_EQ(frame.size(), 14u + 40 + 16);
  EXPECT_EQ(to_hex(ByteView(frame).first(22)),
            "333300000001"
            "027701000012"
            "86dd"
            "6000000000103aff");
  // Over pseudo-header and message the sum is all ones (RFC 1071).
  std::uint32_t sum = 16 + 58;
  for (std::size_t i = 22; i < frame.size(); i += 2) sum += get_u16(frame.data() + i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  EXPECT_EQ(sum, 0xffffu);
  const Bytes option = unknown_option_to_all_nodes({kOwn, address("fe80::1")}, 1);
  EXPECT_EQ(to_hex(ByteView(option).subspan(14, 8)), "6000000000183cff");
  EXPECT_EQ(to_hex(ByteView(option).subspan(54, 8)), "3a00800400000000");
}

TEST(Frames, HearsArpAnswersQuestionsAndNeighbours) {
  const auto answer =
      read_frame(hex("027701000012"
                     "027701000011"
                     "0806"
                     "0001080006040002"
                     "027701000011"
                     "0a4d0009"
                     "027701000012"
                     "0a4d0007"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->address, address("10.77.0.9"));
  EXPECT_EQ(wake::to_text(answer->mac), "02:77:01:00:00:11");
  EXPECT_TRUE(answer->answer);
  const std::string to_us =
      "027701000012"
      "027701000011"
      "86dd"
      "60000000"
      "0018"
      "3aff"
      "fe800000000000000000000000000009"
      "fe800000000000000000000000000007";
  const auto advertised = read_frame(hex(to_us + "8800000080000000" + std::string(32, '0')));
  ASSERT_TRUE(advertised);
  EXPECT_EQ(advertised->address, address("fe80::9"));
  EXPECT_TRUE(advertised->router);
}

TEST(Frames, IsDeafToWhatNoMachineCanSay) {
  const char* const arp =
      "ffffffffffff"
      "%mac"
      "0806"
      "0001080006040001"
      "%mac"
      "%ip"
      "000000000000"
      "0a4d0007";
  const auto with = [&](std::string mac, std::string ip) {
    std::string text = arp;
    for (std::size_t at = text.find("%mac"); at != std::string::npos; at = text.find("%mac"))
      text.replace(at, 4, mac);
    return read_frame(hex(text.replace(text.find("%ip"), 3, ip)));
  };
  EXPECT_TRUE(with("027701000011", "0a4d0009"));
  EXPECT_FALSE(with("027701000011", "00000000")) << "somebody who looks whether an address is free";
  EXPECT_FALSE(with("027701000011", "e0000001"));
  EXPECT_FALSE(with("027701000011", "7f000001"));
  EXPECT_FALSE(with("ffffffffffff", "0a4d0009"));
  EXPECT_FALSE(with("000000000000", "0a4d0009"));
  const Bytes whole = arp_request({kOwn, address("10.77.0.7")}, address("10.77.0.9"));
  for (std::size_t size = 0; size < 42; ++size) EXPECT_FALSE(read_frame(ByteView(whole).first(size)));
  EXPECT_FALSE(read_frame(echo_to_all_nodes({kOwn, address("fe80::1")}, 1))) << "a question of others";
}

}  // namespace
}  // namespace jump::browse
