#include "common/access/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>

namespace jump::access {
namespace {

TEST(Address, ReadsAndPrintsWhatItKnows) {
  const std::pair<const char*, const char*> table[] = {
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"10.0.0.7", "10.0.0.7"},
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"fe80:0:0:0:0:0:0:1", "fe80::1"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"::ffff:10.0.0.7", "10.0.0.7"},
      {"::FFFF:a00:7", "10.0.0.7"},
      {"0:0:0:0:0:ffff:10.0.0.7", "10.0.0.7"},
      {"::10.0.0.7", "::a00:7"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
  };
  for (const auto& [text, printed] : table) {
    const std::optional<Address> address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_text(*address), printed);
    EXPECT_EQ(parse_address(printed), address);
  }
}

TEST(Address, RefusesEveryOtherSpelling) {
  for (const char* text : {"",
                           ".",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.4.",
                           ".1.2.3.4",
                           "1..2.3",
                           "256.1.1.1",
                           "01.2.3.4",
                           "1.2.3.00",
                           "0x7f.0.0.1",
                           "0177.0.0.1",
                           "2130706433",
                           "0x7f000001",
                           "127.1",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "+1.2.3.4",
                           "-1.2.3.4",
                           "1.2.3.a",
                           "[::1]",
                           "::1%eth0",
                           "fe80::1%1",
                           ":",
                           ":::",
                           "1::2::3",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "12345::",
                           "g::",
                           "1:",
                           ":1",
                           "1:2:",
                           "::1.2.3",
                           "::1.2.3.4:5",
                           "1.2.3.4::",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "::01.2.3.4",
                           "localhost",
                           "a.b.c.d"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
  EXPECT_FALSE(parse_address(std::string_view("1.2.3.4\0", 8)));
}

TEST(Address, AgreesWithTheOperatingSystemOnRandomText) {
  std::mt19937 random(1);
  const std::string_view alphabet = "0123456789abcf:.:.::";
  for (int round = 0; round < 200'000; ++round) {
    std::string text;
    for (std::size_t length = random() % 16; text.size() < length;)
      text += alphabet[random() % alphabet.size()];
    std::array<std::uint8_t, 16> bytes{};
    const bool v4 = ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1;
    const bool v6 = !v4 && ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
    const std::optional<Address> address = parse_address(text);
    ASSERT_EQ(address.has_value(), v4 || v6) << text;
    if (v6) {
      ASSERT_EQ(*address, Address::v6(bytes)) << text;
    }
  }
}

TEST(Address, PrintsLikeTheOperatingSystem) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 20'000; ++round) {
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t i = 0; i < 16; i += 2) {
      if (random() % 2 == 0) bytes[i + 1] = static_cast<std::uint8_t>(random());
    }
    bytes[0] = 0x20;  // the system prints ::a.b.c.d in another, equally allowed form
    char text[INET6_ADDRSTRLEN] = {};
    ASSERT_NE(::inet_ntop(AF_INET6, bytes.data(), text, sizeof text), nullptr);
    ASSERT_EQ(to_text(Address::v6(bytes)), text);
  }
}

}  // namespace
}  // namespace jump::access
