#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/json.h"
#include "common/identity/authority.h"
#include "common/identity/identity_lab.h"
#include "common/identity/order.h"
#include "common/identity/random.h"
#include "platform/files.h"
#include "tests/support/temp_folder.h"

namespace jump::identity {
namespace {

using lab::kDay;
using lab::kNow;

const PeerIdentity kAgent{PeerRole::agent, 17};

VerifyOptions at(std::int64_t now) {
  VerifyOptions options;
  options.now = now;
  return options;
}

TEST(Authority, IssuesWhatVerifies) {
  const Authority authority = *Authority::create(kNow);
  EXPECT_EQ(authority.certificate().not_after(), kNow + kAuthorityLife.count());
  const PrivateKey key = PrivateKey::generate();
  for (const PeerIdentity identity : {kAgent, PeerIdentity{PeerRole::node, 3}}) {
    const Result<Certificate> certificate = authority.issue(key.make_request(), identity, kNow);
    ASSERT_TRUE(certificate) << certificate.error().message();
    EXPECT_EQ(certificate->pin(), key.pin());
    const std::vector<Certificate> chain = {*certificate};
    const Result<VerifiedPeer> peer = verify_peer(chain, {identity.role}, authority.authorities(), at(kNow));
    ASSERT_TRUE(peer) << peer.error().message();
    EXPECT_EQ(peer->identity, identity);
  }
  EXPECT_NE(authority.issue(key.make_request(), kAgent, kNow)->serial(),
            authority.issue(key.make_request(), kAgent, kNow)->serial());
}

TEST(Authority, LivesAreAsAskedButNeverBeyondTheCa) {
  const Authority authority = *Authority::create(kNow);
  const Bytes request = PrivateKey::generate().make_request();
  const Certificate minute = *authority.issue(request, kAgent, kNow, Seconds(60));
  EXPECT_EQ(minute.not_after(), kNow + 60);
  EXPECT_FALSE(renewal_due(minute, kNow)) << "a short one is not due at once";
  const std::int64_t late = authority.certificate().not_after() - kDay;
  EXPECT_EQ(authority.issue(request, kAgent, late)->not_after(), authority.certificate().not_after());
  EXPECT_TRUE(authority.issue(request, kAgent, late + 2 * kDay).error().is(Fault::expired));
  EXPECT_TRUE(authority.issue(request, kAgent, kNow, Seconds(59)).error().is(Fault::invalid));
}

// Names and rights that a request asks for do not reach the certificate.
TEST(Authority, IgnoresNamesInTheRequest) {
  const PrivateKey key = PrivateKey::generate();
  X509_REQ* request = X509_REQ_new();
  lab::name(X509_REQ_get_subject_name(request), "appliance");
  STACK_OF(X509_EXTENSION)* wishes = sk_X509_EXTENSION_new_null();
  for (const auto& [id, value] :
       {std::pair{NID_subject_alt_name, "URI:jump:appliance"}, std::pair{NID_basic_constraints, "CA:TRUE"},
        std::pair{NID_ext_key_usage, "serverAuth"}}) {
    sk_X509_EXTENSION_push(wishes, X509V3_EXT_conf_nid(nullptr, nullptr, id, value));
  }
  X509_REQ_add_extensions(request, wishes);
  sk_X509_EXTENSION_pop_free(wishes, X509_EXTENSION_free);
  X509_REQ_set_pubkey(request, borrow(key));
  X509_REQ_sign(request, borrow(key), EVP_sha256());
  const Bytes der = to_der<X509_REQ>(i2d_X509_REQ, request);
  X509_REQ_free(request);

  const Authority authority = *Authority::create(kNow);
  const Result<Certificate> certificate = authority.issue(der, kAgent, kNow);
  ASSERT_TRUE(certificate);
  EXPECT_EQ(certificate->uri(), "jump:agent/17");
  EXPECT_FALSE(certificate->is_ca());
  const std::vector<Certificate> chain = {*certificate};
  EXPECT_FALSE(verify_peer(chain, {PeerRole::appliance}, authority.authorities(), at(kNow)));
  EXPECT_TRUE(verify_peer(chain, {PeerRole::agent}, authority.authorities(), at(kNow)));
}

TEST(Authority, RefusesBadRequests) {
  const Authority authority = *Authority::create(kNow);
  const Bytes good = PrivateKey::generate().make_request();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(authority.issue(ByteView(good).first(size), kAgent, kNow)) << size;
  }
  Bytes altered = good;
  altered.push_back(0);
  EXPECT_TRUE(authority.issue(altered, kAgent, kNow).error().is(Fault::malformed));
  altered = good;
  altered.back() ^= 1;
  EXPECT_FALSE(authority.issue(altered, kAgent, kNow));
  EXPECT_TRUE(authority.issue(Bytes(20000), kAgent, kNow).error().is(Fault::too_large));

  // Another's public key with a signature of one's own: would give a certificate for a key that one has not.
  const PrivateKey own = PrivateKey::generate();
  const PrivateKey others = PrivateKey::generate();
  X509_REQ* request = X509_REQ_new();
  X509_REQ_set_pubkey(request, borrow(others));
  X509_REQ_sign(request, borrow(own), EVP_sha256());
  EXPECT_EQ(authority.issue(to_der<X509_REQ>(i2d_X509_REQ, request), kAgent, kNow).error().message(),
            "certificate request: not signed by its own key");
  X509_REQ_free(request);

  for (EVP_PKEY* key : {lab::rsa_key(), lab::p384_key(), lab::ed25519_key()}) {
    X509_REQ* other = X509_REQ_new();
    X509_REQ_set_pubkey(other, key);
    X509_REQ_sign(other, key, key == lab::ed25519_key() ? nullptr : EVP_sha256());
    EXPECT_EQ(authority.issue(to_der<X509_REQ>(i2d_X509_REQ, other), kAgent, kNow).error().message(),
              "certificate request: its key is not on P-256");
    X509_REQ_free(other);
  }
}

TEST(Authority, IssuesTheApplianceWithNamesForBrowsers) {
  const Authority authority = *Authority::create(kNow);
  const Result<ApplianceIdentity> appliance =
      authority.issue_appliance({"jump.example.com", "10.0.0.1", "2001:db8::1"}, kNow);
  ASSERT_TRUE(appliance) << appliance.error().message();
  X509* x509 = borrow(appliance->certificate);
  EXPECT_EQ(X509_check_host(x509, "jump.example.com", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(x509, "10.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(x509, "2001:db8::1", 0), 1);
  EXPECT_EQ(X509_check_host(x509, "evil.example.com", 0, 0, nullptr), 0);
  EXPECT_EQ(appliance->certificate.uri(), "jump:appliance");
  EXPECT_TRUE(appliance->cross.empty());
  EXPECT_EQ(appliance->roots.size(), 1u);
  EXPECT_FALSE(authority.issue_appliance({"bad name"}, kNow));
  EXPECT_FALSE(authority.issue_appliance({"a,URI:jump:agent/1"}, kNow));
  EXPECT_FALSE(authority.issue_appliance(std::vector<std::string>(65, "a"), kNow));

  EXPECT_TRUE(authority.present(appliance->key, appliance->certificate));
  EXPECT_FALSE(authority.present(PrivateKey::generate(), appliance->certificate));
  EXPECT_FALSE(Authority::create(kNow)->present(appliance->key, appliance->certificate));
}

TEST(Authority, ComesBackFromItsFile) {
  const test::TempFolder folder;
  ASSERT_TRUE(platform::make_private_folder(folder / "private"));
  const std::string path = folder / "private/ca";
  Authority authority = *Authority::create(kNow);
  ASSERT_TRUE(authority.prepare_next(kNow + 5));
  ASSERT_TRUE(authority.save(path));
  const Result<Authority> back = Authority::load(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->pin(), authority.pin());
  EXPECT_TRUE(back->has_next());
  EXPECT_TRUE(back->site_salt() == authority.site_salt());
  EXPECT_TRUE(back->to_text() == authority.to_text());
  EXPECT_EQ(to_json_text(back->bundle()), to_json_text(authority.bundle()));
  EXPECT_TRUE(Authority::load(path).error().is(Fault::not_found));
}

TEST(Authority, DamagedTextIsRefused) {
  const std::string text(Authority::create(kNow)->to_text().reveal_text());
  for (std::size_t size = 0; size < text.size(); size += 7)
    EXPECT_FALSE(Authority::from_text(Secret(text.substr(0, size))));
  // The certificate of another CA beside this key.
  json::value one = *parse_json_value(text, 262144);
  const json::value two = *parse_json_value(Authority::create(kNow)->to_text().reveal_text(), 262144);
  one.at("generations").at(0).as_object()["certificate"] = two.at("generations").at(0).at("certificate");
  EXPECT_EQ(Authority::from_text(Secret(json::serialize(one))).error().message(),
            "site CA: key and certificate do not belong together");
}

// --- trust bundle
// ----------------------------------------------------------------------------------------------

TEST(TrustBundle, OpensByPinAndByAnOlderOne) {
  Authority authority = *Authority::create(kNow);
  const Result<TrustBundle> first = open_bundle(authority.signed_bundle(), authority.pin());
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(first->serial, static_cast<std::uint64_t>(kNow));
  EXPECT_EQ(first->keys.size(), 1u);
  ASSERT_TRUE(open_bundle(authority.signed_bundle(), *first)) << "the same again";
  ASSERT_TRUE(authority.prepare_next(kNow));
  const Result<TrustBundle> second = open_bundle(authority.signed_bundle(), *first);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(second->serial, first->serial + 1);
  EXPECT_EQ(second->keys.size(), 2u);
}

TEST(TrustBundle, ForgedAlteredOlderAndForeignOnesAreRefused) {
  Authority authority = *Authority::create(kNow);
  const Authority foreign = *Authority::create(kNow);
  const Bytes old = authority.signed_bundle();
  const TrustBundle first = *open_bundle(old, authority.pin());
  EXPECT_TRUE(open_bundle(foreign.signed_bundle(), first).error().is(Fault::unauthenticated));
  EXPECT_TRUE(open_bundle(foreign.signed_bundle(), authority.pin()).error().is(Fault::unauthenticated));
  ASSERT_TRUE(authority.prepare_next(kNow));
  const TrustBundle second = *open_bundle(authority.signed_bundle(), first);
  EXPECT_TRUE(open_bundle(old, second).error().is(Fault::expired)) << "going back";

  // A foreign bundle that only names our CA.
  TrustBundle mixed = foreign.bundle();
  mixed.serial = first.serial + 9;
  mixed.keys.push_back(first.keys[0]);
  const PrivateKey key = PrivateKey::generate();
  const Certificate ours = *Certificate::from_pem(first.keys[0].ca);
  const Bytes forged = sign_bundle(mixed, {{key, ours}});
  EXPECT_TRUE(open_bundle(forged, first).error().is(Fault::unauthenticated));
  EXPECT_TRUE(open_bundle(forged, authority.pin()).error().is(Fault::unauthenticated));

  for (std::size_t size = 0; size < old.size(); size += 3) {
    EXPECT_FALSE(open_bundle(ByteView(old).first(size), authority.pin())) << size;
  }
  for (std::size_t byte = 0; byte < old.size(); byte += 5) {
    Bytes altered = old;
    altered[byte] ^= 0x01;
    EXPECT_FALSE(open_bundle(altered, authority.pin())) << byte;
  }
  EXPECT_TRUE(open_bundle(Bytes(kBundleBytes + 1), first).error().is(Fault::too_large));
}

TEST(TrustBundle, TheSameSerialWithOtherContentsIsRefused) {
  const lab::Ca ca("ca");
  TrustBundle bundle;
  bundle.serial = 4;
  bundle.keys = {{ca.certificate.to_pem(), SigningKey::generate().public_key().bytes()}};
  const TrustBundle held = bundle;
  bundle.keys[0].order_key = SigningKey::generate().public_key().bytes();
  EXPECT_TRUE(open_bundle(sign_bundle(bundle, {{ca.key, ca.certificate}}), held).error().is(Fault::refused));
  bundle.keys.assign(5, bundle.keys[0]);
  bundle.serial = 5;
  EXPECT_EQ(open_bundle(sign_bundle(bundle, {{ca.key, ca.certificate}}), held).error().message(),
            "trust bundle: 5 CAs, 1 to 4 are taken");
  bundle.keys.clear();
  EXPECT_FALSE(open_bundle(sign_bundle(bundle, {{ca.key, ca.certificate}}), held));
}

// --- change of the CA
// ------------------------------------------------------------------------------------------

std::vector<Certificate> tunnel_chain(const ApplianceIdentity& shown) {
  std::vector<Certificate> chain = {shown.certificate};
  chain.insert(chain.end(), shown.cross.begin(), shown.cross.end());
  return chain;
}

std::vector<Certificate> pinned_chain(const ApplianceIdentity& shown) {
  std::vector<Certificate> chain = tunnel_chain(shown);
  chain.insert(chain.end(), shown.roots.begin(), shown.roots.end());
  return chain;
}

Result<VerifiedPeer> appliance_seen(const std::vector<Certificate>& chain, const CaSet& believed) {
  return verify_peer(chain, {PeerRole::appliance}, believed, at(kNow));
}

// An agent that slept through all of it, with a bundle of generation 1, and an old deployment key.
TEST(Authority, ChangingTheCaStrandsNobody) {
  Authority authority = *Authority::create(kNow);
  const std::string old_pin = authority.pin();
  const TrustBundle sleeper = authority.bundle();
  const Certificate old_agent = *authority.issue(PrivateKey::generate().make_request(), kAgent, kNow);
  const ApplianceIdentity before = *authority.issue_appliance({}, kNow);

  ASSERT_TRUE(authority.prepare_next(kNow));
  EXPECT_TRUE(authority.prepare_next(kNow).error().is(Fault::already_exists));
  EXPECT_EQ(authority.pin(), old_pin) << "handed out before it is used";
  const TrustBundle awake = *open_bundle(authority.signed_bundle(), sleeper);

  ASSERT_TRUE(authority.promote_next(kNow));
  EXPECT_TRUE(authority.promote_next(kNow).error().is(Fault::not_found));
  EXPECT_NE(authority.pin(), old_pin);
  EXPECT_FALSE(authority.present(before.key, before.certificate)) << "the appliance needs a new one";
  const ApplianceIdentity now = *authority.issue_appliance({}, kNow);
  EXPECT_EQ(now.cross.size(), 1u);
  EXPECT_LE(pinned_chain(now).size(), kChainLength);

  EXPECT_TRUE(appliance_seen(tunnel_chain(now), *CaSet::from(sleeper))) << "through the cross certificate";
  EXPECT_FALSE(appliance_seen({now.certificate}, *CaSet::from(sleeper)));
  EXPECT_TRUE(appliance_seen({now.certificate}, *CaSet::from(awake)));
  EXPECT_TRUE(appliance_seen(pinned_chain(now), *CaSet::from_pin(pinned_chain(now), old_pin)));
  EXPECT_TRUE(appliance_seen(pinned_chain(now), *CaSet::from_pin(pinned_chain(now), authority.pin())));

  const TrustBundle caught_up = *open_bundle(authority.signed_bundle(), sleeper);
  EXPECT_EQ(caught_up.serial, sleeper.serial + 2);
  EXPECT_TRUE(open_bundle(authority.signed_bundle(), old_pin));
  EXPECT_TRUE(open_bundle(authority.signed_bundle(), authority.pin()));

  const std::vector<Certificate> old_chain = {old_agent};
  EXPECT_TRUE(verify_peer(old_chain, {PeerRole::agent}, authority.authorities(), at(kNow)));

  // Orders too: by either key.
  Order order;
  order.audience = "agent:17";
  order.serial = 1;
  order.body = json::object();
  const Bytes signed_order = *sign_order(order, authority.order_keys());
  EXPECT_TRUE(OrderVerifier(sleeper.order_keys(), "agent:17", {}).accept(signed_order));
  EXPECT_TRUE(OrderVerifier(caught_up.order_keys(), "agent:17", {}).accept(signed_order));

  EXPECT_TRUE(authority.retire(authority.pin(), kNow).error().is(Fault::refused));
  EXPECT_TRUE(authority.retire("nobody", kNow).error().is(Fault::not_found));
  ASSERT_TRUE(authority.retire(old_pin, kNow));
  EXPECT_TRUE(authority.issue_appliance({}, kNow)->cross.empty());
  EXPECT_FALSE(verify_peer(old_chain, {PeerRole::agent}, authority.authorities(), at(kNow)));
  EXPECT_TRUE(open_bundle(authority.signed_bundle(), caught_up));
  EXPECT_TRUE(open_bundle(authority.signed_bundle(), sleeper).error().is(Fault::unauthenticated))
      << "it was still needed";
}

TEST(Authority, ThreeChangesInARowStillReachTheFirst) {
  Authority authority = *Authority::create(kNow);
  const TrustBundle sleeper = authority.bundle();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(authority.prepare_next(kNow));
    ASSERT_TRUE(authority.promote_next(kNow));
  }
  EXPECT_TRUE(authority.prepare_next(kNow).error().is(Fault::refused));
  const ApplianceIdentity shown = *authority.issue_appliance({}, kNow);
  EXPECT_LE(pinned_chain(shown).size(), kChainLength);
  EXPECT_TRUE(appliance_seen(tunnel_chain(shown), *CaSet::from(sleeper)));
  EXPECT_TRUE(open_bundle(authority.signed_bundle(), sleeper));
  EXPECT_LE(authority.signed_bundle().size(), kBundleBytes);
}

// The disk is lost after a change of the CA that the backup does not know.
TEST(Authority, ARestoredOneIsStillBelieved) {
  Authority lost = *Authority::create(kNow);
  const TrustBundle before = lost.bundle();
  const Secret backup = lost.to_text();
  ASSERT_TRUE(lost.prepare_next(kNow + kDay));
  ASSERT_TRUE(lost.promote_next(kNow + 2 * kDay));
  const TrustBundle held = *open_bundle(lost.signed_bundle(), before);

  Authority restored = *Authority::from_text(backup);
  const ApplianceIdentity shown = *restored.issue_appliance({}, kNow);
  EXPECT_TRUE(appliance_seen(tunnel_chain(shown), *CaSet::from(held)));
  EXPECT_TRUE(open_bundle(restored.signed_bundle(), held).error().is(Fault::expired))
      << "kept, and good enough";
  ASSERT_TRUE(restored.prepare_next(kNow + 3 * kDay));
  EXPECT_TRUE(open_bundle(restored.signed_bundle(), held)) << "the next change is taken over by all";
}

TEST(Authority, APreparedNextOneMayBeGivenUp) {
  Authority authority = *Authority::create(kNow);
  const std::string pin = authority.pin();
  ASSERT_TRUE(authority.prepare_next(kNow));
  const std::string next = Certificate::from_pem(authority.bundle().keys[1].ca)->pin();
  ASSERT_TRUE(authority.retire(next, kNow));
  EXPECT_FALSE(authority.has_next());
  EXPECT_EQ(authority.pin(), pin);
  EXPECT_TRUE(authority.prepare_next(kNow));
  EXPECT_FALSE(authority.next_due(kNow));
  EXPECT_TRUE(authority.next_due(kNow + kAuthorityLife.count() * 2 / 3));
}

}  // namespace
}  // namespace jump::identity
