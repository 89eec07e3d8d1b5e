// Nodes of a Jumpoint (PRODUCT.md 5.4): the deployment key names the Jumpoint. A host that is known by its
// old key or its fingerprint becomes the same node again; a new one is added to a cluster, or takes the place
// of the one node of a Jumpoint that is not clustered when that has been silent for 90 s.
#include <algorithm>

#include "common/base/log.h"
#include "common/identity/deployment_key.h"
#include "common/identity/fingerprint.h"
#include "tools/appliance/api/enrol_parts.h"

namespace jump::api {
namespace {

using identity::EnrollError;
using identity::EnrollHow;

constexpr std::int64_t kSilentSeconds = 90;
constexpr std::size_t kNodes = 64;  // of one Jumpoint

class NodeEnrolment {
 public:
  NodeEnrolment(store::Store& store, const EnrolPorts& ports, const identity::EnrollRequest& request,
                const EnrolContext& context)
      : store_(store), ports_(ports), request_(request), context_(context) {}

  EnrolStep run();

 private:
  EnrolStep with_key();
  EnrolStep clone();
  EnrolStep take_place();
  EnrolStep create(EnrollHow how, const std::string& text);
  EnrolStep adopt(const store::Node& node, const std::string& text);
  EnrolStep enrolled(const store::Node& node, EnrollHow how, const IssuedCertificate& certificate);
  // The node whose key, not revoked, signed the request.
  Result<std::optional<store::Node>> proven();
  Result<bool> similar_to(std::int64_t node);
  // Seconds until its place is free; nothing: it is connected.
  std::optional<std::int64_t> free_in(const store::Node& node) const;
  EnrolStep refuse(EnrollError code, std::string text, std::optional<std::uint32_t> retry = std::nullopt) {
    const std::string about = jumpoint_.id == 0 ? "" : "jumpoint:" + std::to_string(jumpoint_.id);
    return refuse_enrolment(context_, code, std::move(text), about, retry);
  }
  std::string called() const { return "the Jumpoint " + jumpoint_.name; }

  store::Store& store_;
  const EnrolPorts& ports_;
  const identity::EnrollRequest& request_;
  const EnrolContext& context_;
  store::Jumpoint jumpoint_;
  std::vector<store::Node> nodes_;
  Effects effects_;
};

EnrolStep NodeEnrolment::run() {
  const bool as_clone = request_.previous && request_.previous->purpose == identity::ProofPurpose::clone;
  return as_clone ? clone() : with_key();
}

EnrolStep NodeEnrolment::with_key() {
  const std::string unknown = "the deployment key is not known here; its Jumpoint was deleted or redeployed";
  if (!request_.installer) return refuse(EnrollError::unknown_installer, unknown);
  const Result<std::optional<store::Jumpoint>> jumpoint =
      store_.jumpoints.by_installer_id(to_hex(request_.installer->installer));
  if (!jumpoint) return jumpoint.error();
  if (!*jumpoint) return refuse(EnrollError::unknown_installer, unknown);
  const Result<Bytes> hash = store_.jumpoints.secret_hash((*jumpoint)->id);
  if (!hash) return hash.error();
  if (!equal_in_constant_time(identity::deployment_secret_hash(request_.installer->secret), *hash))
    return refuse(EnrollError::unknown_installer, unknown);
  jumpoint_ = **jumpoint;
  const identity::EnrollOverrides& said = request_.overrides;
  if (said.name || said.group || said.comments || said.max_offline_minutes || said.jump_policy ||
      said.attended_session_policy || said.unattended_session_policy || said.ephemeral) {
    return refuse(EnrollError::override_not_allowed, "a node can be given a tag and nothing else");
  }
  if (said.tag.value_or("").size() > 64) return refuse(EnrollError::malformed, "the tag is longer than 64");
  Result<std::vector<store::Node>> nodes = store_.jumpoints.all_nodes(jumpoint_.id);
  if (!nodes) return nodes.error();
  nodes_ = std::move(*nodes);

  const Result<std::optional<store::Node>> old = proven();
  if (!old) return old.error();
  std::vector<store::Node> candidates;
  if (*old && (*old)->jumpoint_id == jumpoint_.id) candidates.push_back(**old);
  for (const store::Node& node : nodes_) {
    if (candidates.empty() || node.id != candidates.front().id) candidates.push_back(node);
  }
  for (const store::Node& node : candidates) {
    const bool has_key = *old && node.id == (*old)->id;
    const Result<bool> similar = similar_to(node.id);
    if (!similar) return similar.error();
    if (has_key && *similar) return adopt(node, "installed again; it had its old key");
    if (!has_key && !*similar) continue;
    const store::Endpoint endpoint = store::node_endpoint(node.id);
    if (!context_.pinged || context_.pinged->endpoint != endpoint) return EnrolStep(NeedsPing{endpoint});
    if (!context_.pinged->alive) return adopt(node, "the same host was installed again");
    // Its key was copied to another host, which is a node of its own.
    if (has_key) continue;
    return refuse(
        EnrollError::refused,
        "the node " + node.hostname + " is connected from a machine with this fingerprint; stop it first");
  }
  return take_place();
}

// A new host.
EnrolStep NodeEnrolment::take_place() {
  if (jumpoint_.clustered) {
    if (nodes_.size() >= kNodes) {
      return refuse(EnrollError::limit_reached,
                    called() + " has " + std::to_string(nodes_.size()) + " nodes, that is the most");
    }
    return create(EnrollHow::created, "joined " + called());
  }
  for (const store::Node& node : nodes_) {
    const std::optional<std::int64_t> seconds = free_in(node);
    const std::string text = called() + " is not clustered and has its node, " + node.hostname;
    if (!seconds) return refuse(EnrollError::limit_reached, text);
    if (*seconds > 0) {
      return refuse(EnrollError::limit_reached,
                    text + "; its place is free in " + std::to_string(*seconds) + " s if it stays silent",
                    static_cast<std::uint32_t>(*seconds));
    }
  }
  for (const store::Node& node : nodes_) {
    const Result<bool> gone = store_.jumpoints.remove_node(node.id, "replaced", context_.now);
    if (!gone) return gone.error();
    effects_.emplace_back(UninstallEndpoint{store::node_endpoint(node.id)});
    const Result<void> done =
        enrolment_event(store_, request_, context_, "node.replaced", "node:" + std::to_string(node.id),
                        node.hostname + " was silent; another host takes its place");
    if (!done) return done.error();
  }
  return create(EnrollHow::created, "is the node of " + called());
}

// By a copied certificate: a cluster gets one node more.
EnrolStep NodeEnrolment::clone() {
  const Result<std::optional<store::Node>> original = proven();
  if (!original) return original.error();
  if (!*original) {
    return refuse(EnrollError::refused,
                  "the copied certificate is no node's, or was revoked, or has expired");
  }
  const Result<std::optional<store::Jumpoint>> jumpoint = store_.jumpoints.get((*original)->jumpoint_id);
  if (!jumpoint) return jumpoint.error();
  if (!*jumpoint) return refuse(EnrollError::refused, "the Jumpoint was removed");
  jumpoint_ = **jumpoint;
  Result<std::vector<store::Node>> nodes = store_.jumpoints.all_nodes(jumpoint_.id);
  if (!nodes) return nodes.error();
  nodes_ = std::move(*nodes);
  if (!jumpoint_.clustered)
    return refuse(EnrollError::limit_reached, called() + " is not clustered: it has one node");
  if (nodes_.size() >= kNodes)
    return refuse(EnrollError::limit_reached, called() + " has the most nodes that it can have");
  return create(EnrollHow::cloned, "is a copy of " + (*original)->hostname + " and joined " + called());
}

Result<std::optional<store::Node>> NodeEnrolment::proven() {
  if (!request_.previous) return std::optional<store::Node>();
  const Result<identity::VerifiedPeer> peer = ports_.check_proof(*request_.previous, request_.csr);
  if (!peer || peer->identity.role != identity::PeerRole::node) return std::optional<store::Node>();
  const bool as_clone = request_.previous->purpose == identity::ProofPurpose::clone;
  if (as_clone && peer->renewal_only) return std::optional<store::Node>();
  const Result<std::optional<store::Certificate>> certificate = store_.certificates.get(peer->serial);
  if (!certificate) return certificate.error();
  if (!*certificate || (*certificate)->revoked_at) return std::optional<store::Node>();
  return store_.jumpoints.node(static_cast<std::int64_t>(peer->identity.id));
}

Result<bool> NodeEnrolment::similar_to(std::int64_t node) {
  const Result<std::vector<store::FingerprintPart>> parts = store_.jumpoints.node_fingerprint(node);
  if (!parts) return parts.error();
  return identity::similar(request_.fingerprint, fingerprint_of(*parts));
}

std::optional<std::int64_t> NodeEnrolment::free_in(const store::Node& node) const {
  if (ports_.node_online(node.id)) return std::nullopt;
  const std::int64_t heard =
      std::max({node.created_at, node.last_seen.value_or(0), node.last_disconnect_timestamp.value_or(0)});
  return std::max<std::int64_t>(0, heard + kSilentSeconds - context_.now);
}

EnrolStep NodeEnrolment::create(EnrollHow how, const std::string& text) {
  store::Node wanted;
  wanted.jumpoint_id = jumpoint_.id;
  wanted.hostname = asset_name(request_.hostname);
  wanted.tag = request_.overrides.tag.value_or("");
  wanted.public_ip = context_.remote_address;
  wanted.operating_system = request_.operating_system;
  wanted.created_at = context_.now;
  const Result<store::Node> node = store_.jumpoints.create_node(wanted);
  if (!node) return node.error();
  const Result<IssuedCertificate> certificate = ports_.issue(request_, static_cast<std::uint64_t>(node->id));
  if (!certificate) return refuse(EnrollError::bad_request, certificate.error().message());
  const Result<void> done = enrolment_event(store_, request_, context_, "node.enrol",
                                            "node:" + std::to_string(node->id), node->hostname + " " + text);
  if (!done) return done.error();
  return enrolled(*node, how, *certificate);
}

EnrolStep NodeEnrolment::adopt(const store::Node& node, const std::string& text) {
  const Result<IssuedCertificate> certificate = ports_.issue(request_, static_cast<std::uint64_t>(node.id));
  if (!certificate) return refuse(EnrollError::bad_request, certificate.error().message());
  const Result<std::vector<std::string>> revoked = store_.certificates.revoke_of_peer(
      store::PeerKind::node, node.id, certificate->serial, "replaced", context_.now);
  if (!revoked) return revoked.error();
  for (const std::string& serial : *revoked) {
    effects_.emplace_back(
        RevokeCertificate{serial, store::node_endpoint(node.id), "the node was installed again"});
  }
  Result<void> done =
      store_.jumpoints.set_node_installed(node.id, asset_name(request_.hostname), request_.operating_system);
  if (done && request_.overrides.tag) done = store_.jumpoints.set_node_tag(node.id, *request_.overrides.tag);
  if (done) {
    done = enrolment_event(store_, request_, context_, "node.adopt", "node:" + std::to_string(node.id),
                           node.hostname + ": " + text);
  }
  if (!done) return done.error();
  return enrolled(node, EnrollHow::adopted, *certificate);
}

EnrolStep NodeEnrolment::enrolled(const store::Node& node, EnrollHow how,
                                  const IssuedCertificate& certificate) {
  store::Certificate row;
  row.serial = certificate.serial;
  row.kind = store::PeerKind::node;
  row.peer = node.id;
  row.issued_at = context_.now;
  row.not_after = certificate.not_after;
  Result<void> done = store_.certificates.add(row);
  if (done) done = store_.jumpoints.set_node_certificate(node.id, certificate.serial);
  if (done) done = store_.jumpoints.set_node_fingerprint(node.id, parts_of(request_.fingerprint));
  if (!done) return done.error();
  const Result<store::SiteSettings> site = store_.settings.site();
  if (!site) return site.error();
  EnrolOutcome outcome;
  outcome.response.enrolled = enrolled_answer(ports_, *site, certificate, context_.now);
  outcome.response.enrolled->id = static_cast<std::uint64_t>(node.id);
  outcome.response.enrolled->how = how;
  outcome.response.enrolled->settings = ports_.node_settings(jumpoint_);
  outcome.effects = std::move(effects_);
  return EnrolStep(std::move(outcome));
}

}  // namespace

EnrolStep enrol_node(store::Store& store, const EnrolPorts& ports, const identity::EnrollRequest& request,
                     const EnrolContext& context) {
  return NodeEnrolment(store, ports, request, context).run();
}

}  // namespace jump::api
