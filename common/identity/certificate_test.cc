#include <gtest/gtest.h>

#include "common/identity/authority.h"
#include "common/identity/identity_lab.h"
#include "common/identity/time_floor.h"

namespace jump::identity {
namespace {

using lab::Ca;
using lab::kDay;
using lab::kNow;
using lab::Recipe;

Certificate sample() {
  const Authority authority = *Authority::create(kNow);
  return *authority.issue(PrivateKey::generate().make_request(), {PeerRole::agent, 17}, kNow);
}

TEST(PeerIdentity, HasOneSpelling) {
  EXPECT_EQ(*parse_identity("jump:appliance"), (PeerIdentity{PeerRole::appliance, 0}));
  EXPECT_EQ(*parse_identity("jump:agent/17"), (PeerIdentity{PeerRole::agent, 17}));
  EXPECT_EQ(*parse_identity("jump:node/9223372036854775807"),
            (PeerIdentity{PeerRole::node, 9223372036854775807u}));
  EXPECT_EQ((PeerIdentity{PeerRole::agent, 17}).name(), "agent:17");
  EXPECT_EQ((PeerIdentity{PeerRole::node, 3}).uri(), "jump:node/3");
  EXPECT_EQ((PeerIdentity{PeerRole::appliance, 0}).name(), "appliance");
}

TEST(PeerIdentity, RefusesEverythingElse) {
  for (const char* uri : {"",
                          "jump:",
                          "jump:agent",
                          "jump:agent/",
                          "jump:agent/0",
                          "jump:agent/017",
                          "jump:agent/+1",
                          "jump:agent/-1",
                          "jump:agent/1 ",
                          " jump:agent/1",
                          "jump:agent/1/2",
                          "jump:agent/1a",
                          "jump:agent/9223372036854775808",
                          "JUMP:agent/1",
                          "jump:Agent/1",
                          "jump:console/1",
                          "jump:appliance/",
                          "jump:appliance/1",
                          "jump:appliance ",
                          "jump:node/",
                          "http://jump:agent/1",
                          "jump:agent//1",
                          "jump:agent/0x1",
                          "jump:agent/1\n"}) {
    EXPECT_FALSE(parse_identity(uri)) << uri;
  }
  EXPECT_FALSE(parse_identity(std::string_view("jump:agent/1\0", 13)));
}

TEST(Certificate, SaysWhatStandsInIt) {
  const Certificate certificate = sample();
  EXPECT_EQ(certificate.uri(), "jump:agent/17");
  EXPECT_EQ(certificate.serial().size(), 32u);
  EXPECT_EQ(certificate.not_before(), kNow - 3600);
  EXPECT_EQ(certificate.not_after(), kNow + 90 * kDay);
  EXPECT_EQ(certificate.digest(), sha256(certificate.der()));
  EXPECT_EQ(certificate.pin(), spki_pin(certificate.spki()));
  EXPECT_FALSE(certificate.is_ca());
  EXPECT_FALSE(certificate.self_signed());
  EXPECT_EQ(*Certificate::from_pem(certificate.to_pem()), certificate);
  EXPECT_EQ(*Certificate::from_der(certificate.der()), certificate);
  EXPECT_EQ(*certificate_from(borrow(certificate)), certificate);
}

TEST(Certificate, NoTruncationAndNothingBehindItIsTaken) {
  const Certificate certificate = sample();
  const ByteView der = certificate.der();
  for (std::size_t size = 0; size < der.size(); ++size)
    EXPECT_FALSE(Certificate::from_der(der.first(size))) << size;
  Bytes longer(der.begin(), der.end());
  longer.push_back(0);
  EXPECT_FALSE(Certificate::from_der(longer));
  const std::string pem = certificate.to_pem();
  for (std::size_t size = 0; size + 1 < pem.size(); ++size)
    EXPECT_FALSE(Certificate::from_pem(pem.substr(0, size))) << size;
  EXPECT_FALSE(Certificate::from_pem(pem + "x"));
  EXPECT_FALSE(Certificate::from_pem("x" + pem));
  EXPECT_FALSE(Certificate::from_pem(pem + pem));
  EXPECT_TRUE(Certificate::from_pem("\n " + pem + "\r\n"));
}

TEST(Certificate, AFlippedBitParsesToAnotherOneOrNotAtAll) {
  const Certificate certificate = sample();
  for (std::size_t bit = 0; bit < certificate.der().size() * 8; bit += 3) {
    Bytes altered = certificate.der();
    altered[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    const Result<Certificate> parsed = Certificate::from_der(altered);
    EXPECT_TRUE(!parsed || parsed->digest() != certificate.digest()) << bit;
  }
}

TEST(Certificate, TooLargeIsRefused) {
  EXPECT_FALSE(Certificate::from_der(Bytes(kCertificateBytes + 1)));
  EXPECT_FALSE(Certificate::from_pem("-----BEGIN CERTIFICATE-----\n" + std::string(40000, 'A') +
                                     "\n-----END CERTIFICATE-----\n"));
  const Ca ca("ca");
  const PrivateKey key = PrivateKey::generate();
  X509Ptr large(X509_dup(borrow(ca.issue(Recipe{}, key))));
  lab::add(large.get(), large.get(), NID_netscape_comment, std::string(20000, 'c'));
  X509_sign(large.get(), borrow(ca.key), EVP_sha256());
  EXPECT_FALSE(certificate_from(large.get()));
}

TEST(Certificate, ChainsHaveALimit) {
  const std::string pem = sample().to_pem();
  std::string chain;
  for (std::size_t i = 0; i < kChainLength; ++i) chain += pem;
  EXPECT_EQ(parse_pem_chain(chain)->size(), kChainLength);
  EXPECT_EQ(to_pem_chain(*parse_pem_chain(chain)), chain);
  EXPECT_FALSE(parse_pem_chain(chain + pem));
  EXPECT_FALSE(parse_pem_chain(""));
}

TEST(Certificate, TwoUrisAreNone) {
  const Ca ca("ca");
  Recipe recipe;
  recipe.names = "URI:jump:agent/17,URI:jump:agent/18";
  EXPECT_FALSE(ca.issue(recipe).uri());
  recipe.names = "DNS:example.com,URI:jump:agent/17";
  EXPECT_EQ(ca.issue(recipe).uri(), "jump:agent/17");
  recipe.names = "";
  EXPECT_FALSE(ca.issue(recipe).uri());
}

TEST(Certificate, RenewalIsDueAtTwoThirdsOfItsLife) {
  const Ca ca("ca");
  Recipe recipe;
  recipe.not_before = kNow;
  recipe.not_after = kNow + 90 * kDay;
  const Certificate certificate = ca.issue(recipe);
  EXPECT_EQ(renewal_time(certificate), kNow + 60 * kDay);
  EXPECT_FALSE(renewal_due(certificate, kNow + 60 * kDay - 1));
  EXPECT_TRUE(renewal_due(certificate, kNow + 60 * kDay));
  EXPECT_TRUE(renewal_due(certificate, kNow + 900 * kDay));
}

TEST(TimeFloor, IsNeverBeforeTheBuildOrWhatTheApplianceTold) {
  TimeFloor floor;
  EXPECT_GT(build_day(), 1'750'000'000);
  EXPECT_EQ(build_day() % kDay, 0);
  EXPECT_EQ(floor.now(0), build_day());
  EXPECT_EQ(floor.now(build_day() + 5), build_day() + 5);
  const std::int64_t later = build_day() + 100 * kDay;
  EXPECT_TRUE(floor.tell(later, later + kDay));
  EXPECT_EQ(floor.now(0), later);
  EXPECT_EQ(floor.now(later + 7), later + 7);
  EXPECT_FALSE(floor.tell(later - 1, later + kDay)) << "never back";
  EXPECT_EQ(floor.told(), later);
}

TEST(TimeFloor, AnApplianceYearsAheadStrandsNobody) {
  TimeFloor floor;
  const std::int64_t valid_until = build_day() + 30 * kDay;
  EXPECT_TRUE(floor.tell(build_day() + 9000 * kDay, valid_until));
  EXPECT_EQ(floor.now(0), valid_until) << "the certificate that it showed is still good";
}

}  // namespace
}  // namespace jump::identity
