#include <gtest/gtest.h>

#include <random>

#include "common/identity/authority.h"
#include "common/identity/identity_lab.h"
#include "common/identity/random.h"
#include "common/identity/verify.h"

namespace jump::identity {
namespace {

using lab::Ca;
using lab::kDay;
using lab::kNow;
using lab::Recipe;

const Ca& site() {
  static const Ca kSite("site");
  return kSite;
}

Result<VerifiedPeer> judge(const std::vector<Certificate>& chain, const CaSet& authorities,
                           VerifyOptions options = {}) {
  if (options.now == 0) options.now = kNow;
  return verify_peer(chain, {PeerRole::agent, PeerRole::node}, authorities, options);
}

Result<VerifiedPeer> judge(const Recipe& recipe, VerifyOptions options = {}) {
  return judge({site().issue(recipe)}, *CaSet::from({site().certificate}), options);
}

// What follows "certificate <serial> (<uri>): ".
std::string complaint(const Result<VerifiedPeer>& result) {
  if (result) return "taken";
  const std::string text = result.error().message();
  const std::size_t at = text.find("): ");
  return at == std::string::npos ? text : text.substr(at + 3);
}

TEST(VerifyPeer, TellsWhoItIs) {
  const Result<VerifiedPeer> peer = judge(Recipe{});
  ASSERT_TRUE(peer) << peer.error().message();
  EXPECT_EQ(peer->identity, (PeerIdentity{PeerRole::agent, 17}));
  EXPECT_EQ(peer->not_after, kNow + kDay);
  EXPECT_EQ(peer->not_before, kNow - kDay);
  EXPECT_FALSE(peer->serial.empty());
  EXPECT_FALSE(peer->renewal_only);
  EXPECT_FALSE(peer->not_yet_valid);
}

// Each role's certificate, as the authority issues it, wherever another is expected.
TEST(VerifyPeer, EachRoleIsRefusedInEveryWrongPlace) {
  const Authority authority = *Authority::create(kNow);
  const auto issued = [&](PeerRole role) {
    if (role == PeerRole::appliance) return authority.issue_appliance({"localhost"}, kNow)->certificate;
    return *authority.issue(PrivateKey::generate().make_request(), {role, 5}, kNow);
  };
  const std::array<PeerRole, 3> roles = {PeerRole::appliance, PeerRole::agent, PeerRole::node};
  VerifyOptions options;
  options.now = kNow;
  for (const PeerRole shown : roles) {
    const std::vector<Certificate> chain = {issued(shown)};
    for (const PeerRole expected : roles) {
      const Result<VerifiedPeer> peer = verify_peer(chain, {expected}, authority.authorities(), options);
      EXPECT_EQ(peer.has_value(), shown == expected)
          << static_cast<int>(shown) << " as " << static_cast<int>(expected);
      EXPECT_TRUE(peer ? peer->identity.role == shown : peer.error().is(Fault::unauthenticated));
    }
    EXPECT_EQ(judge(chain, authority.authorities()).has_value(), shown != PeerRole::appliance);
    EXPECT_FALSE(verify_peer(chain, {}, authority.authorities(), options));
  }
  const std::vector<Certificate> ca_itself = {authority.certificate()};
  EXPECT_FALSE(judge(ca_itself, authority.authorities())) << "a CA is no peer";
}

TEST(VerifyPeer, NamesTheWrongRole) {
  Recipe recipe;
  recipe.names = "URI:jump:appliance";
  recipe.extended = "serverAuth";
  EXPECT_EQ(complaint(judge(recipe)), "it is for role appliance, expected is agent or node");
}

TEST(VerifyPeer, UsageMustFitTheRoleExactly) {
  for (const char* extended : {"", "serverAuth", "serverAuth,clientAuth", "clientAuth,emailProtection",
                               "anyExtendedKeyUsage", "clientAuth,1.3.6.1.4.1.99999.1"}) {
    Recipe recipe;
    recipe.extended = extended;
    const Result<VerifiedPeer> peer = judge(recipe);
    if (std::string_view(extended) == "clientAuth,1.3.6.1.4.1.99999.1")
      continue;  // unknown purposes give nothing
    EXPECT_EQ(complaint(peer), "its extended key usage is not clientAuth alone") << extended;
  }
  Recipe recipe;
  recipe.names = "URI:jump:appliance";
  EXPECT_EQ(complaint(judge(recipe)), "its extended key usage is not serverAuth alone");
  recipe = {};
  recipe.usage = "critical,keyAgreement";
  EXPECT_EQ(complaint(judge(recipe)), "its key usage does not allow signatures");
  recipe.usage = "";
  EXPECT_EQ(complaint(judge(recipe)), "its key usage does not allow signatures");
}

TEST(VerifyPeer, TheNameMustBeOneOfOurs) {
  Recipe recipe;
  recipe.names = "";
  EXPECT_EQ(complaint(judge(recipe)), "it does not name exactly one peer");
  recipe.names = "URI:jump:agent/1,URI:jump:agent/2";
  EXPECT_EQ(complaint(judge(recipe)), "it does not name exactly one peer");
  recipe.names = "DNS:jump";
  EXPECT_EQ(complaint(judge(recipe)), "it does not name exactly one peer");
  recipe.names = "URI:https://example.com/";
  EXPECT_EQ(complaint(judge(recipe)), "'https://example.com/' names no peer of ours");
  recipe.names = "URI:jump:console/1";
  EXPECT_FALSE(judge(recipe));
}

TEST(VerifyPeer, TimesAreKept) {
  VerifyOptions at;
  at.now = kNow + kDay;
  EXPECT_TRUE(judge(Recipe{}, at)) << "the last second counts";
  at.now = kNow + kDay + 1;
  EXPECT_EQ(complaint(judge(Recipe{}, at)), "expired 2027-01-16T08:00:00Z, and now is 2027-01-16T08:00:01Z");
  EXPECT_TRUE(judge(Recipe{}, at).error().is(Fault::expired));
  at.now = kNow - kDay;
  EXPECT_TRUE(judge(Recipe{}, at)) << "the first second counts";
  at.now = kNow - kDay - 1;
  EXPECT_EQ(complaint(judge(Recipe{}, at)),
            "valid only from 2027-01-14T08:00:00Z, and now is 2027-01-14T07:59:59Z");
}

TEST(VerifyPeer, AnExpiredOneOpensRenewalOnlyWhereAsked) {
  VerifyOptions at;
  at.now = kNow + 500 * kDay;
  at.accept_expired = true;
  const Result<VerifiedPeer> peer = judge(Recipe{}, at);
  ASSERT_TRUE(peer);
  EXPECT_TRUE(peer->renewal_only);
  at.now = kNow - 2 * kDay;
  EXPECT_FALSE(judge(Recipe{}, at)) << "from the future is another matter";
  at.now = kNow + 1001 * kDay;
  EXPECT_TRUE(judge(Recipe{}, at).error().is(Fault::expired)) << "its CA expired too";
  at.now = kNow;
  EXPECT_FALSE(judge(Recipe{}, at)->renewal_only);
}

TEST(VerifyPeer, OneFromTheFuturePassesWhereAsked) {
  VerifyOptions at;
  at.now = 1;
  at.accept_not_yet_valid = true;
  const Result<VerifiedPeer> peer = judge(Recipe{}, at);
  ASSERT_TRUE(peer);
  EXPECT_TRUE(peer->not_yet_valid);
  EXPECT_FALSE(peer->renewal_only);
}

TEST(VerifyPeer, AForgedOneIsRefused) {
  const Ca forger(lab::ca_recipe("site"));  // the same name, another key
  const std::vector<Certificate> forged = {forger.issue(Recipe{})};
  const CaSet believed = *CaSet::from({site().certificate});
  EXPECT_EQ(complaint(judge(forged, believed)), "no CA that is believed here issued it");
  EXPECT_FALSE(judge({forged[0], forger.certificate}, believed)) << "bringing one's own CA does not help";
  EXPECT_FALSE(judge({forged[0], site().certificate}, believed)) << "nor does bringing ours";
  EXPECT_FALSE(judge(forged, CaSet())) << "nobody is believed";
  EXPECT_FALSE(judge({}, believed));
  // Self-signed as a peer.
  const PrivateKey key = PrivateKey::generate();
  EXPECT_FALSE(judge({lab::bake(Recipe{}, borrow(key), borrow(key), nullptr)}, believed));
}

TEST(VerifyPeer, APeerCannotIssue) {
  const PrivateKey key = PrivateKey::generate();
  const Certificate agent = site().issue(Recipe{}, key);
  Recipe recipe;
  recipe.names = "URI:jump:agent/99";
  const Certificate below = lab::bake(recipe, borrow(PrivateKey::generate()), borrow(key), borrow(agent));
  EXPECT_FALSE(judge({below, agent}, *CaSet::from({site().certificate})));
}

TEST(VerifyPeer, NoFlippedBitPasses) {
  const Certificate good = site().issue(Recipe{});
  const CaSet believed = *CaSet::from({site().certificate});
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    const std::size_t bit = random() % (good.der().size() * 8);
    Bytes altered = good.der();
    altered[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    const Result<Certificate> parsed = Certificate::from_der(altered);
    EXPECT_FALSE(parsed && judge({*parsed}, believed)) << bit;
  }
}

TEST(VerifyPeer, OnlyP256AndSha256) {
  const auto with_key = [](EVP_PKEY* key) {
    return judge({lab::bake(Recipe{}, key, borrow(site().key), borrow(site().certificate))},
                 *CaSet::from({site().certificate}));
  };
  EXPECT_FALSE(with_key(lab::rsa_key()));
  EXPECT_EQ(complaint(with_key(lab::p384_key())), "its key is not on P-256");
  EXPECT_FALSE(with_key(lab::ed25519_key()));
  Recipe recipe;
  recipe.digest = "SHA1";
  EXPECT_FALSE(judge(recipe));
}

TEST(VerifyPeer, ACriticalExtensionThatIsNotUnderstoodIsRefused) {
  Recipe recipe;
  recipe.comment_critical = "critical,hello";
  EXPECT_FALSE(judge(recipe));
  recipe.comment_critical = "hello";
  EXPECT_TRUE(judge(recipe));
}

TEST(VerifyPeer, ManyCertificatesAreNotRead) {
  const Certificate good = site().issue(Recipe{});
  const CaSet believed = *CaSet::from({site().certificate});
  EXPECT_TRUE(judge(std::vector<Certificate>(kChainLength, good), believed));
  EXPECT_EQ(complaint(judge(std::vector<Certificate>(kChainLength + 1, good), believed)),
            "the peer showed 9 certificates, at most 8 are read");
}

TEST(VerifyPeer, OneCrossCertificateMayStandBetween) {
  const Ca next("next");
  Recipe cross = lab::ca_recipe("next");
  cross.basic = "critical,CA:TRUE,pathlen:0";
  const Certificate by_site = site().issue(cross, next.key);
  const Certificate agent = next.issue(Recipe{});
  const CaSet old_only = *CaSet::from({site().certificate});
  EXPECT_FALSE(judge({agent}, old_only));
  EXPECT_TRUE(judge({agent, by_site}, old_only));
  EXPECT_TRUE(judge({agent, next.certificate, by_site, site().certificate}, old_only))
      << "in any order, with more";
  EXPECT_TRUE(judge({agent}, *CaSet::from({site().certificate, next.certificate})));
  cross.not_after = kNow - 1;
  VerifyOptions late;
  late.accept_expired = true;
  EXPECT_TRUE(judge({agent, site().issue(cross, next.key)}, old_only, late).error().is(Fault::expired));
  // Two in a row are one too many.
  const Ca third("third");
  Recipe second_cross = lab::ca_recipe("third");
  const Certificate by_next = next.issue(second_cross, third.key);
  EXPECT_FALSE(judge({third.issue(Recipe{}), by_next, by_site}, old_only));
}

TEST(CaSet, TakesOnlyCas) {
  const auto refused = [](std::vector<Certificate> list) { return !CaSet::from(list).has_value(); };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({site().issue(Recipe{})}));
  EXPECT_TRUE(refused(std::vector<Certificate>(17, site().certificate)));
  Recipe no_signing = lab::ca_recipe("x");
  no_signing.usage = "critical,digitalSignature";
  EXPECT_TRUE(refused({Ca(no_signing).certificate}));
  EXPECT_TRUE(refused({lab::bake(lab::ca_recipe("rsa"), lab::rsa_key(), lab::rsa_key(), nullptr)}));
  EXPECT_TRUE(refused({lab::bake(lab::ca_recipe("384"), lab::p384_key(), lab::p384_key(), nullptr)}));
  // In its own name, signed by another key.
  const PrivateKey one = PrivateKey::generate();
  const PrivateKey two = PrivateKey::generate();
  EXPECT_TRUE(refused({lab::bake(lab::ca_recipe("x"), borrow(one), borrow(two), nullptr)}));
}

TEST(CaSet, FindsThePinnedOneInWhatAPeerShows) {
  const Ca other("other");
  const Certificate agent = site().issue(Recipe{});
  const std::vector<Certificate> chain = {agent, other.certificate, site().certificate};
  const Result<CaSet> set = CaSet::from_pin(chain, site().certificate.pin());
  ASSERT_TRUE(set);
  EXPECT_EQ(set->authorities().size(), 1u) << "only that one is believed";
  EXPECT_TRUE(judge(chain, *set));
  EXPECT_TRUE(CaSet::from_pin(chain, to_base64url(random_bytes(32))).error().is(Fault::unauthenticated));
  EXPECT_FALSE(CaSet::from_pin(chain, agent.pin())) << "a peer's own key is no CA";
  EXPECT_FALSE(CaSet::from_pin({}, site().certificate.pin()));
  EXPECT_FALSE(CaSet::from_pin(std::vector<Certificate>(9, site().certificate), site().certificate.pin()));
  // The pinned key in a certificate that it did not sign.
  const Certificate fake = lab::bake(lab::ca_recipe("site"), borrow(site().key), borrow(other.key), nullptr);
  EXPECT_FALSE(CaSet::from_pin(std::vector<Certificate>{fake}, site().certificate.pin()));
}

// --- cache
// -------------------------------------------------------------------------------------------------------

VerifiedPeer verified(std::uint64_t id) {
  VerifiedPeer peer;
  peer.identity = {PeerRole::agent, id};
  peer.not_before = kNow - 10;
  peer.not_after = kNow + 10;
  return peer;
}

TEST(VerifiedCache, RemembersUntilExpiryAndRevocation) {
  VerifiedCache cache;
  const Digest one = random_array<32>();
  EXPECT_FALSE(cache.find(one, kNow, 1));
  cache.remember(one, verified(5), 1);
  EXPECT_EQ(cache.find(one, kNow, 1)->identity.id, 5u);
  EXPECT_FALSE(cache.find(random_array<32>(), kNow, 1));
  EXPECT_TRUE(cache.find(one, kNow + 10, 1));
  EXPECT_FALSE(cache.find(one, kNow + 11, 1)) << "expired";
  EXPECT_FALSE(cache.find(one, kNow - 11, 1)) << "the clock was put back";
  EXPECT_FALSE(cache.find(one, kNow, 2)) << "something was revoked since";
  cache.remember(one, verified(5), 2);
  EXPECT_TRUE(cache.find(one, kNow, 2));
  EXPECT_FALSE(cache.find(one, kNow, 1));
  cache.clear();
  EXPECT_FALSE(cache.find(one, kNow, 2));
}

TEST(VerifiedCache, NeverHoldsHalfVerifiedOnes) {
  VerifiedCache cache;
  VerifiedPeer late = verified(1);
  late.renewal_only = true;
  cache.remember(random_array<32>(), late, 1);
  VerifiedPeer early = verified(1);
  early.not_yet_valid = true;
  cache.remember(random_array<32>(), early, 1);
  EXPECT_EQ(cache.size(), 0u);
}

TEST(VerifiedCache, IsBoundedAndForgetsTheOldest) {
  VerifiedCache cache(3);
  std::vector<Digest> keys;
  for (std::uint64_t i = 0; i < 5; ++i) {
    keys.push_back(random_array<32>());
    cache.remember(keys.back(), verified(i), 1);
    cache.remember(keys.back(), verified(i), 1);
  }
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_FALSE(cache.find(keys[0], kNow, 1));
  EXPECT_FALSE(cache.find(keys[1], kNow, 1));
  for (std::size_t i = 2; i < 5; ++i) EXPECT_TRUE(cache.find(keys[i], kNow, 1));
}

}  // namespace
}  // namespace jump::identity
