#include "tools/appliance/api/enrol.h"

#include <algorithm>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/identity/deployment_key.h"
#include "common/identity/fingerprint.h"
#include "tools/appliance/api/enrol_parts.h"
#include "tools/appliance/api/fields.h"

namespace jump::api {
namespace {

using identity::EnrollError;
using Step = EnrolStep;

constexpr std::int64_t kClonesAnHour = 1000;  // of one agent; a stolen certificate must not fill the list
constexpr std::int64_t kRefusalsAnHour =
    100;                                  // events about one installer or asset; the rest is in the log only
constexpr std::uint32_t kAskAgain = 300;  // seconds, for what waits for an administrator

class Enrolment {
 public:
  Enrolment(store::Store& store, const EnrolPorts& ports, const identity::EnrollRequest& request,
            const EnrolContext& context)
      : store_(store), ports_(ports), request_(request), context_(context) {}

  Step run();

 private:
  Step clone();
  Step install();
  Step create(const store::JumpClient& wanted, identity::EnrollHow how, const std::string& text);
  Step adopt(const store::JumpClientRow& asset, const std::string& text);
  // How the fingerprint or the old key leads to an asset; nothing: to none, make a new one.
  std::optional<Step> try_proven();
  std::optional<Step> try_similar();
  std::optional<Step> apply_overrides(store::JumpClient& client);
  Result<std::optional<store::JumpClientRow>> agent_row(std::int64_t agent);
  Result<bool> similar_to(std::int64_t agent);
  bool approved(const store::JumpClientRow& asset) const {
    return asset.enrol_approved_until && *asset.enrol_approved_until > context_.now;
  }

  Step refuse(EnrollError code, std::string text, const std::string& object = {},
              std::optional<std::uint32_t> retry = std::nullopt);
  Step enrolled(const store::JumpClientRow& asset, identity::EnrollHow how,
                const IssuedCertificate& certificate);
  Result<void> event(std::string_view what, const std::string& object, const std::string& text) {
    return enrolment_event(store_, request_, context_, what, object, text);
  }

  store::Store& store_;
  const EnrolPorts& ports_;
  const identity::EnrollRequest& request_;
  const EnrolContext& context_;
  store::Installer installer_;
  store::SiteSettings site_;
  store::JumpClient wanted_;
  Effects effects_;
};

Step Enrolment::run() {
  Result<store::SiteSettings> site = store_.settings.site();
  if (!site) return site.error();
  site_ = std::move(*site);
  if (request_.role != identity::PeerRole::agent) return enrol_node(store_, ports_, request_, context_);
  const bool as_clone = request_.previous && request_.previous->purpose == identity::ProofPurpose::clone;
  return as_clone ? clone() : install();
}

// --- with an installer's key
// -----------------------------------------------------------------------------------------

Step Enrolment::install() {
  const Error unknown(Fault::unauthenticated,
                      "the deployment key is not known here; its installer was deleted perhaps");
  if (!request_.installer) return refuse(EnrollError::unknown_installer, unknown.context);
  Result<std::optional<store::Installer>> installer =
      store_.installers.by_installer_id(to_hex(request_.installer->installer));
  if (!installer) return installer.error();
  if (!*installer) return refuse(EnrollError::unknown_installer, unknown.context);
  const Result<Bytes> hash = store_.installers.secret_hash((*installer)->id);
  if (!hash) return hash.error();
  if (!equal_in_constant_time(identity::deployment_secret_hash(request_.installer->secret), *hash)) {
    return refuse(EnrollError::unknown_installer, unknown.context);
  }
  installer_ = std::move(**installer);
  const std::string object = "installer:" + std::to_string(installer_.id);
  if (installer_.expiration_timestamp <= context_.now) {
    return refuse(EnrollError::expired,
                  "the deployment key expired at " + iso8601(installer_.expiration_timestamp) +
                      "; its validity can be extended on the appliance",
                  object);
  }
  if (std::optional<Step> refusal = apply_overrides(wanted_)) return std::move(*refusal);

  if (std::optional<Step> step = try_proven()) return std::move(*step);
  if (std::optional<Step> step = try_similar()) return std::move(*step);
  return create(wanted_, identity::EnrollHow::created,
                "enrolled with installer " + std::to_string(installer_.id));
}

// The installer's fields with what the command line said in their place, or the refusal.
std::optional<Step> Enrolment::apply_overrides(store::JumpClient& client) {
  const std::string object = "installer:" + std::to_string(installer_.id);
  const identity::EnrollOverrides& said = request_.overrides;
  std::string forbidden;
  const auto check = [&](bool given, bool allowed, const char* name) {
    if (given && !allowed) forbidden += (forbidden.empty() ? "" : ", ") + std::string(name);
  };
  check(said.name.has_value(), installer_.allow_override_name, "name");
  check(said.group.has_value(), installer_.allow_override_jump_group, "group");
  check(said.tag.has_value(), installer_.allow_override_tag, "tag");
  check(said.comments.has_value(), installer_.allow_override_comments, "comments");
  check(said.max_offline_minutes.has_value(), installer_.allow_override_max_offline_minutes,
        "max_offline_minutes");
  check(said.ephemeral.has_value(), installer_.allow_override_max_offline_minutes, "ephemeral");
  check(said.jump_policy.has_value(), installer_.allow_override_jump_policy, "jump_policy");
  check(said.attended_session_policy.has_value(), installer_.allow_override_attended_session_policy,
        "attended_session_policy");
  check(said.unattended_session_policy.has_value(), installer_.allow_override_unattended_session_policy,
        "unattended_session_policy");
  if (!forbidden.empty()) {
    return refuse(EnrollError::override_not_allowed, "the installer does not allow to set: " + forbidden,
                  object);
  }

  client.jump_group_id = installer_.jump_group_id;
  client.jump_group_type = installer_.jump_group_type;
  client.name = said.name.value_or(installer_.name.empty() ? asset_name(request_.hostname) : installer_.name);
  client.tag = said.tag.value_or(installer_.tag);
  client.comments = said.comments.value_or(installer_.comments);
  client.jump_policy_id = installer_.jump_policy_id;
  client.attended_session_policy_id = installer_.attended_session_policy_id;
  client.unattended_session_policy_id = installer_.unattended_session_policy_id;
  client.public_site_address = installer_.public_site_address;
  client.support_button_profile_code_name = installer_.support_button_profile_code_name;
  client.support_button_direct_queue = installer_.support_button_direct_queue;
  client.customer_client_start_mode = installer_.customer_client_start_mode;
  client.is_quiet = installer_.is_quiet;
  client.connection_type = installer_.connection_type;
  client.max_offline_minutes = installer_.max_offline_minutes;
  client.ephemeral = said.ephemeral.value_or(installer_.ephemeral);
  client.installer = installer_.id;
  if (!installer_.jumpoint_proxy.empty()) {
    const Result<std::optional<store::Jumpoint>> zone = store_.jumpoints.by_name(installer_.jumpoint_proxy);
    if (!zone) return Step(zone.error());
    if (*zone) client.zone_jumpoint = (*zone)->id;
  }
  // The same limits as in the API.
  Faults faults;
  json::object given{{"name", json::string(client.name)},
                     {"tag", json::string(client.tag)},
                     {"comments", json::string(client.comments)}};
  if (said.max_offline_minutes) given["max_offline_minutes"] = *said.max_offline_minutes;
  checked(kJumpClientSchema, given, Mode::change, faults);
  if (!faults.empty()) {
    return refuse(EnrollError::malformed, faults.begin()->first + " " + faults.begin()->second.front(),
                  object);
  }
  if (said.max_offline_minutes)
    client.max_offline_minutes = static_cast<std::int32_t>(*said.max_offline_minutes);

  if (said.group) {
    const Result<std::optional<store::JumpGroup>> group = store_.groups.by_name(*said.group);
    if (!group) return Step(group.error());
    if (!*group) {
      return refuse(EnrollError::group_unknown,
                    "there is no asset group '" + printable(*said.group, 64) + "'", object);
    }
    client.jump_group_id = (*group)->id;
    client.jump_group_type = store::GroupType::shared;
  }
  if (said.jump_policy) {
    const Result<std::optional<store::JumpPolicy>> policy =
        store_.groups.policy_by_code_name(*said.jump_policy);
    if (!policy) return Step(policy.error());
    if (!*policy) {
      return refuse(EnrollError::refused,
                    "there is no jump policy '" + printable(*said.jump_policy, 64) + "'", object);
    }
    client.jump_policy_id = (*policy)->id;
  }
  for (const std::optional<std::string>& policy :
       {said.attended_session_policy, said.unattended_session_policy}) {
    if (policy) {
      return refuse(EnrollError::refused, "there is no session policy '" + printable(*policy, 64) + "'",
                    object);
    }
  }
  return std::nullopt;
}

Result<std::optional<store::JumpClientRow>> Enrolment::agent_row(std::int64_t agent) {
  Result<std::vector<store::JumpClientRow>> rows = store_.jump_clients.of_agent(agent);
  if (!rows) return rows.error();
  if (rows->empty()) return std::optional<store::JumpClientRow>();
  return std::optional<store::JumpClientRow>(std::move(rows->front()));
}

Result<bool> Enrolment::similar_to(std::int64_t agent) {
  const Result<std::vector<store::FingerprintPart>> parts = store_.jump_clients.fingerprint(agent);
  if (!parts) return parts.error();
  return identity::similar(request_.fingerprint, fingerprint_of(*parts));
}

// The old key is still there: the same machine, or a copy of its disk.
std::optional<Step> Enrolment::try_proven() {
  if (!request_.previous) return std::nullopt;
  const Result<identity::VerifiedPeer> peer = ports_.check_proof(*request_.previous, request_.csr);
  if (!peer || peer->identity.role != identity::PeerRole::agent) return std::nullopt;
  const Result<std::optional<store::Certificate>> certificate = store_.certificates.get(peer->serial);
  if (!certificate) return Step(certificate.error());
  // A revoked key proves nothing; the fingerprint may still do.
  if (!*certificate || (*certificate)->revoked_at) return std::nullopt;
  const auto agent = static_cast<std::int64_t>(peer->identity.id);
  const Result<std::optional<store::JumpClientRow>> asset = agent_row(agent);
  if (!asset) return Step(asset.error());
  if (!*asset) return std::nullopt;
  const Result<bool> similar = similar_to(agent);
  if (!similar) return Step(similar.error());
  if (!*similar) {
    if (!context_.pinged || context_.pinged->endpoint != store::agent_endpoint(agent))
      return Step(NeedsPing{store::agent_endpoint(agent)});
    // Alive elsewhere: this is a copy of its disk, and gets an asset of its own.
    if (context_.pinged->alive) return std::nullopt;
  }
  return adopt(**asset, "installed again; it had its old key");
}

// The key is gone, the machine is known.
std::optional<Step> Enrolment::try_similar() {
  const Result<std::vector<std::int64_t>> agents =
      store_.jump_clients.sharing_fingerprint(parts_of(request_.fingerprint));
  if (!agents) return Step(agents.error());
  for (const std::int64_t agent : *agents) {
    const Result<bool> similar = similar_to(agent);
    if (!similar) return Step(similar.error());
    if (!*similar) continue;
    const Result<std::optional<store::JumpClientRow>> asset = agent_row(agent);
    if (!asset) return Step(asset.error());
    const bool same_group = *asset && (*asset)->jump_group_id == wanted_.jump_group_id &&
                            (*asset)->jump_group_type == wanted_.jump_group_type;
    // Whoever has a key for one group must not take over, or learn of, machines of another.
    if (!same_group) continue;
    const std::string object = "asset:" + std::to_string((*asset)->id);
    const std::string name = (*asset)->name;
    if (!approved(**asset)) {
      if (site_.adopt == store::Adopt::never) {
        return refuse(EnrollError::refused,
                      "this machine is the asset " + name +
                          " already, and taking it over is switched off; remove the asset first",
                      object);
      }
      if (site_.adopt == store::Adopt::ask) {
        return refuse(EnrollError::needs_approval,
                      "this machine is the asset " + name +
                          " already; an administrator must approve that it is installed again",
                      object, kAskAgain);
      }
    }
    if (!context_.pinged || context_.pinged->endpoint != store::agent_endpoint(agent))
      return Step(NeedsPing{store::agent_endpoint(agent)});
    if (context_.pinged->alive) {
      return refuse(
          EnrollError::refused,
          "the asset " + name + " is connected from a machine with this fingerprint; stop that agent first",
          object);
    }
    return adopt(**asset, "installed again on the same machine, without its old key");
  }
  return std::nullopt;
}

// --- by a copied certificate
// --------------------------------------------------------------------------------------------

Step Enrolment::clone() {
  const Result<identity::VerifiedPeer> peer = ports_.check_proof(*request_.previous, request_.csr);
  if (!peer) return refuse(EnrollError::refused, peer.error().message());
  if (peer->identity.role != identity::PeerRole::agent || peer->renewal_only) {
    return refuse(EnrollError::refused, "the copied certificate has expired or is no agent's");
  }
  const Result<std::optional<store::Certificate>> certificate = store_.certificates.get(peer->serial);
  if (!certificate) return certificate.error();
  if (!*certificate || (*certificate)->revoked_at) {
    return refuse(EnrollError::refused, "the copied certificate was revoked");
  }
  const Result<std::optional<store::JumpClientRow>> original =
      agent_row(static_cast<std::int64_t>(peer->identity.id));
  if (!original) return original.error();
  if (!*original) return refuse(EnrollError::refused, "the asset of the copied certificate was removed");
  const std::string object = "asset:" + std::to_string((*original)->id);
  if ((*original)->disabled) return refuse(EnrollError::refused, (*original)->name + " is disabled", object);
  if (site_.clones == store::Clones::ask && !approved(**original)) {
    return refuse(EnrollError::needs_approval,
                  "this is a copy of " + (*original)->name + "; an administrator must approve it", object,
                  kAskAgain);
  }
  const Result<std::int64_t> clones =
      store_.events.count_since("agent.clone", object, context_.now - 3600, kClonesAnHour);
  if (!clones) return clones.error();
  if (*clones >= kClonesAnHour) {
    return refuse(
        EnrollError::limit_reached,
        (*original)->name + " was copied " + std::to_string(kClonesAnHour) + " times within an hour", object,
        3600);
  }
  const Result<void> noted =
      event("agent.clone", object,
            "a copy of " + (*original)->name + " enrols as " + asset_name(request_.hostname));
  if (!noted) return noted.error();
  if (approved(**original)) {
    const Result<void> used = store_.jump_clients.approve_enrolment((*original)->agent, std::nullopt);
    if (!used) return used.error();
  }
  return create(clone_of(**original, request_.hostname), identity::EnrollHow::cloned,
                "a copy of asset " + std::to_string((*original)->id));
}

// --- what it comes to
// ---------------------------------------------------------------------------------------------------

Step Enrolment::create(const store::JumpClient& wanted, identity::EnrollHow how, const std::string& text) {
  store::JumpClient client = wanted;
  client.hostname = asset_name(request_.hostname);
  client.operating_system = request_.operating_system;
  client.install_mode = store::InstallMode::service;
  client.created_at = context_.now;
  client.public_ip = context_.remote_address;
  const Result<store::JumpClient> made = store_.jump_clients.create(client, context_.run);
  if (!made) return made.error();
  const Result<std::optional<store::JumpClientRow>> row = store_.jump_clients.get(made->id);
  if (!row) return row.error();
  const Result<IssuedCertificate> certificate =
      ports_.issue(request_, static_cast<std::uint64_t>(made->agent));
  if (!certificate) return refuse(EnrollError::bad_request, certificate.error().message());
  Result<void> done = event("agent.enrol", "asset:" + std::to_string(made->id), made->name + ": " + text);
  if (!done) return done.error();
  return enrolled(**row, how, *certificate);
}

Step Enrolment::adopt(const store::JumpClientRow& asset, const std::string& text) {
  const Result<IssuedCertificate> certificate =
      ports_.issue(request_, static_cast<std::uint64_t>(asset.agent));
  if (!certificate) return refuse(EnrollError::bad_request, certificate.error().message());
  const Result<std::vector<std::string>> revoked = store_.certificates.revoke_of_peer(
      store::PeerKind::agent, asset.agent, certificate->serial, "replaced", context_.now);
  if (!revoked) return revoked.error();
  for (const std::string& serial : *revoked) {
    effects_.emplace_back(
        RevokeCertificate{serial, store::agent_endpoint(asset.agent), "the agent was installed again"});
  }
  Result<void> done = store_.jump_clients.set_installed(asset.agent, asset_name(request_.hostname),
                                                        request_.operating_system);
  if (done) done = store_.jump_clients.approve_enrolment(asset.agent, std::nullopt);
  if (done) done = event("agent.adopt", "asset:" + std::to_string(asset.id), asset.name + ": " + text);
  if (!done) return done.error();
  return enrolled(asset, identity::EnrollHow::adopted, *certificate);
}

Step Enrolment::enrolled(const store::JumpClientRow& asset, identity::EnrollHow how,
                         const IssuedCertificate& certificate) {
  store::Certificate row;
  row.serial = certificate.serial;
  row.peer = asset.agent;
  row.issued_at = context_.now;
  row.not_after = certificate.not_after;
  Result<void> done = store_.certificates.add(row);
  if (done) done = store_.jump_clients.set_certificate(asset.agent, certificate.serial);
  if (done) done = store_.jump_clients.set_fingerprint(asset.agent, parts_of(request_.fingerprint));
  if (done && installer_.id != 0) done = store_.installers.count_use(installer_.id);
  if (!done) return done.error();
  identity::Enrolled enrolled = enrolled_answer(ports_, site_, certificate, context_.now);
  enrolled.id = static_cast<std::uint64_t>(asset.agent);
  enrolled.how = how;
  std::vector<std::string> proxies;
  if (asset.zone_jumpoint) {
    Result<std::vector<std::string>> listening = store_.jumpoints.zone_proxies(*asset.zone_jumpoint);
    if (!listening) return listening.error();
    proxies = std::move(*listening);
  }
  enrolled.settings = ports_.settings(asset, proxies);
  EnrolOutcome outcome;
  outcome.response.enrolled = std::move(enrolled);
  outcome.effects = std::move(effects_);
  return Step(std::move(outcome));
}

Step Enrolment::refuse(EnrollError code, std::string text, const std::string& object,
                       std::optional<std::uint32_t> retry) {
  return refuse_enrolment(context_, code, std::move(text), object, retry);
}

// A refusal undid everything, its event stands by itself.
Result<void> record_refusal(store::Store& store, const EnrolOutcome& outcome,
                            const identity::EnrollRequest& request, const EnrolContext& context) {
  if (outcome.refusal_about.empty()) return {};
  const std::string who = boost::describe::enum_to_string(request.role, "agent");
  const std::string what = who + ".enrol.refused";
  const Result<std::int64_t> before =
      store.events.count_since(what, outcome.refusal_about, context.now - 3600, kRefusalsAnHour);
  if (!before) return before.error();
  if (*before >= kRefusalsAnHour) return {};
  store::Event event;
  event.at = context.now;
  event.who = who;
  event.source = context.remote_address;
  event.what = what;
  event.object = outcome.refusal_about;
  event.result = "refused";
  event.text = outcome.response.refusal->text;
  event.details = json::object{{"hostname", json::string(request.hostname)}};
  const Result<std::int64_t> id = store.events.add(event);
  if (!id) return id.error();
  return {};
}

}  // namespace

store::JumpClient clone_of(const store::JumpClient& original, std::string_view hostname) {
  store::JumpClient client = original;
  client.id = client.agent = 0;
  client.name = asset_name(hostname);
  client.certificate_serial.clear();
  client.console_user.clear();
  client.private_ip.clear();
  client.fqdn.clear();
  client.connection_type = store::ConnectionType::active;
  return client;
}

Result<std::variant<NeedsPing, EnrolOutcome>> enrol(store::Store& store, const EnrolPorts& ports,
                                                    const identity::EnrollRequest& request,
                                                    const EnrolContext& context) {
  Step step = NeedsPing{};
  {
    store::Transaction whole(store.db());
    step = Enrolment(store, ports, request, context).run();
    if (!step) return step;
    const auto* outcome = std::get_if<EnrolOutcome>(&*step);
    if (outcome != nullptr && outcome->response.enrolled) {
      const Result<void> done = whole.commit();
      if (!done) return done.error();
      return step;
    }
  }
  if (const auto* outcome = std::get_if<EnrolOutcome>(&*step)) {
    const Result<void> done = record_refusal(store, *outcome, request, context);
    if (!done) log::warning("enrol", "an event was not stored", {{"error", done.error().message()}});
  }
  return step;
}

}  // namespace jump::api
