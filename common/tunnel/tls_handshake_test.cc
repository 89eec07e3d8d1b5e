#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "common/tunnel/tunnel_test_support.h"

namespace jump::tunnel::test {
namespace {

struct TlsHandshake : testing::Test {
  asio::io_context io{1};
  Site site;
  Credentials agent = site.issue(kAgent);

  static std::string told(const Ends& ends) {
    return ends.client ? "nothing" : ends.client.error().message();
  }
  TlsConnectOptions with_alpn(std::string_view alpn) {
    TlsConnectOptions options;
    options.alpn = alpn;
    return options;
  }
  TlsConnectOptions with_psk(identity::Psk psk) {
    TlsConnectOptions options;
    options.psk = std::move(psk);
    return options;
  }
};

TEST_F(TlsHandshake, AnAgentAndTheApplianceKnowEachOther) {
  const Ends ends = shake_hands(io, site.client(agent), site.server());
  ASSERT_TRUE(ends.client) << ends.client.error().message();
  ASSERT_TRUE(ends.server) << ends.server.error().message();
  const TlsStream& server = **ends.server;
  ASSERT_TRUE(server.peer());
  EXPECT_EQ(server.peer()->identity, kAgent);
  EXPECT_EQ(server.peer()->serial, agent.chain.front().serial());
  EXPECT_EQ(server.alpn(), "jump/1");
  EXPECT_FALSE(server.resumed());
  const TlsStream& client = **ends.client;
  ASSERT_TRUE(client.peer());
  EXPECT_EQ(client.peer()->identity.role, identity::PeerRole::appliance);
  EXPECT_TRUE(client.info().peer_address.starts_with("127.0.0.1:")) << client.info().peer_address;
  EXPECT_EQ(server.info().peer_host, "127.0.0.1");
}

TEST_F(TlsHandshake, ThoseWhoKnowThePinNeedNoCertificate) {
  const auto server = site.server();
  for (const std::string_view alpn : {kAlpnConsole, kAlpnEnroll, kAlpnPinnedHttp, kAlpnHttp}) {
    const Ends ends = shake_hands(io, site.stranger(), server, with_alpn(alpn));
    ASSERT_TRUE(ends.client) << alpn << ends.client.error().message();
    ASSERT_TRUE(ends.server) << alpn << ends.server.error().message();
    EXPECT_EQ((*ends.server)->alpn(), alpn);
    EXPECT_FALSE((*ends.server)->peer());
    EXPECT_EQ((*ends.client)->peer()->identity.role, identity::PeerRole::appliance);
  }
}

TEST_F(TlsHandshake, ATunnelNeedsACertificate) {
  const auto client = TlsClient::create({site.bundle_verifier(), std::nullopt, {}}).value();
  Ends ends = shake_hands(io, client, site.server());
  ASSERT_FALSE(ends.server);
  EXPECT_NE(ends.server.error().message().find("peer did not return a certificate"), std::string::npos);
  EXPECT_NE(told(ends).find("the peer refused: certificate required"), std::string::npos) << told(ends);
}

TEST_F(TlsHandshake, ThePinAloneDoesNotOpenATunnelsShortChain) {
  // jump/1 gets no CA certificate, so a pin finds nothing to hold on to.
  const auto client = TlsClient::create({site.pin_verifier(), agent.key, agent.chain}).value();
  Ends ends = shake_hands(io, client, site.server());
  ASSERT_FALSE(ends.client);
  EXPECT_TRUE(ends.client.error().is(Fault::unauthenticated)) << ends.client.error().message();
}

TEST_F(TlsHandshake, AnotherPinIsAnotherAppliance) {
  const std::string pin = identity::Authority::create(kNow)->pin();
  const auto client =
      TlsClient::create({std::make_shared<PinVerifier>(pin, site.clock()), std::nullopt, {}}).value();
  const Ends ends = shake_hands(io, client, site.server(), with_alpn(kAlpnEnroll));
  ASSERT_FALSE(ends.client);
  EXPECT_TRUE(ends.client.error().is(Fault::unauthenticated)) << ends.client.error().message();
  ASSERT_FALSE(ends.server);
  EXPECT_NE(ends.server.error().message().find("the peer refused: unknown CA"), std::string::npos)
      << ends.server.error().message();
}

TEST_F(TlsHandshake, AnAgentsCertificateIsNoAppliances) {
  TlsServerSettings settings = site.server_settings();
  settings.identity.key = agent.key;
  settings.identity.certificate = agent.chain.front();
  const auto impostor = TlsServer::create(std::move(settings)).value();
  for (const std::string_view alpn : {kAlpnTunnel, kAlpnEnroll}) {
    const auto client = alpn == kAlpnTunnel ? site.client(agent) : site.stranger();
    const Ends ends = shake_hands(io, client, impostor, with_alpn(alpn));
    ASSERT_FALSE(ends.client);
    EXPECT_TRUE(ends.client.error().is(Fault::unauthenticated)) << ends.client.error().message();
  }
}

TEST_F(TlsHandshake, TheAppliancesCertificateIsNoAgents) {
  const identity::ApplianceIdentity appliance = site.authority.issue_appliance({}, kNow).value();
  const auto client =
      TlsClient::create({site.bundle_verifier(), appliance.key, {appliance.certificate}}).value();
  Ends ends = shake_hands(io, client, site.server());
  ASSERT_FALSE(ends.server);
  EXPECT_TRUE(ends.server.error().is(Fault::unauthenticated)) << ends.server.error().message();
}

TEST_F(TlsHandshake, ACertificateOfAnotherSiteIsRefused) {
  Site other;
  const Credentials foreign = other.issue(kAgent);
  Ends ends = shake_hands(io, site.client(foreign), site.server());
  ASSERT_FALSE(ends.server);
  EXPECT_TRUE(ends.server.error().is(Fault::unauthenticated)) << ends.server.error().message();
  EXPECT_NE(told(ends).find("the peer refused: unknown CA"), std::string::npos) << told(ends);
}

TEST_F(TlsHandshake, AnExpiredApplianceIsRefused) {
  const auto server = site.server();
  site.now += 400 * 86400;
  const Ends ends = shake_hands(io, site.client(agent), server);
  ASSERT_FALSE(ends.client);
  EXPECT_TRUE(ends.client.error().is(Fault::expired)) << ends.client.error().message();
  ASSERT_FALSE(ends.server);
  EXPECT_NE(ends.server.error().message().find("certificate expired"), std::string::npos)
      << ends.server.error().message();
}

TEST_F(TlsHandshake, AnExpiredAgentMayComeToRenewAndIsMarked) {
  site.now += 100 * 86400;
  const Ends ends = shake_hands(io, site.client(agent), site.server());
  ASSERT_TRUE(ends.server) << ends.server.error().message();
  EXPECT_TRUE((*ends.server)->peer()->renewal_only);
}

TEST_F(TlsHandshake, ARevokedCertificateIsRefusedAndToldSo) {
  const auto server = site.server();
  // Known to the cache first: revoking must reach that too.
  ASSERT_TRUE(shake_hands(io, site.client(agent), server).server);
  site.revocations.revoke(agent.chain.front().serial());
  Ends ends = shake_hands(io, site.client(agent), server);
  ASSERT_FALSE(ends.server);
  EXPECT_TRUE(ends.server.error().is(Fault::refused)) << ends.server.error().message();
  EXPECT_NE(told(ends).find("the peer refused: certificate revoked"), std::string::npos) << told(ends);
}

TEST_F(TlsHandshake, ComingBackByPskNeedsNoCertificate) {
  const auto server = site.server();
  const identity::Psk psk = site.psk.offer(kAgent, agent.chain.front().serial());
  const auto bare = TlsClient::create({nullptr, std::nullopt, {}}).value();
  for (int i = 0; i < 3; ++i) {  // the same one again and again
    const Ends ends = shake_hands(io, bare, server, with_psk(psk));
    ASSERT_TRUE(ends.client) << ends.client.error().message();
    ASSERT_TRUE(ends.server) << ends.server.error().message();
    EXPECT_TRUE((*ends.client)->resumed());
    EXPECT_TRUE((*ends.server)->resumed());
    EXPECT_EQ((*ends.server)->peer()->identity, kAgent);
    EXPECT_EQ((*ends.server)->peer()->serial, agent.chain.front().serial());
    EXPECT_EQ((*ends.client)->peer()->identity.role, identity::PeerRole::appliance);
  }
}

TEST_F(TlsHandshake, ARevokedPskFallsBackToAFullHandshakeWhichIsRefusedToo) {
  const auto server = site.server();
  const identity::Psk psk = site.psk.offer(kAgent, agent.chain.front().serial());
  site.revocations.revoke(agent.chain.front().serial());
  Ends ends = shake_hands(io, site.client(agent), server, with_psk(psk));
  ASSERT_FALSE(ends.server);
  EXPECT_TRUE(ends.server.error().is(Fault::refused)) << ends.server.error().message();
  EXPECT_NE(told(ends).find("certificate revoked"), std::string::npos) << told(ends);
}

TEST_F(TlsHandshake, AnUnknownPskFallsBackToAFullHandshake) {
  const auto server = site.server();
  identity::Psk old = site.psk.offer(kAgent, agent.chain.front().serial());
  site.psk = identity::PskMaster();
  site.psk.rotate(kNow + 10);  // the same epoch number under another secret, so change the number as well
  old.id.back() = 99;
  const Ends ends = shake_hands(io, site.client(agent), server, with_psk(old));
  ASSERT_TRUE(ends.server) << ends.server.error().message();
  ASSERT_TRUE(ends.client) << ends.client.error().message();
  EXPECT_FALSE((*ends.client)->resumed());
  EXPECT_FALSE((*ends.server)->resumed());
  EXPECT_EQ((*ends.server)->peer()->identity, kAgent);
  EXPECT_EQ((*ends.server)->peer()->not_after, agent.chain.front().not_after());
}

TEST_F(TlsHandshake, AForgedPskProvesNothing) {
  const auto server = site.server();
  identity::Psk forged = site.psk.offer({identity::PeerRole::agent, 18}, agent.chain.front().serial());
  forged.key = Secret(Bytes(32, 7));
  const Ends ends = shake_hands(io, site.client(agent), server, with_psk(forged));
  ASSERT_FALSE(ends.server);
  EXPECT_NE(ends.server.error().message().find("binder"), std::string::npos) << ends.server.error().message();
  ASSERT_FALSE(ends.client);
}

TEST_F(TlsHandshake, APskOpensNothingButATunnel) {
  const auto server = site.server();
  TlsConnectOptions options = with_psk(site.psk.offer(kAgent, agent.chain.front().serial()));
  options.alpn = kAlpnHttp;
  const Ends ends = shake_hands(io, site.stranger(), server, options);
  ASSERT_TRUE(ends.server) << ends.server.error().message();
  EXPECT_FALSE((*ends.server)->resumed());
  EXPECT_FALSE((*ends.server)->peer());
}

TEST_F(TlsHandshake, AProtocolThatNobodyServesIsRefused) {
  Ends ends = shake_hands(io, site.stranger(), site.server(), with_alpn("h2"));
  ASSERT_FALSE(ends.server);
  EXPECT_TRUE(ends.server.error().is(Fault::refused)) << ends.server.error().message();
  ASSERT_FALSE(ends.client);
  EXPECT_NE(ends.client.error().message().find("no common application protocol"), std::string::npos)
      << ends.client.error().message();
}

TEST_F(TlsHandshake, AKeyThatIsNotTheCertificatesIsNotTaken) {
  const Credentials other = site.issue(kAgent);
  EXPECT_FALSE(TlsClient::create({site.bundle_verifier(), agent.key, other.chain}));
  TlsServerSettings settings = site.server_settings();
  settings.identity.key = other.key;
  EXPECT_FALSE(TlsServer::create(std::move(settings)));
}

TEST_F(TlsHandshake, RubbishAndEarlyEndsAreTold) {
  const auto server = site.server();
  for (const std::string_view sent : {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01", ""}) {
    SocketPair pair = connected_pair(io);
    asio::write(pair.client, asio::buffer(sent));
    pair.client.shutdown(tcp::socket::shutdown_send);
    const StreamResult result = run(io, TlsStream::accept(std::move(pair.server), server));
    ASSERT_FALSE(result);
    if (sent.size() < 10) EXPECT_EQ(result.error().code, asio::error::eof) << result.error().message();
  }
}

}  // namespace
}  // namespace jump::tunnel::test
