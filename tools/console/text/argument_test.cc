#include "tools/console/text/argument.h"

#include <gtest/gtest.h>

namespace jump::console {
namespace {

AssetNames web() {
  return {17, "web-01", "web-01.example", "Servers", "srv"};
}

TEST(AssetArgument, IsAnIdANameOrAGroupAndName) {
  EXPECT_EQ(parse_asset("17").value().id, 17);
  EXPECT_EQ(parse_asset("17").value().name, "17");
  EXPECT_FALSE(parse_asset("-1").value().id);
  EXPECT_FALSE(parse_asset("web-01").value().id);
  EXPECT_EQ(parse_asset("srv/web/1").value().group, "srv");
  EXPECT_EQ(parse_asset("srv/web/1").value().name, "web/1");
}

TEST(AssetArgument, RefusesWhatNamesNothing) {
  for (const char* bad : {"", "/", "a/", "/b", "\xff"}) EXPECT_FALSE(parse_asset(bad)) << bad;
  EXPECT_FALSE(parse_asset(std::string(301, 'a')));
}

TEST(AssetMatch, PrefersTheIdThenTheNameThenTheHost) {
  EXPECT_EQ(match(parse_asset("17").value(), web()), 3);
  EXPECT_EQ(match(parse_asset("WEB-01").value(), web()), 2);
  EXPECT_EQ(match(parse_asset("web-01.example").value(), web()), 1);
  EXPECT_EQ(match(parse_asset("web").value(), web()), 0);
  EXPECT_EQ(match(parse_asset("18").value(), web()), 0);
}

TEST(AssetMatch, WantsTheGroupByNameOrCodeName) {
  EXPECT_EQ(match(parse_asset("servers/web-01").value(), web()), 2);
  EXPECT_EQ(match(parse_asset("SRV/web-01").value(), web()), 2);
  EXPECT_EQ(match(parse_asset("other/web-01").value(), web()), 0);
  EXPECT_EQ(match(parse_asset("srv/17").value(), web()), 0);
}

TEST(AssetMatch, NeverMatchesAnEmptyCodeName) {
  AssetNames asset = web();
  asset.group_code.clear();
  asset.hostname.clear();
  AssetArgument wanted;
  wanted.group = "";
  EXPECT_EQ(match(wanted, asset), 0);
}

TEST(CopyPlace, IsRemoteWithAColonUnlessItLooksLikeAPath) {
  EXPECT_EQ(parse_copy_place("web-01:/etc/hosts").asset, "web-01");
  EXPECT_EQ(parse_copy_place("web-01:/etc/hosts").path, "/etc/hosts");
  EXPECT_EQ(parse_copy_place("srv/web-01:a:b").asset, "srv/web-01");
  EXPECT_EQ(parse_copy_place("srv/web-01:a:b").path, "a:b");
  EXPECT_EQ(parse_copy_place("web-01:").path, "");
  for (const char* local : {"file", "./a:b", "/tmp/a:b", "../a:b", ":x"}) {
    EXPECT_FALSE(parse_copy_place(local).asset) << local;
    EXPECT_EQ(parse_copy_place(local).path, local);
  }
}

TEST(ForwardSpec, HasThreeOrFourParts) {
  const ForwardSpec short_form = parse_forward("8080:db:5432").value();
  EXPECT_EQ(short_form.listen_address, "127.0.0.1");
  EXPECT_EQ(short_form.listen_port, 8080);
  EXPECT_EQ(short_form.host, "db");
  EXPECT_EQ(short_form.port, 5432);
  const ForwardSpec long_form = parse_forward("[::1]:0:[fe80::1]:22").value();
  EXPECT_EQ(long_form.listen_address, "::1");
  EXPECT_EQ(long_form.listen_port, 0);
  EXPECT_EQ(long_form.host, "fe80::1");
  EXPECT_EQ(parse_forward("127.0.0.2:80:h:80").value().listen_address, "127.0.0.2");
}

TEST(ForwardSpec, RefusesEverythingElse) {
  for (const char* bad : {"", "80", "80:h", "80:h:", "80::80", ":80:h:80", "65536:h:1", "1:h:0", "1:[h:2",
                          "1:2:3:4:5", "x:h:1", "1:h:x"}) {
    EXPECT_FALSE(parse_forward(bad)) << bad;
  }
}

TEST(SessionId, IsThirtyTwoHexDigits) {
  EXPECT_EQ(parse_session_id("00112233445566778899AABBCCDDEEFF").value(), "00112233445566778899aabbccddeeff");
  for (const char* bad :
       {"", "0011", "../../../../etc/passwd0000000000", "zz112233445566778899aabbccddeeff"}) {
    EXPECT_FALSE(parse_session_id(bad)) << bad;
  }
}

TEST(Loopback, IsTheWholeBlock) {
  EXPECT_TRUE(is_loopback("127.9.9.9"));
  EXPECT_TRUE(is_loopback("::1"));
  EXPECT_FALSE(is_loopback("0.0.0.0"));
  EXPECT_FALSE(is_loopback("10.0.0.1"));
}

TEST(PortPairs, AreLocalAndRemoteInTurn) {
  const Result<std::vector<PortPair>> pairs = parse_port_pairs("22;24; 0 ;28");
  ASSERT_TRUE(pairs);
  EXPECT_EQ(*pairs, (std::vector<PortPair>{{22, 24}, {0, 28}}));
}

TEST(PortPairs, RefusesWhatIsNoPair) {
  for (const char* text : {"", "22", "22;24;26", "22;0", "22;65536", "a;b", "22:24", "-1;3"}) {
    EXPECT_FALSE(parse_port_pairs(text)) << text;
  }
  std::string many;
  for (int i = 0; i < 65; ++i) many += "1;2;";
  EXPECT_FALSE(parse_port_pairs(many));
}

}  // namespace
}  // namespace jump::console
