#include "jumpoint/proxy/authority.h"

#include <gtest/gtest.h>

namespace jump::proxy {
namespace {

TEST(Authority, IsTheSameInItsAllowedSpellings) {
  const Authority name = *parse_authority("appliance.example:443");
  for (const char* text : {"APPLIANCE.example:443", "appliance.example.:443", "Appliance.Example.:443"}) {
    EXPECT_EQ(parse_authority(text), name) << text;
  }
  const Authority v6 = *parse_authority("[2001:db8::1]:443");
  EXPECT_EQ(parse_authority("[2001:DB8:0:0::0001]:443"), v6);
  const Authority v4 = *parse_authority("10.0.0.7:443");
  EXPECT_EQ(parse_authority("[::ffff:10.0.0.7]:443"), v4);
  EXPECT_EQ(parse_authority("[::ffff:a00:7]:443"), v4);
  EXPECT_EQ(to_text(v6), "[2001:db8::1]:443");
  EXPECT_EQ(to_text(v4), "10.0.0.7:443");
  EXPECT_EQ(to_text(name), "appliance.example:443");
}

TEST(Authority, IsAnotherForAnotherPlace) {
  const Authority name = *parse_authority("appliance.example:443");
  for (const char* text : {"appliance.example:444", "xappliance.example:443", "appliance.example.evil:443",
                           "appliance:443", "10.0.0.7:443", "localhost:443", "appliance-example:443"}) {
    const std::optional<Authority> other = parse_authority(text);
    ASSERT_TRUE(other) << text;
    EXPECT_NE(*other, name) << text;
  }
}

TEST(Authority, RefusesWhatTwoReadersCouldReadDifferently) {
  for (const char* text : {"",
                           ":",
                           "a",
                           "a:",
                           ":443",
                           "a:0",
                           "a:65536",
                           "a:0443",
                           "a:+443",
                           "a:443 ",
                           "a:4 43",
                           "a:99999999",
                           "a:http",
                           "user@a:443",
                           "user:pass@a:443",
                           "a:443:443",
                           "a:443/",
                           "a/:443",
                           "a..b:443",
                           ".a:443",
                           "a..:443",
                           ".:443",
                           "a%2e:443",
                           "a\\b:443",
                           "a?b:443",
                           "a#b:443",
                           "[::1:443",
                           "::1:443",
                           "[::1]443",
                           "[::1]x:443",
                           "[10.0.0.7]:443",
                           "[fe80::1%eth0]:443",
                           "[fe80::1%25eth0]:443",
                           "[]:443",
                           "[a]:443",
                           "127.1:443",
                           "0177.0.0.1:443",
                           "0x7f.0.0.1:443",
                           "0x7f000001:443",
                           "2130706433:443",
                           "127.0.0.1.:443",
                           "1.2.3.4.5:443",
                           "010.0.0.7:443",
                           "a.0x10:443",
                           "a.123:443",
                           "\xc3\xa4.example:443",
                           "a b:443",
                           "[::ffff:10.0.0.07]:443"}) {
    EXPECT_FALSE(parse_authority(text)) << text;
  }
  EXPECT_FALSE(parse_authority(std::string_view("a\0:443", 6)));
  EXPECT_FALSE(parse_authority(std::string(64, 'a') + ".b:443"));
  EXPECT_TRUE(parse_authority(std::string(63, 'a') + ".b:443"));
  EXPECT_FALSE(parse_authority(std::string(254, 'a') + ":443"));
}

TEST(Authority, TakesAPortThatIsKnownAnyway) {
  EXPECT_EQ(parse_authority("a", std::uint16_t{80})->port, 80);
  EXPECT_EQ(parse_authority("a:81", std::uint16_t{80})->port, 81);
  EXPECT_EQ(parse_authority("[::1]", std::uint16_t{80})->port, 80);
  EXPECT_FALSE(parse_authority("a:", std::uint16_t{80}));
}

}  // namespace
}  // namespace jump::proxy
