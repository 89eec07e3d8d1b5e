#include "common/endpoint/appliance_dialler.h"

#include <algorithm>
#include <cstdlib>

#include "common/base/log.h"
#include "common/base/with_timeout.h"
#include "platform/files.h"

namespace jump::endpoint {
namespace {

constexpr std::int64_t kTimeStep = 3600;  // seconds; the appliance's time is stored no more often
constexpr auto kRenewalAnswer = std::chrono::minutes(2);
constexpr auto kRenewalRetry = std::chrono::minutes(10);
constexpr std::size_t kPemBytes = 64 * 1024;

// The last time that the appliance told, for a clock that stands in 1970 at the next start.
std::string time_path(const std::string& identity_folder) {
  return identity_folder + "/time";
}

}  // namespace

std::string key_path(const std::string& identity_folder) {
  return identity_folder + "/key.pem";
}
std::string certificate_path(const std::string& identity_folder) {
  return identity_folder + "/cert.pem";
}

Result<std::unique_ptr<ApplianceDialler>> ApplianceDialler::create(asio::any_io_executor executor,
                                                                   const Begin& begin) {
  Result<identity::PrivateKey> key = identity::PrivateKey::load(key_path(begin.identity_folder));
  if (!key) return key.error();
  const Result<Bytes> pem = platform::read_file(certificate_path(begin.identity_folder), kPemBytes);
  if (!pem) return pem.error();
  Result<identity::Certificate> certificate = identity::Certificate::from_pem(as_text(*pem));
  if (!certificate) return certificate.error();
  std::unique_ptr<ApplianceDialler> dialler(
      new ApplianceDialler(executor, begin, std::move(*key), std::move(*certificate)));
  if (const Result<Bytes> told = platform::read_file(time_path(begin.identity_folder), 64)) {
    dialler->stored_time_ = std::strtoll(std::string(as_text(*told)).c_str(), nullptr, 10);
    dialler->floor_ = identity::TimeFloor(dialler->stored_time_);
  }
  Result<void> made = dialler->make_client();
  if (!made) return made.error();
  return dialler;
}

ApplianceDialler::ApplianceDialler(asio::any_io_executor executor, const Begin& begin,
                                   identity::PrivateKey key, identity::Certificate certificate)
    : begin_(begin),
      key_(std::move(key)),
      certificate_(std::move(certificate)),
      dialler_(executor, tunnel::make_random()),
      reconnect_({}, tunnel::make_random(), BootClock::now()),
      hurry_(executor) {}

Result<void> ApplianceDialler::make_client() {
  Result<identity::CaSet> authorities = identity::CaSet::from(begin_.trust);
  if (!authorities) return authorities.error();
  tunnel::TlsClientSettings settings;
  // A clock that cannot be right yet must not keep the machine out; the appliance tells the time in its
  // welcome.
  settings.appliance = std::make_shared<tunnel::BundleVerifier>(
      std::move(*authorities), [this] { return floor_.now(wall_seconds()); }, true);
  settings.key = key_;
  settings.chain = {certificate_};
  Result<std::shared_ptr<const tunnel::TlsClient>> client = tunnel::TlsClient::create(std::move(settings));
  if (!client) return client.error();
  client_ = std::move(*client);
  return {};
}

std::vector<tunnel::Route> routes_of(const RouteSettings& settings) {
  std::vector<tunnel::Route> all;
  if (!settings.zone_proxies.empty()) {
    tunnel::Route zone;
    zone.kind = tunnel::RouteKind::zone_proxy;
    zone.proxies = settings.zone_proxies;
    all.push_back(std::move(zone));
  }
  if (settings.http_proxy) {
    tunnel::Route proxy;
    proxy.kind = tunnel::RouteKind::http_proxy;
    proxy.proxies = {*settings.http_proxy};
    proxy.user = settings.http_proxy_user.value_or("");
    if (settings.http_proxy_password) proxy.password = *settings.http_proxy_password;
    all.push_back(std::move(proxy));
  }
  if (settings.socks5) {
    tunnel::Route socks;
    socks.kind = tunnel::RouteKind::socks5;
    socks.proxies = {*settings.socks5};
    all.push_back(std::move(socks));
  }
  all.push_back({});
  return all;
}

Task<Result<ApplianceDialler::Dialled>> ApplianceDialler::dial() {
  const std::vector<tunnel::Route> configured = routes_of(begin_.routes);
  const std::vector<std::size_t> order = reconnect_.route_order(configured.size(), BootClock::now());
  tunnel::DialRequest request;
  request.targets = tunnel::dial_targets(begin_.routes.addresses, {});
  for (const std::size_t index : order) request.routes.push_back(configured[index]);
  request.client = client_;
  if (psk_ && psk_->expires > floor_.now(wall_seconds())) request.psk = psk_;
  Result<tunnel::Dialled> dialled = co_await dialler_.dial(std::move(request));
  if (!dialled) {
    reconnect_.failed(BootClock::now());
    co_return dialled.error();
  }
  if (dialled->psk_rejected) psk_.reset();
  route_ = order[dialled->route];
  shown_until_ = dialled->stream->peer() ? dialled->stream->peer()->not_after : 0;
  Dialled done;
  done.stream = std::move(dialled->stream);
  done.address = tunnel::to_text(dialled->target);
  done.route = dialled->route_text;
  co_return done;
}

Task<> ApplianceDialler::pause() {
  while (true) {
    const Duration wait = reconnect_.wait(BootClock::now());
    if (wait <= Duration(0)) co_return;
    const bool hurried = co_await hurry_.wait_for(wait);
    if (hurried) reconnect_.hurry(BootClock::now());
  }
}

void ApplianceDialler::welcomed(const control::Welcome& welcome) {
  if (shown_until_ > 0 && floor_.tell(welcome.time, shown_until_)) store_time();
  reconnect_.connected(BootClock::now(), route_);
}

void ApplianceDialler::store_time() {
  if (floor_.told() - stored_time_ < kTimeStep) return;
  const std::string text = std::to_string(floor_.told()) + "\n";
  const Result<void> stored = platform::write_file(time_path(begin_.identity_folder), as_bytes(text), 0600);
  if (!stored)
    log::warning("tunnel", "the appliance's time was not stored", {{"error", stored.error().message()}});
  stored_time_ = floor_.told();
}

void ApplianceDialler::ended(bool was_welcomed, const std::optional<mux::GoAwayBody>& told) {
  const Instant now = BootClock::now();
  if (told) reconnect_.told_to_go(now, std::chrono::milliseconds(told->retry_after_ms));
  if (was_welcomed) {
    reconnect_.lost(now);
  } else {
    reconnect_.failed(now);
  }
}

void ApplianceDialler::offered(const control::PskOffer& offer) {
  psk_ = identity::Psk{offer.id, offer.key, offer.expires};
}

void ApplianceDialler::renewed() {
  const Result<void> made = make_client();
  if (!made) log::error("tunnel", "the new trust bundle cannot be used", {{"error", made.error().message()}});
  hurry_.set();
}

std::uint64_t ApplianceDialler::failed_seconds() const {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(reconnect_.failed_for()).count());
}

Result<void> ApplianceDialler::take_certificate(const std::string& pem) {
  Result<identity::Certificate> certificate = identity::Certificate::from_pem(pem);
  if (!certificate) return certificate.error();
  if (certificate->pin() != key_.pin())
    return Error(Fault::invalid, "the new certificate is for another key");
  Result<void> stored = platform::write_file(certificate_path(begin_.identity_folder), as_bytes(pem), 0600);
  if (!stored) return stored;
  certificate_ = std::move(*certificate);
  // Derived from the old certificate's serial; the appliance offers a new one at the next welcome.
  psk_.reset();
  return make_client();
}

Task<> ApplianceDialler::keep_certificate(ControlChannel& channel) {
  while (true) {
    const std::int64_t now = floor_.now(wall_seconds());
    const std::int64_t due = identity::renewal_time(certificate_);
    if (now < due) {
      // Looked at every hour: the clock may be put right meanwhile.
      co_await sleep_for(std::chrono::seconds(std::min<std::int64_t>(due - now, 3600)));
      continue;
    }
    control::CertificateRequest question;
    question.csr = key_.make_request();
    Task<Result<control::CertificateGrant>> asking = channel.ask(std::move(question));
    const Result<control::CertificateGrant> grant =
        co_await with_timeout(kRenewalAnswer, "certificate renewal", std::move(asking));
    const Result<void> taken = grant ? take_certificate(grant->certificate) : Result<void>(grant.error());
    if (taken) {
      log::info("tunnel", "a new certificate", {{"until", iso8601(certificate_.not_after())}});
    } else {
      log::warning("tunnel", "the certificate was not renewed", {{"error", taken.error().message()}});
      co_await sleep_for(kRenewalRetry);
    }
  }
}

}  // namespace jump::endpoint
