#include <gtest/gtest.h>

#include "common/tunnel/proxy_dialogue.h"

namespace jump::tunnel {
namespace {

using Step = ProxyDialogue::Step;

const Address kName{"appliance.example", 443};
const Address kFour{"10.0.0.5", 8443};
const Address kSix{"2001:db8::1", 443};

std::string hex(ByteView bytes) {
  return to_hex(bytes);
}
Bytes bytes(std::string_view text) {
  return from_hex(text).value();
}

// --- SOCKS5: golden bytes (RFC 1928 sections 3, 4, 6; RFC 1929 section 2) ---------------------------------

TEST(Socks5, SpeaksWithoutAuthentication) {
  const auto socks = socks5_connect(kName, "", Secret());
  EXPECT_EQ(hex(socks->begin()), "050100");
  Result<Step> step = socks->received(bytes("0500"));
  ASSERT_TRUE(step);
  EXPECT_FALSE(step->done);
  EXPECT_EQ(hex(step->send),
            "05010003"
            "11" +
                hex(as_bytes("appliance.example")) + "01bb");
  step = socks->received(bytes("050000010a0000051f90"));
  ASSERT_TRUE(step);
  EXPECT_TRUE(step->done);
}

TEST(Socks5, SpeaksWithUserAndPassword) {
  const auto socks = socks5_connect(kFour, "me", Secret("pass"));
  EXPECT_EQ(hex(socks->begin()), "050102");
  Result<Step> step = socks->received(bytes("0502"));
  ASSERT_TRUE(step);
  EXPECT_EQ(hex(step->send),
            "01"
            "02"
            "6d65"
            "04"
            "70617373");
  step = socks->received(bytes("0100"));
  ASSERT_TRUE(step);
  EXPECT_EQ(hex(step->send),
            "05010001"
            "0a000005"
            "20fb");
}

TEST(Socks5, NamesIpv6) {
  const auto socks = socks5_connect(kSix, "", Secret());
  socks->begin();
  const Result<Step> step = socks->received(bytes("0500"));
  EXPECT_EQ(hex(step->send),
            "05010004"
            "20010db8000000000000000000000001"
            "01bb");
}

TEST(Socks5, TakesEveryFormOfReplyByteByByte) {
  for (const char* reply :
       {"050000010a0000051f90", "0500000400000000000000000000000000000000ffff", "0500000303616263ffff"}) {
    const auto socks = socks5_connect(kName, "", Secret());
    socks->begin();
    ASSERT_TRUE(socks->received(bytes("05")));
    ASSERT_TRUE(socks->received(bytes("00")));
    const Bytes all = bytes(reply);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Result<Step> step = socks->received({&all[i], 1});
      ASSERT_TRUE(step);
      EXPECT_EQ(step->done, i + 1 == all.size()) << reply << i;
    }
  }
}

TEST(Socks5, SaysWhyItWasRefused) {
  const auto refused = [](std::string_view reply) {
    const auto socks = socks5_connect(kName, "", Secret());
    socks->begin();
    EXPECT_TRUE(socks->received(bytes("0500")));
    return socks->received(bytes(reply)).error();
  };
  EXPECT_EQ(refused("0502").message(),
            "the proxy could not reach appliance.example:443: not allowed by its rules");
  EXPECT_TRUE(refused("0505").is(Fault::refused));
  EXPECT_TRUE(refused("0400").is(Fault::malformed));
  EXPECT_TRUE(refused("050000090000").is(Fault::malformed));
  EXPECT_TRUE(refused("050000010a0000051f9016").is(Fault::malformed));  // a byte too much
  const auto none = socks5_connect(kName, "", Secret());
  EXPECT_TRUE(none->received(bytes("05ff")).error().is(Fault::refused));
  const auto wrong = socks5_connect(kName, "me", Secret("pass"));
  ASSERT_TRUE(wrong->received(bytes("0502")));
  EXPECT_EQ(wrong->received(bytes("0101")).error().message(), "the proxy refused user and password");
  // A proxy that talks us out of authentication.
  const auto weak = socks5_connect(kName, "me", Secret("pass"));
  EXPECT_TRUE(weak->received(bytes("0500")).error().is(Fault::malformed));
  const auto http = socks5_connect(kName, "", Secret());
  EXPECT_TRUE(http->received(to_bytes("HTTP/1.1 400")).error().is(Fault::malformed));
}

// --- HTTP CONNECT ------------------------------------------------------------------------------------------

TEST(HttpConnect, AsksForTheTarget) {
  EXPECT_EQ(as_text(http_connect(kName, "", Secret())->begin()),
            "CONNECT appliance.example:443 HTTP/1.1\r\nHost: appliance.example:443\r\n\r\n");
  EXPECT_EQ(as_text(http_connect(kSix, "", Secret())->begin()),
            "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n");
  // RFC 7617 section 2.
  EXPECT_EQ(as_text(http_connect(kFour, "Aladdin", Secret("open sesame"))->begin()),
            "CONNECT 10.0.0.5:8443 HTTP/1.1\r\nHost: 10.0.0.5:8443\r\n"
            "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
}

TEST(HttpConnect, TakesAnyGoodAnswerByteByByte) {
  for (const std::string_view answer : {"HTTP/1.1 200 Connection established\r\n\r\n",
                                        "HTTP/1.0 200 OK\r\nProxy-agent: x\r\nContent-Length: 5\r\n\r\n",
                                        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"}) {
    const auto http = http_connect(kName, "", Secret());
    for (std::size_t i = 0; i < answer.size(); ++i) {
      const Result<Step> step = http->received(as_bytes(answer.substr(i, 1)));
      ASSERT_TRUE(step) << step.error().message();
      EXPECT_EQ(step->done, i + 1 == answer.size()) << answer;
    }
    EXPECT_TRUE(http_connect(kName, "", Secret())->received(as_bytes(answer))->done);
  }
}

TEST(HttpConnect, SaysWhyItWasRefused) {
  const auto complaint = [](std::string_view answer) {
    const Result<Step> step = http_connect(kName, "", Secret())->received(as_bytes(answer));
    return step ? std::string("taken") : step.error().message();
  };
  EXPECT_EQ(
      complaint("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n<html>"),
      "the proxy refused appliance.example:443: 407 Proxy Authentication Required");
  EXPECT_EQ(
      complaint(
          "HTTP/1.1 403 Forbidden\r\nContent-Length: 31\r\n\r\nonly the appliance is allowed\x1b[2J\r\nmore"),
      "the proxy refused appliance.example:443: 403 Forbidden (only the appliance is allowed\\x1b[2J)");
  EXPECT_EQ(complaint("HTTP/1.1 200 OK\r\n\r\nx"), "the proxy sent bytes behind its answer");
  EXPECT_NE(complaint("SSH-2.0-OpenSSH\r\n\r\n").find("no HTTP"), std::string::npos);
  EXPECT_NE(complaint("HTTP/1.1 200 OK\r\nX: " + std::string(9000, 'x')).find("more than 8192 bytes"),
            std::string::npos);
  EXPECT_NE(complaint("HTTP/1.1 200 OK\r\nX: " + std::string(9000, 'x') + "\r\n\r\n").find("more than 8192"),
            std::string::npos);
}

}  // namespace
}  // namespace jump::tunnel
