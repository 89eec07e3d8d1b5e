#include "common/endpoint/new_identity.h"

#include <filesystem>

#include "common/base/clock.h"
#include "common/endpoint/appliance_dialler.h"
#include "common/endpoint/enrol_exchange.h"
#include "common/identity/verify.h"
#include "common/tunnel/dialler.h"
#include "platform/files.h"
#include "platform/machine.h"

namespace jump::endpoint {
namespace {

constexpr std::size_t kPemBytes = 64 * 1024;

std::string new_key_path(const std::string& folder) {
  return folder + "/new-key.pem";
}
std::string new_certificate_path(const std::string& folder) {
  return folder + "/new-cert.pem";
}

Bytes proof_input(const control::Nonce& start_nonce) {
  constexpr std::string_view kWhat = "jump new identity v1";
  Bytes all(kWhat.begin(), kWhat.end());
  all.push_back(0);
  all.insert(all.end(), start_nonce.begin(), start_nonce.end());
  return all;
}

Result<identity::Certificate> read_certificate(const std::string& path) {
  const Result<Bytes> pem = platform::read_file(path, kPemBytes);
  if (!pem) return pem.error();
  return identity::Certificate::from_pem(as_text(*pem));
}

Result<identity::EnrollRequest> make_request(const Begin& begin, const identity::PrivateKey& key) {
  const Result<identity::PrivateKey> old_key = identity::PrivateKey::load(key_path(begin.identity_folder));
  if (!old_key) return old_key.error();
  const Result<identity::Certificate> old_one = read_certificate(certificate_path(begin.identity_folder));
  if (!old_one) return old_one.error();
  const platform::MachineName name = platform::machine_name();
  identity::EnrollRequest request;
  request.csr = key.make_request();
  request.previous = identity::make_key_proof(identity::ProofPurpose::clone, *old_one, *old_key, request.csr);
  if (begin.fingerprint_parts) request.fingerprint = *begin.fingerprint_parts;
  request.hostname = name.hostname;
  request.operating_system = platform::operating_system().name;
  request.software = begin.software;
  return request;
}

Task<Result<tunnel::Dialled>> dial_to_enrol(const Begin& begin, tunnel::Dialler& dialler) {
  Result<identity::CaSet> authorities = identity::CaSet::from(begin.trust);
  if (!authorities) co_return authorities.error();
  tunnel::TlsClientSettings settings;
  settings.appliance = std::make_shared<tunnel::BundleVerifier>(std::move(*authorities), &wall_seconds, true);
  Result<std::shared_ptr<const tunnel::TlsClient>> client = tunnel::TlsClient::create(std::move(settings));
  if (!client) co_return client.error();
  tunnel::DialRequest dial;
  dial.targets = tunnel::dial_targets(begin.routes.addresses, {});
  dial.routes = routes_of(begin.routes);
  dial.client = *client;
  dial.alpn = std::string(tunnel::kAlpnEnroll);
  co_return co_await dialler.dial(std::move(dial));
}

Result<void> store_beside(const std::string& folder, const identity::PrivateKey& key,
                          const std::string& certificate) {
  Result<void> done = key.save(new_key_path(folder));
  if (done) done = platform::write_file(new_certificate_path(folder), as_bytes(certificate), 0600);
  return done;
}

}  // namespace

Task<Result<NewIdentity>> enrol_as_clone(asio::any_io_executor executor, const Begin& begin) {
  const identity::PrivateKey key = identity::PrivateKey::generate();
  const Result<identity::EnrollRequest> request = make_request(begin, key);
  if (!request) co_return request.error();
  tunnel::Dialler dialler(executor, tunnel::make_random());
  Result<tunnel::Dialled> dialled = co_await dial_to_enrol(begin, dialler);
  if (!dialled) co_return dialled.error();
  const Result<identity::EnrollResponse> response = co_await ask_to_enrol(*dialled->stream, *request);
  if (!response) co_return response.error();
  if (response->refusal) co_return Error(Fault::unavailable, printable(response->refusal->text));
  const Result<void> stored = store_beside(begin.identity_folder, key, response->enrolled->certificate);
  if (!stored) co_return stored.error();
  NewIdentity message;
  message.certificate = response->enrolled->certificate;
  message.proof = key.sign(proof_input(begin.start_nonce));
  co_return message;
}

Result<void> settle_identity(const std::string& folder, const std::string& peer_id) {
  const Result<identity::Certificate> fresh = read_certificate(new_certificate_path(folder));
  if (!fresh) return {};
  const Result<identity::PeerIdentity> who = identity::parse_identity(fresh->uri().value_or(""));
  if (!who || who->name() != peer_id) return {};
  // The certificate last: as long as it lies there, both are put in place again.
  std::error_code failed;
  if (std::filesystem::exists(new_key_path(folder), failed)) {
    std::filesystem::rename(new_key_path(folder), key_path(folder), failed);
    if (failed) return Error(failed, "put the new key in place");
  }
  std::filesystem::rename(new_certificate_path(folder), certificate_path(folder), failed);
  if (failed) return Error(failed, "put the new certificate in place");
  return {};
}

Result<std::string> believe_new_identity(const NewIdentity& message, const EndpointState& state,
                                         const control::Nonce& start_nonce) {
  const Result<identity::Certificate> certificate = identity::Certificate::from_pem(message.certificate);
  if (!certificate) return certificate.error();
  const Result<identity::CaSet> authorities = identity::CaSet::from(state.trust);
  if (!authorities) return authorities.error();
  identity::VerifyOptions options;
  options.now = wall_seconds();
  options.accept_not_yet_valid = true;  // as the tunnel process: this machine's clock may be wrong
  const std::vector<identity::Certificate> chain{*certificate};
  const Result<identity::VerifiedPeer> peer =
      identity::verify_peer(chain, {identity::PeerRole::agent}, *authorities, options);
  if (!peer) return peer.error();
  if (certificate->not_before() + 3600 < state.enrolled) {
    return Error(Fault::refused, "the certificate of " + peer->identity.name() +
                                     " is older than the identity of this machine");
  }
  if (!identity::verify_signature(certificate->spki(), proof_input(start_nonce), message.proof)) {
    return Error(Fault::unauthenticated,
                 "the key of " + peer->identity.name() + " did not sign for this start");
  }
  return peer->identity.name();
}

}  // namespace jump::endpoint
