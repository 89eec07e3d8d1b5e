#include "tools/appliance/api/enrol.h"

#include <gtest/gtest.h>

#include "common/base/log.h"
#include "common/identity/deployment_key.h"

namespace jump::api {
namespace {

constexpr std::int64_t kNow = 1'790'000'000;
using identity::EnrollError;
using identity::EnrollHow;

// Fingerprints need 32 hex digits a value; a letter stands for one.
identity::HashedFingerprint machine(char board, char uuid, char disk) {
  identity::HashedFingerprint fingerprint;
  fingerprint.parts = {{"board", {std::string(32, board)}},
                       {"uuid", {std::string(32, uuid)}},
                       {"disks", {std::string(32, disk)}}};
  return fingerprint;
}

class EnrolTest : public testing::Test {
 protected:
  void SetUp() override {
    log::set_level(log::Level::error);  // refusals are expected here
    store = store::Store::open(":memory:", kNow).value();
    site = store->settings.site().value();
    site.addresses = {"jump.example:443"};
    change_site();
    store::User admin;
    admin.username = "admin";
    admin.perm_admin = true;
    ASSERT_TRUE(store->users.create(admin, ""));
    store::JumpGroup wanted;
    wanted.name = "Web servers";
    group = store->groups.create(wanted)->id;
    wanted.name = "Databases";
    other = store->groups.create(wanted)->id;
    installer.jump_group_id = group;
    installer.installer_id = std::string(32, 'a');
    installer.tag = "front";
    installer.expiration_timestamp = kNow + 600;
    installer = store->installers.create(installer, identity::deployment_secret_hash(secret)).value();
    ports.issue = [this](const identity::EnrollRequest& request,
                         std::uint64_t id) -> Result<IssuedCertificate> {
      if (request.csr.empty()) return Error(Fault::invalid, "the request is empty");
      return IssuedCertificate{"PEM of " + std::to_string(id), "0" + std::to_string(++serials), kNow + 1000};
    };
    ports.trust_bundle = [] { return Bytes{1, 2, 3}; };
    ports.settings = [](const store::JumpClient& client, const std::vector<std::string>& proxies) {
      return json::value{{"name", json::string(client.name)}, {"zone_proxies", to_json(proxies)}};
    };
    // The "certificate" of a proof is "AGENT SERIAL".
    ports.check_proof = [](const identity::KeyProof& proof, ByteView) -> Result<identity::VerifiedPeer> {
      const std::size_t blank = proof.certificate.find(' ');
      if (blank == std::string::npos) return Error(Fault::unauthenticated, "the proof is forged");
      identity::VerifiedPeer peer;
      peer.identity = {identity::PeerRole::agent, std::stoull(proof.certificate.substr(0, blank))};
      peer.serial = proof.certificate.substr(blank + 1);
      return peer;
    };
  }

  void change_site() { ASSERT_TRUE(store->settings.change(site)); }
  void change_installer() { ASSERT_TRUE(store->installers.change(installer)); }

  identity::EnrollRequest request(identity::HashedFingerprint fingerprint, std::string hostname = "web-01") {
    identity::EnrollRequest request;
    request.installer.emplace();
    request.installer->installer.fill(0xaa);
    request.installer->secret = secret;
    request.csr = {1};
    request.fingerprint = std::move(fingerprint);
    request.hostname = std::move(hostname);
    request.operating_system = "Debian";
    return request;
  }
  identity::EnrollRequest with_key(identity::EnrollRequest request, const identity::Enrolled& old,
                                   identity::ProofPurpose purpose = identity::ProofPurpose::adopt) {
    request.previous = identity::KeyProof{purpose, std::to_string(old.id) + " " + serial_of(old.id), {}};
    return request;
  }
  std::string serial_of(std::uint64_t agent) {
    return store->jump_clients.of_agent(static_cast<std::int64_t>(agent))->at(0).certificate_serial;
  }

  // `alive`: what a ping of whatever agent gives.
  EnrolOutcome enrol_with(const identity::EnrollRequest& request, bool alive = false) {
    EnrolContext context;
    context.now = now;
    context.remote_address = "192.0.2.7";
    auto step = enrol(*store, ports, request, context).value();
    if (const auto* ping = std::get_if<NeedsPing>(&step)) {
      ++pings;
      context.pinged = {ping->endpoint, alive};
      step = enrol(*store, ports, request, context).value();
    }
    return std::get<EnrolOutcome>(step);
  }
  identity::Enrolled accepted(const identity::EnrollRequest& request, bool alive = false) {
    const EnrolOutcome outcome = enrol_with(request, alive);
    EXPECT_TRUE(outcome.response.enrolled)
        << (outcome.response.refusal ? outcome.response.refusal->text : "");
    return outcome.response.enrolled.value_or(identity::Enrolled{});
  }
  identity::EnrollRefusal refused(const identity::EnrollRequest& request, bool alive = false) {
    const std::int64_t before = store->jump_clients.agents().value();
    const EnrolOutcome outcome = enrol_with(request, alive);
    EXPECT_FALSE(outcome.response.enrolled);
    EXPECT_EQ(store->jump_clients.agents().value(), before);
    return outcome.response.refusal.value_or(identity::EnrollRefusal{});
  }
  store::JumpClientRow asset(std::uint64_t agent) {
    return store->jump_clients.of_agent(static_cast<std::int64_t>(agent))->at(0);
  }
  std::int64_t events(const std::string& what) {
    store::EventFilter filter;
    filter.what = what;
    return store->events.page(filter, {})->total;
  }

  std::unique_ptr<store::Store> store;
  store::SiteSettings site;
  store::Installer installer;
  EnrolPorts ports;
  Secret secret{Bytes(32, 9)};
  std::int64_t group = 0, other = 0, now = kNow;
  int serials = 0, pings = 0;
};

TEST_F(EnrolTest, MakesAnAssetOfANewMachine) {
  const identity::Enrolled made = accepted(request(machine('1', '2', '3')));
  EXPECT_EQ(made.how, EnrollHow::created);
  EXPECT_EQ(made.certificate, "PEM of " + std::to_string(made.id));
  EXPECT_EQ(made.addresses, std::vector<std::string>{"jump.example:443"});
  const store::JumpClientRow row = asset(made.id);
  EXPECT_EQ(row.name, "web-01");
  EXPECT_EQ(row.tag, "front");
  EXPECT_EQ(row.jump_group_id, group);
  EXPECT_EQ(row.public_ip, "192.0.2.7");
  EXPECT_EQ(store->installers.get(installer.id)->value().used, 1);
  EXPECT_EQ(store->certificates.get(row.certificate_serial)->value().peer, row.agent);
  EXPECT_EQ(events("agent.enrol"), 1);
  EXPECT_NE(accepted(request(machine('4', '5', '6'))).id, made.id);
}

TEST_F(EnrolTest, RefusesKeysThatAreUnknownOrExpired) {
  identity::EnrollRequest wrong = request(machine('1', '2', '3'));
  wrong.installer->secret = Secret(Bytes(32, 8));
  const identity::EnrollRefusal bad_secret = refused(wrong);
  wrong = request(machine('1', '2', '3'));
  wrong.installer->installer.fill(0xbb);
  const identity::EnrollRefusal unknown = refused(wrong);
  EXPECT_EQ(bad_secret.code, EnrollError::unknown_installer);
  EXPECT_EQ(bad_secret.text, unknown.text);
  EXPECT_EQ(events("agent.enrol.refused"), 0);  // strangers write no events
  now = kNow + 600;
  const identity::EnrollRefusal late = refused(request(machine('1', '2', '3')));
  EXPECT_EQ(late.code, EnrollError::expired);
  EXPECT_NE(late.text.find("2026-"), std::string::npos) << late.text;
  EXPECT_EQ(events("agent.enrol.refused"), 1);
  for (int n = 0; n < 200; ++n) refused(request(machine('1', '2', '3')));
  EXPECT_EQ(events("agent.enrol.refused"), 100);
  identity::EnrollRequest node = request(machine('1', '2', '3'));
  node.role = identity::PeerRole::node;
  EXPECT_EQ(refused(node).code, EnrollError::unknown_installer);  // a client's key makes no node
}

TEST_F(EnrolTest, TakesOnlyTheOverridesThatAreAllowed) {
  identity::EnrollRequest said = request(machine('1', '2', '3'));
  said.overrides.name = "special";
  said.overrides.tag = "mine";
  EXPECT_EQ(refused(said).text, "the installer does not allow to set: name, tag");
  installer.allow_override_name = installer.allow_override_tag = installer.allow_override_jump_group = true;
  installer.allow_override_max_offline_minutes = true;
  change_installer();
  said.overrides.group = "databases";
  said.overrides.ephemeral = true;
  const identity::Enrolled made = accepted(said);
  EXPECT_EQ(asset(made.id).name, "special");
  EXPECT_EQ(asset(made.id).jump_group_id, other);
  EXPECT_TRUE(asset(made.id).ephemeral);
  said.overrides.group = "nowhere";
  EXPECT_EQ(refused(said).code, EnrollError::group_unknown);
  said.overrides.group.reset();
  said.overrides.tag = std::string(65, 'x');
  EXPECT_EQ(refused(said).code, EnrollError::malformed);
}

TEST_F(EnrolTest, UndoesTheAssetWhenTheRequestCannotBeSigned) {
  identity::EnrollRequest bad = request(machine('1', '2', '3'));
  bad.csr.clear();
  EXPECT_EQ(refused(bad).code, EnrollError::bad_request);
}

TEST_F(EnrolTest, TakesUpTheSameAssetWhenTheMachineIsInstalledAgain) {
  const identity::Enrolled first = accepted(request(machine('1', '2', '3')));
  store::JumpClientRow row = asset(first.id);
  row.name = "renamed";
  ASSERT_TRUE(store->jump_clients.change(row));
  const EnrolOutcome again = enrol_with(request(machine('1', '2', '9'), "web-01-new"));  // another disk
  ASSERT_TRUE(again.response.enrolled);
  EXPECT_EQ(again.response.enrolled->how, EnrollHow::adopted);
  EXPECT_EQ(again.response.enrolled->id, first.id);
  EXPECT_EQ(asset(first.id).name, "renamed");
  EXPECT_EQ(asset(first.id).hostname, "web-01-new");
  EXPECT_EQ(pings, 1);
  ASSERT_EQ(again.effects.size(), 1u);
  EXPECT_EQ(std::get<RevokeCertificate>(again.effects[0]).serial, row.certificate_serial);
  EXPECT_EQ(store->certificates.get(row.certificate_serial)->value().reason, "replaced");
  EXPECT_EQ(store->jump_clients.agents().value(), 1);
  EXPECT_EQ(events("agent.adopt"), 1);
}

TEST_F(EnrolTest, DoesNotTakeOverAMachineThatIsConnected) {
  const identity::Enrolled first = accepted(request(machine('1', '2', '3')));
  const identity::EnrollRefusal alive = refused(request(machine('1', '2', '3')), true);
  EXPECT_EQ(alive.code, EnrollError::refused);
  EXPECT_FALSE(store->certificates.get(serial_of(first.id))->value().revoked_at);
}

TEST_F(EnrolTest, DoesNotTakeOverMachinesOfAnotherGroup) {
  const identity::Enrolled first = accepted(request(machine('1', '2', '3')));
  store::JumpClientRow row = asset(first.id);
  row.jump_group_id = other;
  ASSERT_TRUE(store->jump_clients.change(row));
  EXPECT_EQ(accepted(request(machine('1', '2', '3'))).how, EnrollHow::created);
  EXPECT_EQ(pings, 0);
}

TEST_F(EnrolTest, AsksOrRefusesToTakeUpWhenTheSiteSaysSo) {
  const identity::Enrolled first = accepted(request(machine('1', '2', '3')));
  site.adopt = store::Adopt::ask;
  change_site();
  const identity::EnrollRefusal asks = refused(request(machine('1', '2', '3')));
  EXPECT_EQ(asks.code, EnrollError::needs_approval);
  EXPECT_TRUE(asks.retry_after_seconds);
  ASSERT_TRUE(store->jump_clients.approve_enrolment(static_cast<std::int64_t>(first.id), kNow + 60));
  EXPECT_EQ(accepted(request(machine('1', '2', '3'))).how, EnrollHow::adopted);
  EXPECT_EQ(refused(request(machine('1', '2', '3'))).code, EnrollError::needs_approval);  // once
  site.adopt = store::Adopt::never;
  change_site();
  EXPECT_EQ(refused(request(machine('1', '2', '3'))).code, EnrollError::refused);
}

TEST_F(EnrolTest, BelievesTheOldKeyOnASimilarMachine) {
  const identity::Enrolled first = accepted(request(machine('1', '2', '3')));
  EXPECT_EQ(accepted(with_key(request(machine('1', '2', '3')), first), true).how, EnrollHow::adopted);
  EXPECT_EQ(pings, 0);
}

TEST_F(EnrolTest, MakesAnAssetOfItsOwnForACopiedDiskThatIsInstalledAgain) {
  const identity::Enrolled first = accepted(request(machine('1', '2', '3')));
  const identity::Enrolled copy = accepted(with_key(request(machine('7', '8', '9'), "web-02"), first), true);
  EXPECT_EQ(copy.how, EnrollHow::created);
  EXPECT_NE(copy.id, first.id);
  // A moved disk: the old machine is silent.
  EXPECT_EQ(accepted(with_key(request(machine('4', '5', '6'), "web-03"), first), false).id, first.id);
}

TEST_F(EnrolTest, GivesACloneAnAssetNamedAfterItsHost) {
  const identity::Enrolled first = accepted(request(machine('1', '2', '3')));
  identity::EnrollRequest clone =
      with_key(request(machine('7', '8', '9'), "web-copy"), first, identity::ProofPurpose::clone);
  clone.installer.reset();
  const identity::Enrolled made = accepted(clone);
  EXPECT_EQ(made.how, EnrollHow::cloned);
  EXPECT_EQ(asset(made.id).name, "web-copy");
  EXPECT_EQ(asset(made.id).tag, "front");
  EXPECT_FALSE(store->certificates.get(serial_of(first.id))->value().revoked_at);
  EXPECT_EQ(events("agent.clone"), 1);
  site.clones = store::Clones::ask;
  change_site();
  EXPECT_EQ(refused(clone).code, EnrollError::needs_approval);
  ASSERT_TRUE(store->jump_clients.approve_enrolment(static_cast<std::int64_t>(first.id), kNow + 60));
  EXPECT_EQ(accepted(clone).how, EnrollHow::cloned);
  EXPECT_EQ(refused(clone).code, EnrollError::needs_approval);
}

TEST_F(EnrolTest, RefusesClonesOfRevokedRemovedAndForgedOnes) {
  const identity::Enrolled first = accepted(request(machine('1', '2', '3')));
  identity::EnrollRequest clone =
      with_key(request(machine('7', '8', '9')), first, identity::ProofPurpose::clone);
  clone.installer.reset();
  identity::EnrollRequest forged = clone;
  forged.previous->certificate = "forged";
  EXPECT_EQ(refused(forged).code, EnrollError::refused);
  store::JumpClientRow row = asset(first.id);
  row.disabled = true;
  ASSERT_TRUE(store->jump_clients.change(row));
  EXPECT_EQ(refused(clone).text, "web-01 is disabled");
  row.disabled = false;
  ASSERT_TRUE(store->jump_clients.change(row));
  ASSERT_TRUE(store->jump_clients.remove(row.id, "user:admin", kNow));
  EXPECT_EQ(refused(clone).code, EnrollError::refused);
  const identity::Enrolled second = accepted(request(machine('a', 'b', 'c')));
  clone = with_key(clone, second, identity::ProofPurpose::clone);
  ASSERT_TRUE(store->certificates.revoke(serial_of(second.id), "stolen", kNow));
  EXPECT_EQ(refused(clone).text, "the copied certificate was revoked");
  // A revoked key does not adopt either; the machine itself still may.
  EXPECT_EQ(accepted(with_key(request(machine('x', 'y', 'z')), second), true).how, EnrollHow::created);
}

TEST_F(EnrolTest, NamesAHostThatSendsRubbish) {
  EXPECT_EQ(asset(accepted(request(machine('1', '2', '3'), "we\x1b[2Jb\n")).id).name, "we[2Jb");
  EXPECT_EQ(asset(accepted(request(machine('4', '5', '6'), std::string(255, 'x'))).id).name.size(), 128u);
  EXPECT_EQ(asset(accepted(request(machine('7', '8', '9'), "\x01")).id).name, "unnamed");
}

}  // namespace
}  // namespace jump::api
