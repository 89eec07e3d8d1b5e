#include <gtest/gtest.h>

#include "common/identity/authority.h"
#include "common/identity/enrolment.h"
#include "common/identity/identity_lab.h"
#include "common/identity/random.h"

namespace jump::identity {
namespace {

using lab::kDay;
using lab::kNow;

EnrollRequest sample() {
  EnrollRequest request;
  request.installer = InstallerProof{random_array<16>(), random_secret(32)};
  request.csr = PrivateKey::generate().make_request();
  request.fingerprint = hash_parts({{"dmi_uuid", {"4c4c4544"}}}, as_bytes("salt"));
  request.hostname = "web-01";
  request.overrides.tag = "web";
  return request;
}

std::string complaint(const EnrollRequest& request) {
  const Result<EnrollRequest> read = parse_enroll_request(to_json_text(request));
  return read ? "taken" : read.error().message();
}

TEST(Enrolment, RequestComesBackWhole) {
  const EnrollRequest request = sample();
  const Result<EnrollRequest> back = parse_enroll_request(to_json_text(request));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(to_json_text(*back), to_json_text(request));
  EXPECT_LT(to_json_text(request).size(), kEnrollBytes);
}

TEST(Enrolment, LimitsOfARequestAreNamed) {
  const auto with = [](auto change) {
    EnrollRequest request = sample();
    change(request);
    return complaint(request);
  };
  EXPECT_EQ(with([](EnrollRequest&) {}), "taken");
  EXPECT_EQ(with([](EnrollRequest& r) { r.hostname = ""; }),
            "enrolment: hostname: 1 to 255 bytes of text are taken, these are 0");
  EXPECT_EQ(with([](EnrollRequest& r) { r.hostname = std::string("a\0b", 3); }),
            "enrolment: hostname: 1 to 255 bytes of text are taken, these are 3");
  EXPECT_EQ(with([](EnrollRequest& r) { r.overrides.tag = std::string(65, 'x'); }),
            "enrolment: overrides.tag: 0 to 64 bytes of text are taken, these are 65");
  EXPECT_EQ(with([](EnrollRequest& r) { r.overrides.name = ""; }),
            "enrolment: overrides.name: 1 to 128 bytes of text are taken, these are 0");
  EXPECT_EQ(with([](EnrollRequest& r) { r.overrides.comments = std::string(1025, 'x'); }),
            "enrolment: overrides.comments: 0 to 1024 bytes of text are taken, these are 1025");
  EXPECT_EQ(with([](EnrollRequest& r) { r.role = PeerRole::appliance; }),
            "enrolment: role: agent or node is expected");
  EXPECT_EQ(with([](EnrollRequest& r) { r.installer.reset(); }),
            "enrolment: neither installer nor previous: one of them is needed");
  EXPECT_EQ(with([](EnrollRequest& r) { r.installer->secret = Secret("x"); }),
            "enrolment: installer.secret: not 32 bytes");
  EXPECT_EQ(with([](EnrollRequest& r) { r.csr = Bytes(17000); }), "enrolment: csr: above 16 KiB");
  EXPECT_EQ(with([](EnrollRequest& r) { r.fingerprint.parts["disks"] = {"zz"}; }),
            "enrolment: fingerprint.disks: a value that is not 32 hex digits");
  EXPECT_FALSE(parse_enroll_request(std::string(kEnrollBytes + 1, ' ')));
  EXPECT_FALSE(parse_enroll_request("[]"));
}

TEST(Enrolment, ResponseIsExactlyOneAnswerForItsId) {
  const Authority authority = *Authority::create(kNow);
  EnrollResponse response;
  Enrolled enrolled;
  enrolled.id = 17;
  enrolled.certificate = authority.issue(sample().csr, {PeerRole::agent, 17}, kNow)->to_pem();
  enrolled.trust_bundle = authority.signed_bundle();
  enrolled.addresses = {"jump.example.com:443"};
  enrolled.settings = json::object();
  response.enrolled = enrolled;
  const Result<EnrollResponse> back = parse_enroll_response(to_json_text(response));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_TRUE(open_bundle(back->enrolled->trust_bundle, authority.pin()));

  response.enrolled->id = 18;
  EXPECT_EQ(parse_enroll_response(to_json_text(response)).error().message(),
            "answer to the enrolment: certificate: for agent:17, the answer is for 18");
  response.enrolled = enrolled;
  response.enrolled->addresses.clear();
  EXPECT_FALSE(parse_enroll_response(to_json_text(response)));
  response.enrolled = enrolled;
  response.refusal = EnrollRefusal{};
  EXPECT_FALSE(parse_enroll_response(to_json_text(response))) << "both";
  response.enrolled.reset();
  response.refusal = EnrollRefusal{EnrollError::needs_approval, "an administrator must approve", 60};
  EXPECT_EQ(parse_enroll_response(to_json_text(response))->refusal->code, EnrollError::needs_approval);
  EXPECT_FALSE(parse_enroll_response("{}")) << "neither";
}

class Proof : public ::testing::Test {
 protected:
  Authority authority_ = *Authority::create(kNow);
  PrivateKey old_key_ = PrivateKey::generate();
  Certificate old_ = *authority_.issue(old_key_.make_request(), {PeerRole::agent, 17}, kNow);
  Bytes csr_ = PrivateKey::generate().make_request();

  Result<VerifiedPeer> judge(const KeyProof& proof, std::int64_t now = kNow) const {
    return check_key_proof(proof, csr_, authority_.authorities(), now);
  }
};

TEST_F(Proof, OldKeyAdoptsItsAsset) {
  const KeyProof proof = make_key_proof(ProofPurpose::adopt, old_, old_key_, csr_);
  const Result<VerifiedPeer> peer = judge(proof);
  ASSERT_TRUE(peer) << peer.error().message();
  EXPECT_EQ(peer->identity.name(), "agent:17");
  EXPECT_EQ(peer->serial, old_.serial());
  const Result<VerifiedPeer> later = judge(proof, kNow + 200 * kDay);
  ASSERT_TRUE(later);
  EXPECT_TRUE(later->renewal_only) << "expired, and good enough to come back";
}

TEST_F(Proof, IsBoundToKeyRequestAndPurpose) {
  const KeyProof good = make_key_proof(ProofPurpose::adopt, old_, old_key_, csr_);
  EXPECT_TRUE(judge(make_key_proof(ProofPurpose::adopt, old_, PrivateKey::generate(), csr_))
                  .error()
                  .is(Fault::unauthenticated))
      << "the certificate alone is no proof";
  EXPECT_FALSE(check_key_proof(good, PrivateKey::generate().make_request(), authority_.authorities(), kNow))
      << "another request";
  KeyProof turned = good;
  turned.purpose = ProofPurpose::clone;
  EXPECT_FALSE(judge(turned));
  EXPECT_FALSE(check_key_proof(good, csr_, Authority::create(kNow)->authorities(), kNow)) << "another site";
  KeyProof rubbish = good;
  rubbish.certificate = "x";
  EXPECT_FALSE(judge(rubbish));
  rubbish = good;
  rubbish.signature.clear();
  EXPECT_FALSE(judge(rubbish));
}

TEST_F(Proof, TheAppliancesCertificateAdoptsNothing) {
  const ApplianceIdentity appliance = *authority_.issue_appliance({}, kNow);
  EXPECT_FALSE(judge(make_key_proof(ProofPurpose::adopt, appliance.certificate, appliance.key, csr_)));
}

}  // namespace
}  // namespace jump::identity
