#include "common/endpoint/enrol.h"

#include <filesystem>

#include "common/endpoint/appliance_dialler.h"
#include "common/endpoint/enrol_exchange.h"
#include "common/endpoint/state.h"
#include "common/tunnel/dialler.h"
#include "platform/files.h"
#include "platform/machine.h"
#include "platform/ownership.h"

namespace jump::endpoint {
namespace {

constexpr std::size_t kPemBytes = 64 * 1024;
constexpr std::size_t kSpaceBytes = 64 * 1024;

EnrolExit exit_for(identity::EnrollError code) {
  switch (code) {
    case identity::EnrollError::unknown_installer:
    case identity::EnrollError::expired:
      return EnrolExit::expired;
    case identity::EnrollError::limit_reached:
      return EnrolExit::limit;
    case identity::EnrollError::override_not_allowed:
    case identity::EnrollError::group_unknown:
      return EnrolExit::override_refused;
    case identity::EnrollError::needs_approval:
      return EnrolExit::needs_approval;
    case identity::EnrollError::refused:
      return EnrolExit::refused;
    default:
      return EnrolExit::failed;
  }
}

EnrolExit exit_for_dial(const Error& error, const std::vector<std::string>& attempts) {
  if (error.is(Fault::unauthenticated) || error.is(Fault::expired)) return EnrolExit::tls;
  for (const std::string& attempt : attempts) {
    if (attempt.starts_with("http-proxy") || attempt.starts_with("socks5")) return EnrolExit::proxy;
  }
  return EnrolExit::no_route;
}

// The identity that this machine has already, if any: it proves that it is the same asset.
void show_previous(const std::string& folder, identity::EnrollRequest& request) {
  // Not with rights of root: its owner faces the network.
  const Result<platform::User> owner = platform::owner_of(folder);
  if (!owner) return;
  const Result<platform::ActingAs> acting = platform::ActingAs::begin(*owner);
  if (!acting) return;
  const Result<identity::PrivateKey> key = identity::PrivateKey::load(key_path(folder));
  const Result<Bytes> pem = platform::read_file(certificate_path(folder), kPemBytes);
  if (!key || !pem) return;
  const Result<identity::Certificate> certificate = identity::Certificate::from_pem(as_text(*pem));
  if (!certificate) return;
  request.previous = identity::make_key_proof(identity::ProofPurpose::adopt, *certificate, *key, request.csr);
}

// The new identity, made beside the one that is there and put in its place as a whole: nobody but us has ever
// had a hand in what is given away. And before the appliance is asked: with its answer the old certificate is
// worth nothing, so a full disk must show itself first.
class FreshIdentity {
 public:
  explicit FreshIdentity(const std::string& data) : data_(data) {}
  FreshIdentity(const FreshIdentity&) = delete;
  FreshIdentity& operator=(const FreshIdentity&) = delete;
  ~FreshIdentity() { clear(); }

  Result<void> begin(const identity::PrivateKey& key, bool others_pass) {
    // With a user for the tunnel process others may pass through to its folder.
    Result<void> done = others_pass ? platform::make_folder(data_) : platform::make_private_folder(data_);
    if (done) done = platform::make_private_folder(data_ + "/private");
    clear();
    if (done) done = platform::make_private_folder(folder_);
    if (done) done = key.save(key_path(folder_));
    const Bytes space(kSpaceBytes);
    if (done) done = platform::write_file(space_, space, 0600);
    return done;
  }
  Result<void> finish(const std::string& certificate, const std::string& user);

 private:
  void clear() {
    std::error_code ignored;
    for (const std::string& left : {folder_, old_}) std::filesystem::remove_all(left, ignored);
  }

  std::string data_;
  std::string folder_ = identity_folder(data_) + ".new";
  std::string old_ = identity_folder(data_) + ".old";
  std::string space_ = folder_ + "/space";  // for certificate and state
};

Result<void> FreshIdentity::finish(const std::string& certificate, const std::string& user_name) {
  const std::string folder = identity_folder(data_);
  std::error_code failed;
  Result<void> done = platform::remove_file(space_);
  if (done) done = platform::write_file(certificate_path(folder_), as_bytes(certificate), 0600);
  if (done && !user_name.empty()) {
    const Result<platform::User> user = platform::find_user(user_name);
    done = user ? platform::give_folder(folder_, *user) : Result<void>(user.error());
  }
  if (!done) return done;
  const bool replaces = std::filesystem::exists(folder, failed);
  if (replaces) std::filesystem::rename(folder, old_, failed);
  if (!failed) std::filesystem::rename(folder_, folder, failed);
  if (!failed) return {};
  std::error_code ignored;
  if (replaces) std::filesystem::rename(old_, folder, ignored);
  return Error(failed, "put the new identity in place");
}

Result<void> store(const EnrolInput& input, FreshIdentity& fresh, const identity::Enrolled& enrolled,
                   const identity::TrustBundle& trust, const identity::HashedFingerprint& fingerprint) {
  Result<void> done = fresh.finish(enrolled.certificate, input.identity_user);
  if (!done) return done;
  EndpointState state;
  const bool node = input.role == control::Role::node;
  state.peer_id = (node ? "node:" : "agent:") + std::to_string(enrolled.id);
  state.trust = trust;
  state.addresses = enrolled.addresses.empty() ? input.key.addresses : enrolled.addresses;
  state.addresses_serial = enrolled.addresses_serial;
  state.enrolled = wall_seconds();
  state.fingerprint = to_hex(identity::summary(fingerprint));
  state.site_salt = to_hex(input.key.site_salt);
  state.zone_proxies = input.key.proxies;
  state.session_user = input.session_user;
  // An appliance without settings for us says nothing; its order comes with the first connection anyway.
  if (const Result<identity::SettingsOrder> settings =
          from_json<identity::SettingsOrder>(enrolled.settings)) {
    if (!settings->zone_proxies.empty()) state.zone_proxies = settings->zone_proxies;
    state.zone_proxy = settings->zone_proxy;
    state.absence_minutes = settings->absence_minutes;
  }
  return save_state(input.data, state);
}

}  // namespace

Task<EnrolOutcome> enrol(asio::any_io_executor executor, EnrolInput input) {
  const identity::PrivateKey key = identity::PrivateKey::generate();
  FreshIdentity fresh(input.data);
  const Result<void> begun = fresh.begin(key, !input.identity_user.empty());
  if (!begun) co_return EnrolOutcome{EnrolExit::failed, begun.error().message(), 0};
  const platform::MachineName name = platform::machine_name();
  identity::EnrollRequest request;
  request.role = input.role == control::Role::node ? identity::PeerRole::node : identity::PeerRole::agent;
  request.installer = identity::InstallerProof{input.key.installer, input.key.secret};
  request.csr = key.make_request();
  request.fingerprint = identity::hash_parts(platform::fingerprint_parts(), input.key.site_salt);
  request.hostname = name.hostname;
  request.operating_system = platform::operating_system().name;
  request.software = input.software;
  request.overrides = input.overrides;
  show_previous(identity_folder(input.data), request);

  tunnel::TlsClientSettings settings;
  settings.appliance = std::make_shared<tunnel::PinVerifier>(input.key.ca_pin, &wall_seconds, true);
  Result<std::shared_ptr<const tunnel::TlsClient>> client = tunnel::TlsClient::create(std::move(settings));
  if (!client) co_return EnrolOutcome{EnrolExit::failed, client.error().message(), 0};
  RouteSettings routes = input.routes;
  for (const std::string& proxy : input.key.proxies) routes.zone_proxies.push_back(proxy);
  tunnel::DialRequest dial;
  dial.targets = tunnel::dial_targets(input.key.addresses, input.routes.addresses);
  dial.routes = routes_of(routes);
  dial.client = *client;
  dial.alpn = std::string(tunnel::kAlpnEnroll);
  tunnel::Dialler dialler(executor, tunnel::make_random());
  Result<tunnel::Dialled> dialled = co_await dialler.dial(std::move(dial));
  if (!dialled) {
    const EnrolExit exit = exit_for_dial(dialled.error(), dialler.attempts());
    co_return EnrolOutcome{exit, dialled.error().message(), 0};
  }
  const Result<identity::EnrollResponse> response = co_await ask_to_enrol(*dialled->stream, request);
  if (!response) co_return EnrolOutcome{EnrolExit::failed, response.error().message(), 0};
  if (response->refusal) {
    co_return EnrolOutcome{exit_for(response->refusal->code), printable(response->refusal->text), 0};
  }
  const identity::Enrolled& enrolled = *response->enrolled;
  const Result<identity::TrustBundle> trust = identity::open_bundle(enrolled.trust_bundle, input.key.ca_pin);
  if (!trust) co_return EnrolOutcome{EnrolExit::tls, trust.error().message(), 0};
  const Result<void> stored = store(input, fresh, enrolled, *trust, request.fingerprint);
  if (!stored) co_return EnrolOutcome{EnrolExit::failed, stored.error().message(), 0};
  co_return EnrolOutcome{EnrolExit::done, boost::describe::enum_to_string(enrolled.how, "?"), enrolled.id};
}

}  // namespace jump::endpoint
