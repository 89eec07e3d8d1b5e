#include "tools/console/api/connect.h"

#include <algorithm>

#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/with_timeout.h"

namespace jump::console {
namespace {

using asio::ip::tcp;
constexpr std::uint16_t kDefaultPort = 443;

// Learns the CA of whoever is there, or checks it against the pin.
class FirstVerifier : public tunnel::PeerVerifier {
 public:
  explicit FirstVerifier(FirstContact& contact) : contact_(contact) {}

  Result<identity::VerifiedPeer> verify(std::span<const identity::Certificate> chain) override {
    std::string pin = contact_.pin;
    if (pin.empty()) {
      // The same one again on a second connection, or the first self-signed CA.
      const auto ca = std::ranges::find_if(
          chain, [](const identity::Certificate& one) { return one.is_ca() && one.self_signed(); });
      if (ca == chain.end()) {
        return Error(Fault::unauthenticated, "this is no appliance: it shows no CA of its own");
      }
      pin = ca->pin();
    }
    const Result<identity::CaSet> authorities = identity::CaSet::from_pin(chain, pin);
    if (!authorities) return authorities.error();
    identity::VerifyOptions options;
    options.now = wall_seconds();
    Result<identity::VerifiedPeer> peer =
        identity::verify_peer(chain, {identity::PeerRole::appliance}, *authorities, options);
    if (peer) {
      contact_.pin = pin;
      contact_.authorities.clear();
      for (const identity::Certificate& one : authorities->authorities()) {
        contact_.authorities.push_back(one.to_pem());
      }
    }
    return peer;
  }

 private:
  FirstContact& contact_;
};

Result<TlsClientPtr> make_client(std::shared_ptr<tunnel::PeerVerifier> verifier) {
  tunnel::TlsClientSettings settings;
  settings.appliance = std::move(verifier);
  return tunnel::TlsClient::create(std::move(settings));
}

Task<Result<void>> connect_tcp(identity::HostPort address, tcp::socket& socket) {
  const std::string name = to_text(address);
  tcp::resolver resolver(socket.get_executor());
  boost::system::error_code failed;
  const tcp::resolver::results_type found = co_await resolver.async_resolve(
      address.host, std::to_string(address.port), asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return Error(failed, "look up " + address.host);
  co_await asio::async_connect(socket, found, asio::redirect_error(asio::use_awaitable, failed));
  if (failed) co_return Error(failed, "connect " + name);
  socket.set_option(tcp::no_delay(true), failed);
  co_return Result<void>();
}

}  // namespace

std::string to_text(const identity::HostPort& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Result<identity::HostPort> parse_address(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  std::string_view text = url;
  if (text.starts_with(kScheme)) {
    text.remove_prefix(kScheme.size());
  } else if (text.find("://") != std::string_view::npos) {
    return Error(Fault::invalid, "'" + printable(url, 120) + "': only https:// is spoken here");
  }
  while (text.ends_with('/')) text.remove_suffix(1);
  if (text.find('/') != std::string_view::npos) {
    return Error(Fault::invalid, "'" + printable(url, 120) + "': give the address without a path");
  }
  const bool bracketed = text.starts_with('[');
  const bool has_port =
      bracketed ? text.find("]:") != std::string_view::npos : text.find(':') != std::string_view::npos;
  return identity::parse_host_port(has_port ? std::string(text)
                                            : std::string(text) + ":" + std::to_string(kDefaultPort));
}

Result<TlsClientPtr> trusted(const Login& login) {
  std::vector<identity::Certificate> certificates;
  for (const std::string& pem : login.authorities) {
    Result<identity::Certificate> certificate = identity::Certificate::from_pem(pem);
    if (!certificate) return wrap(certificate.error(), "stored CA");
    certificates.push_back(std::move(*certificate));
  }
  Result<identity::CaSet> authorities =
      login.trust ? identity::CaSet::from(*login.trust) : identity::CaSet::from(certificates);
  if (!authorities) return wrap(authorities.error(), "stored CA");
  return make_client(std::make_shared<tunnel::BundleVerifier>(std::move(*authorities), wall_seconds));
}

Result<TlsClientPtr> first_contact(FirstContact& contact) {
  return make_client(std::make_shared<FirstVerifier>(contact));
}

Task<Result<std::unique_ptr<tunnel::TlsStream>>> connect(identity::HostPort address, TlsClientPtr client,
                                                         std::string alpn) {
  tcp::socket socket(co_await asio::this_coro::executor);
  Task<Result<void>> dialling = connect_tcp(address, socket);
  const Result<void> connected =
      co_await with_timeout(limits::kTlsTimeout, "connect " + to_text(address), std::move(dialling));
  if (!connected) co_return connected.error();
  tunnel::TlsConnectOptions options;
  options.alpn = std::move(alpn);
  if (identity::is_host_name(address.host)) options.server_name = address.host;
  auto handshake = tunnel::TlsStream::connect(std::move(socket), std::move(client), std::move(options));
  co_return co_await with_timeout(limits::kTlsTimeout, "TLS with " + to_text(address), std::move(handshake));
}

}  // namespace jump::console
