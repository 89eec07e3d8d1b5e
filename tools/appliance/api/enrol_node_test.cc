#include <gtest/gtest.h>

#include "common/base/log.h"
#include "common/identity/deployment_key.h"
#include "tools/appliance/api/enrol.h"

namespace jump::api {
namespace {

constexpr std::int64_t kNow = 1'790'000'000;
using identity::EnrollError;
using identity::EnrollHow;

identity::HashedFingerprint machine(char letter) {
  identity::HashedFingerprint fingerprint;
  for (const char* part : {"board", "uuid", "disks"}) fingerprint.parts[part] = {std::string(32, letter)};
  return fingerprint;
}

class EnrolNodeTest : public testing::Test {
 protected:
  void SetUp() override {
    log::set_level(log::Level::error);  // refusals are expected here
    store = store::Store::open(":memory:", kNow).value();
    jumpoint.name = "Main";
    jumpoint.platform = "linux-x86";
    jumpoint.installer_id = std::string(32, 'a');
    jumpoint.jzp_enabled = true;
    jumpoint = store->jumpoints.create(jumpoint, identity::deployment_secret_hash(secret)).value();
    ports.issue = [this](const identity::EnrollRequest& request,
                         std::uint64_t id) -> Result<IssuedCertificate> {
      if (request.csr.empty()) return Error(Fault::invalid, "the request is empty");
      return IssuedCertificate{"PEM of " + std::to_string(id), "0" + std::to_string(++serials), kNow + 1000};
    };
    ports.trust_bundle = [] { return Bytes{1}; };
    ports.node_settings = [](const store::Jumpoint& of) { return json::value{{"of", of.id}}; };
    ports.node_online = [this](std::int64_t node) { return online.contains(node); };
    // The "certificate" of a proof is "NODE SERIAL".
    ports.check_proof = [](const identity::KeyProof& proof, ByteView) -> Result<identity::VerifiedPeer> {
      const std::size_t blank = proof.certificate.find(' ');
      identity::VerifiedPeer peer;
      peer.identity = {identity::PeerRole::node, std::stoull(proof.certificate.substr(0, blank))};
      peer.serial = proof.certificate.substr(blank + 1);
      return peer;
    };
  }

  identity::EnrollRequest request(char letter, std::string hostname) {
    identity::EnrollRequest request;
    request.role = identity::PeerRole::node;
    request.installer.emplace();
    request.installer->installer.fill(0xaa);
    request.installer->secret = secret;
    request.csr = {1};
    request.fingerprint = machine(letter);
    request.hostname = std::move(hostname);
    return request;
  }
  identity::EnrollRequest with_key(identity::EnrollRequest request, std::uint64_t node,
                                   identity::ProofPurpose purpose = identity::ProofPurpose::adopt) {
    const auto row = store->jumpoints.node(static_cast<std::int64_t>(node)).value();
    request.previous = identity::KeyProof{purpose, std::to_string(node) + " " + row->certificate_serial, {}};
    return request;
  }
  EnrolOutcome enrol_with(const identity::EnrollRequest& request) {
    EnrolContext context;
    context.now = now;
    context.remote_address = "192.0.2.7";
    auto step = enrol(*store, ports, request, context).value();
    for (int round = 0; round < 3; ++round) {
      const auto* ping = std::get_if<NeedsPing>(&step);
      if (ping == nullptr) break;
      context.pinged = {ping->endpoint, online.contains(ping->endpoint.id)};
      step = enrol(*store, ports, request, context).value();
    }
    return std::get<EnrolOutcome>(step);
  }
  identity::Enrolled accepted(const identity::EnrollRequest& request) {
    const EnrolOutcome outcome = enrol_with(request);
    EXPECT_TRUE(outcome.response.enrolled)
        << (outcome.response.refusal ? outcome.response.refusal->text : "");
    return outcome.response.enrolled.value_or(identity::Enrolled{});
  }
  identity::EnrollRefusal refused(const identity::EnrollRequest& request) {
    const EnrolOutcome outcome = enrol_with(request);
    EXPECT_FALSE(outcome.response.enrolled);
    return outcome.response.refusal.value_or(identity::EnrollRefusal{});
  }
  std::size_t nodes() { return store->jumpoints.all_nodes(jumpoint.id)->size(); }
  void make_clustered() {
    jumpoint.clustered = true;
    ASSERT_TRUE(store->jumpoints.change(jumpoint));
  }

  std::unique_ptr<store::Store> store;
  store::Jumpoint jumpoint;
  EnrolPorts ports;
  Secret secret{Bytes(32, 9)};
  std::set<std::int64_t> online;
  std::int64_t now = kNow;
  int serials = 0;
};

TEST_F(EnrolNodeTest, MakesTheNodeOfAJumpoint) {
  const identity::Enrolled made = accepted(request('1', "gw-1"));
  EXPECT_EQ(made.certificate, "PEM of " + std::to_string(made.id));
  EXPECT_EQ(made.settings.at("of").as_int64(), jumpoint.id);
  const store::Node node = store->jumpoints.node(static_cast<std::int64_t>(made.id))->value();
  EXPECT_EQ(node.hostname, "gw-1");
  EXPECT_EQ(store->certificates.get(node.certificate_serial)->value().kind, store::PeerKind::node);
}

TEST_F(EnrolNodeTest, RefusesKeysThatAreUnknownOrOfAClient) {
  identity::EnrollRequest wrong = request('1', "gw-1");
  wrong.installer->secret = Secret(Bytes(32, 8));
  EXPECT_EQ(refused(wrong).code, EnrollError::unknown_installer);
  ASSERT_TRUE(store->jumpoints.set_key(jumpoint.id, std::string(32, 'b'), Bytes(32, 1)));
  EXPECT_EQ(refused(request('1', "gw-1")).code, EnrollError::unknown_installer);  // redeployed
  EXPECT_EQ(nodes(), 0u);
}

TEST_F(EnrolNodeTest, RefusesASecondNodeUntilTheFirstWasSilentFor90Seconds) {
  const auto first = static_cast<std::int64_t>(accepted(request('1', "gw-1")).id);
  online.insert(first);
  now += 1000;
  EXPECT_EQ(refused(request('2', "gw-2")).text, "the Jumpoint Main is not clustered and has its node, gw-1");
  online.clear();
  using Kind = store::PresenceChange::Kind;
  const std::vector<store::PresenceChange> left{{first, Kind::disconnected, now, 0, "", "", "", ""}};
  ASSERT_TRUE(store->jumpoints.write_presence(left));
  now += 30;
  const identity::EnrollRefusal wait = refused(request('2', "gw-2"));
  EXPECT_EQ(wait.code, EnrollError::limit_reached);
  EXPECT_EQ(wait.retry_after_seconds, 60u);
  now += 60;
  const EnrolOutcome taken = enrol_with(request('2', "gw-2"));
  ASSERT_TRUE(taken.response.enrolled);
  EXPECT_EQ(std::get<UninstallEndpoint>(taken.effects[0]).endpoint, store::node_endpoint(first));
  EXPECT_EQ(nodes(), 1u);
  EXPECT_TRUE(store->jumpoints.node_tombstone(first)->has_value());
}

TEST_F(EnrolNodeTest, LetsTheSameHostTakeItsPlaceAtOnce) {
  const identity::Enrolled first = accepted(request('1', "gw-1"));
  const std::string serial =
      store->jumpoints.node(static_cast<std::int64_t>(first.id))->value().certificate_serial;
  const EnrolOutcome again = enrol_with(request('1', "gw-1"));
  ASSERT_TRUE(again.response.enrolled);
  EXPECT_EQ(again.response.enrolled->id, first.id);
  EXPECT_EQ(again.response.enrolled->how, EnrollHow::adopted);
  EXPECT_EQ(std::get<RevokeCertificate>(again.effects[0]).serial, serial);
  EXPECT_TRUE(store->certificates.get(serial)->value().revoked_at);
  const identity::Enrolled proven = accepted(with_key(request('1', "gw-1"), first.id));
  EXPECT_EQ(proven.id, first.id);
  online.insert(static_cast<std::int64_t>(first.id));
  EXPECT_EQ(refused(request('1', "gw-1")).code, EnrollError::refused);  // still runs there
  EXPECT_EQ(nodes(), 1u);
}

TEST_F(EnrolNodeTest, AddsNodesToAClusterAndClonesOnlyThere) {
  const identity::Enrolled first = accepted(request('1', "gw-1"));
  identity::EnrollRequest copy = with_key(request('2', "gw-1"), first.id, identity::ProofPurpose::clone);
  copy.installer.reset();
  EXPECT_EQ(refused(copy).code, EnrollError::limit_reached);
  make_clustered();
  EXPECT_NE(accepted(request('3', "gw-3")).id, first.id);
  const identity::Enrolled cloned = accepted(copy);
  EXPECT_EQ(cloned.how, EnrollHow::cloned);
  EXPECT_EQ(nodes(), 3u);
  identity::EnrollRequest named = request('4', "gw-4");
  named.overrides.name = "x";
  EXPECT_EQ(refused(named).code, EnrollError::override_not_allowed);
  named.overrides = {};
  named.overrides.tag = "cellar";
  EXPECT_EQ(store->jumpoints.node(static_cast<std::int64_t>(accepted(named).id))->value().tag, "cellar");
}

}  // namespace
}  // namespace jump::api
