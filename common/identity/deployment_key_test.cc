#include <gtest/gtest.h>

#include "common/identity/deployment_key.h"
#include "common/identity/host_port.h"

namespace jump::identity {
namespace {

DeploymentKey sample() {
  DeploymentKey key;
  key.addresses = {"jump.example.com:443", "[2001:db8::1]:8443"};
  key.ca_pin = to_base64url(Bytes(32, 0x11));
  key.installer.fill(0x22);
  key.secret = Secret(Bytes(32, 0x33));
  key.validity_minutes = 1440;
  key.site_salt.fill(0x44);
  key.proxies = {"zone.example.com:9555"};
  return key;
}

std::string text_of(const DeploymentKey& key) {
  return std::string(format_deployment_key(key)->reveal_text());
}

std::string complaint(std::string_view text) {
  const Result<DeploymentKey> key = parse_deployment_key(text);
  return key ? "taken" : key.error().message();
}

// Keys are printed, mailed and stored in deployment tools: this string must stay readable for ever.
constexpr std::string_view kGolden =
    "jk1.eyJhZGRyZXNzZXMiOlsianVtcC5leGFtcGxlLmNvbTo0NDMiLCJbMjAwMTpkYjg6OjFdOjg0NDMiXSwiY2FfcG"
    "luIjoiRVJFUkVSRVJFUkVSRVJFUkVSRVJFUkVSRVJFUkVSRVJFUkVSRVJFUkVSRSIsImluc3RhbGxlciI6IjIyMjIy"
    "MjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyIiwic2VjcmV0IjoiTXpNek16TXpNek16TXpNek16TXpNek16TXpNek"
    "16TXpNek16TXpNek16TSIsInZhbGlkaXR5X21pbnV0ZXMiOjE0NDAsInNpdGVfc2FsdCI6IjQ0NDQ0NDQ0NDQ0NDQ0"
    "NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0IiwicHJveGllcyI6WyJ6b25lLmV4YW1wbGUuY29tOjk1NTUiXX0.qbr7qwUX";

TEST(DeploymentKey, IsThisString) {
  EXPECT_EQ(text_of(sample()), kGolden);
}

TEST(DeploymentKey, ComesBackWhole) {
  const Result<DeploymentKey> back = parse_deployment_key(kGolden);
  ASSERT_TRUE(back) << back.error().message();
  const DeploymentKey key = sample();
  EXPECT_EQ(back->addresses, key.addresses);
  EXPECT_EQ(back->ca_pin, key.ca_pin);
  EXPECT_EQ(back->installer, key.installer);
  EXPECT_TRUE(back->secret == key.secret);
  EXPECT_EQ(back->validity_minutes, 1440u);
  EXPECT_EQ(back->site_salt, key.site_salt);
  EXPECT_EQ(back->proxies, key.proxies);
}

TEST(DeploymentKey, SurvivesMailsAndTerminals) {
  const std::string text(kGolden);
  EXPECT_TRUE(parse_deployment_key("  " + text + "\r\n"));
  EXPECT_TRUE(
      parse_deployment_key(text.substr(0, 76) + "\n" + text.substr(76, 76) + " \n\t" + text.substr(152)));
}

TEST(DeploymentKey, EveryTruncationIsNamedAsSuch) {
  const std::string text(kGolden);
  for (std::size_t size = 4; size < text.size(); ++size) {
    EXPECT_EQ(complaint(text.substr(0, size)), "deployment key: mistyped or cut, its checksum does not fit")
        << size;
  }
  EXPECT_EQ(complaint(""), "deployment key: empty");
  EXPECT_EQ(complaint("hunter2"), "deployment key: this is none, one starts with jk1.");
  EXPECT_EQ(complaint("jk"), "deployment key: mistyped or cut, its checksum does not fit");
  EXPECT_EQ(complaint("jk2.abc.def"), "deployment key: version 2, this program knows 1");
}

TEST(DeploymentKey, EveryMistypedCharacterIsNoticed) {
  for (std::size_t at = 4; at < kGolden.size(); ++at) {
    std::string text(kGolden);
    text[at] = text[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(complaint(text), "deployment key: mistyped or cut, its checksum does not fit") << at;
  }
}

TEST(DeploymentKey, TooLongIsRefusedBothWays) {
  EXPECT_EQ(complaint("jk1." + std::string(4100, 'A')), "deployment key: longer than 4096 characters");
  EXPECT_EQ(complaint(std::string(100000, 'A')), "deployment key: longer than 4096 characters");
  DeploymentKey key = sample();
  key.addresses.assign(
      16, std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') + ":443");
  key.proxies = key.addresses;
  EXPECT_TRUE(format_deployment_key(key).error().is(Fault::invalid));
}

TEST(DeploymentKey, FieldsHaveLimits) {
  const auto refused = [](auto change) {
    DeploymentKey key = sample();
    change(key);
    const Result<Secret> text = format_deployment_key(key);
    return text ? "taken" : text.error().message();
  };
  EXPECT_EQ(refused([](DeploymentKey& k) { k.addresses.clear(); }),
            "deployment key: 0 addresses, 1 to 16 are taken");
  EXPECT_EQ(refused([](DeploymentKey& k) { k.addresses.assign(17, "a:1"); }),
            "deployment key: 17 addresses, 1 to 16 are taken");
  EXPECT_EQ(refused([](DeploymentKey& k) { k.proxies.assign(17, "a:1"); }),
            "deployment key: 17 proxies, 0 to 16 are taken");
  EXPECT_EQ(refused([](DeploymentKey& k) { k.addresses = {"a"}; }), "deployment key: 'a' is not host:port");
  EXPECT_EQ(refused([](DeploymentKey& k) { k.validity_minutes = 9; }),
            "deployment key: a validity of 9 minutes, 10 to 525600 are taken");
  EXPECT_EQ(refused([](DeploymentKey& k) { k.validity_minutes = 525601; }),
            "deployment key: a validity of 525601 minutes, 10 to 525600 are taken");
  EXPECT_EQ(refused([](DeploymentKey& k) { k.ca_pin = "abc"; }),
            "deployment key: the CA pin is not 43 characters of base64url");
  EXPECT_EQ(refused([](DeploymentKey& k) { k.secret = Secret("short"); }),
            "deployment key: the secret is not 32 bytes");
}

TEST(DeploymentKey, StoredHashIsOfThisSecretOnly) {
  EXPECT_EQ(deployment_secret_hash(sample().secret), deployment_secret_hash(Secret(Bytes(32, 0x33))));
  EXPECT_NE(deployment_secret_hash(sample().secret), deployment_secret_hash(Secret(Bytes(32, 0x34))));
  EXPECT_NE(deployment_secret_hash(sample().secret), sha256(Bytes(32, 0x33)));
}

TEST(HostPort, TakesNamesAndAddresses) {
  for (const char* text : {"a:1", "jump.example.com:443", "10.0.0.1:65535", "[::1]:443", "[2001:db8::1]:1",
                           "my_host:80", "3com.com:1"}) {
    EXPECT_TRUE(parse_host_port(text)) << text;
  }
  EXPECT_EQ(parse_host_port("[2001:db8::1]:8443")->host, "2001:db8::1");
  EXPECT_EQ(parse_host_port("[2001:db8::1]:8443")->port, 8443);
}

TEST(HostPort, RefusesTheRest) {
  for (const char* text : {"",
                           ":",
                           ":1",
                           "a",
                           "a:",
                           "a:0",
                           "a:01",
                           "a:65536",
                           "a:-1",
                           "a:1 ",
                           " a:1",
                           "a b:1",
                           "::1:443",
                           "[::1]",
                           "[::1]443",
                           "[fe80::1%eth0]:443",
                           "[10.0.0.1]:443",
                           "10.0.0:1",
                           "256.0.0.1:1",
                           "https://a:1",
                           "-a:1",
                           "a-:1",
                           "a..b:1",
                           ".a:1",
                           "a.:1",
                           "a/b:1",
                           "[]:1",
                           "a:1:2"}) {
    EXPECT_FALSE(parse_host_port(text)) << text;
  }
  EXPECT_FALSE(parse_host_port(std::string(64, 'a') + ":1"));
}

}  // namespace
}  // namespace jump::identity
