#include "common/identity/enrolment.h"

#include <algorithm>

#include "common/identity/host_port.h"
#include "common/identity/key.h"

namespace jump::identity {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kSignatureBytes = 80;  // ECDSA on P-256 in DER: 72 at most
constexpr std::size_t kMostAddresses = 16;

Result<void> check_text(const std::string& text, std::size_t least, std::size_t most, std::string_view name) {
  if (text.size() < least || text.size() > most || !(text.empty() || is_utf8(text))) {
    return Error(Fault::malformed, std::string(name) + ": " + std::to_string(least) + " to " +
                                       std::to_string(most) + " bytes of text are taken, these are " +
                                       std::to_string(text.size()));
  }
  return {};
}

Result<void> check_optional(const std::optional<std::string>& text, std::size_t least, std::size_t most,
                            std::string_view name) {
  if (!text) return {};
  return check_text(*text, least, most, name);
}

// The first that is wrong.
Result<void> first_fault(std::initializer_list<Result<void>> checks) {
  for (const Result<void>& one : checks) {
    if (!one) return one;
  }
  return {};
}

Result<void> check_overrides(const EnrollOverrides& o) {
  return first_fault(
      {check_optional(o.name, 1, 128, "overrides.name"), check_optional(o.group, 1, 255, "overrides.group"),
       check_optional(o.tag, 0, 64, "overrides.tag"),
       check_optional(o.comments, 0, 1024, "overrides.comments"),
       check_optional(o.jump_policy, 1, 64, "overrides.jump_policy"),
       check_optional(o.attended_session_policy, 1, 64, "overrides.attended_session_policy"),
       check_optional(o.unattended_session_policy, 1, 64, "overrides.unattended_session_policy")});
}

Result<void> check_proofs(const EnrollRequest& request) {
  if (!request.installer && !request.previous) {
    return Error(Fault::malformed, "neither installer nor previous: one of them is needed");
  }
  if (request.installer && request.installer->secret.size() != kSecretBytes) {
    return Error(Fault::malformed, "installer.secret: not 32 bytes");
  }
  if (request.previous && (request.previous->certificate.size() > 2 * kCertificateBytes ||
                           request.previous->signature.size() > kSignatureBytes)) {
    return Error(Fault::malformed, "previous: too large");
  }
  return {};
}

Result<void> check_enrolled(const Enrolled& enrolled) {
  const Result<Certificate> certificate = Certificate::from_pem(enrolled.certificate);
  if (!certificate) return certificate.error();
  const Result<PeerIdentity> identity = parse_identity(certificate->uri().value_or(""));
  if (!identity) return identity.error();
  if (identity->role == PeerRole::appliance || identity->id != enrolled.id) {
    return Error(Fault::malformed, "certificate: for " + identity->name() + ", the answer is for " +
                                       std::to_string(enrolled.id));
  }
  if (enrolled.addresses.empty() || enrolled.addresses.size() > kMostAddresses) {
    return Error(Fault::malformed,
                 "addresses: " + std::to_string(enrolled.addresses.size()) + " of them, 1 to 16 are taken");
  }
  for (const std::string& address : enrolled.addresses) {
    const Result<HostPort> parsed = parse_host_port(address);
    if (!parsed) return wrap(parsed.error(), "addresses");
  }
  return {};
}

Bytes proof_input(ProofPurpose purpose, ByteView csr) {
  Bytes input = to_bytes("jump key proof v1");
  input.push_back(0);
  const ByteView name = as_bytes(boost::describe::enum_to_string(purpose, "?"));
  input.insert(input.end(), name.begin(), name.end());
  input.push_back(0);
  const Digest digest = sha256(csr);
  input.insert(input.end(), digest.begin(), digest.end());
  return input;
}

}  // namespace

Result<EnrollRequest> parse_enroll_request(std::string_view text) {
  Result<EnrollRequest> request = from_json_text<EnrollRequest>(text, kEnrollBytes);
  if (!request) return wrap(request.error(), "enrolment");
  if (request->role == PeerRole::appliance)
    return Error(Fault::malformed, "enrolment: role: agent or node is expected");
  if (request->csr.size() > kCertificateBytes) return Error(Fault::malformed, "enrolment: csr: above 16 KiB");
  const Result<void> checked = first_fault(
      {check_proofs(*request), check(request->fingerprint), check_text(request->hostname, 1, 255, "hostname"),
       check_text(request->operating_system, 0, 255, "operating_system"),
       check_text(request->software, 0, 255, "software"), check_overrides(request->overrides)});
  if (!checked) return wrap(checked.error(), "enrolment");
  return request;
}

Result<EnrollResponse> parse_enroll_response(std::string_view text) {
  Result<EnrollResponse> response = from_json_text<EnrollResponse>(text, kEnrollBytes);
  if (!response) return wrap(response.error(), "answer to the enrolment");
  if (response->enrolled.has_value() == response->refusal.has_value()) {
    return Error(Fault::malformed, "answer to the enrolment: neither or both of enrolled and refusal");
  }
  if (response->enrolled) {
    const Result<void> checked = check_enrolled(*response->enrolled);
    if (!checked) return wrap(checked.error(), "answer to the enrolment");
  }
  return response;
}

KeyProof make_key_proof(ProofPurpose purpose, const Certificate& certificate, const PrivateKey& key,
                        ByteView csr) {
  return {purpose, certificate.to_pem(), key.sign(proof_input(purpose, csr))};
}

Result<VerifiedPeer> check_key_proof(const KeyProof& proof, ByteView csr, const CaSet& authorities,
                                     std::int64_t now) {
  const Result<Certificate> certificate = Certificate::from_pem(proof.certificate);
  if (!certificate) return wrap(certificate.error(), "proof of the old key");
  const std::vector<Certificate> chain = {*certificate};
  VerifyOptions options;
  options.now = now;
  options.accept_expired = true;
  Result<VerifiedPeer> peer = verify_peer(chain, {PeerRole::agent, PeerRole::node}, authorities, options);
  if (!peer) return wrap(peer.error(), "proof of the old key");
  if (!verify_signature(certificate->spki(), proof_input(proof.purpose, csr), proof.signature)) {
    return Error(Fault::unauthenticated,
                 "proof of the old key: " + peer->identity.name() + "'s key did not sign this request");
  }
  return peer;
}

}  // namespace jump::identity
