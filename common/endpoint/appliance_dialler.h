// ApplianceDialler: how this endpoint reaches its appliance and proves who it is: identity key, trust,
// routes, the key for coming back, and when to try again. Also keeps the certificate fresh, and takes a new
// identity where this one turns out to be a clone's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/endpoint/control_channel.h"
#include "common/endpoint/family.h"
#include "common/identity/time_floor.h"
#include "common/tunnel/dialler.h"
#include "common/tunnel/reconnect.h"

namespace jump::endpoint {

class ApplianceDialler {
 public:
  // Reads key and certificate. `begin` outlives this and changes with orders: renewed() then.
  static Result<std::unique_ptr<ApplianceDialler>> create(asio::any_io_executor executor, const Begin& begin);

  struct Dialled {
    std::unique_ptr<tunnel::TlsStream> stream;
    std::string address;
    std::string route;
  };
  Task<Result<Dialled>> dial();
  const std::vector<std::string>& attempts() const { return dialler_.attempts(); }
  // Until the next try is due, or something makes it worth trying now.
  Task<> pause();
  // Something changed that makes a try worth it now: a pause() ends within a second.
  void hurry() { hurry_.set(); }

  void welcomed(const control::Welcome& welcome);
  // The connection that dial() gave is over.
  void ended(bool was_welcomed, const std::optional<mux::GoAwayBody>& told);
  void offered(const control::PskOffer& offer);
  // Trust or addresses changed.
  void renewed();

  // Asks for a new certificate at two thirds of the life of the present one, again and again; until
  // cancelled.
  Task<> keep_certificate(ControlChannel& channel);

  std::uint64_t failed_tries() const { return reconnect_.failed_tries(); }
  std::uint64_t failed_seconds() const;

 private:
  ApplianceDialler(asio::any_io_executor executor, const Begin& begin, identity::PrivateKey key,
                   identity::Certificate certificate);
  Result<void> make_client();
  Result<void> take_certificate(const std::string& pem);
  void store_time();

  const Begin& begin_;
  identity::PrivateKey key_;
  identity::Certificate certificate_;
  identity::TimeFloor floor_;
  std::int64_t stored_time_ = 0;
  std::shared_ptr<const tunnel::TlsClient> client_;
  std::optional<identity::Psk> psk_;
  tunnel::Dialler dialler_;
  tunnel::Reconnect reconnect_;
  Event hurry_;
  std::int64_t shown_until_ = 0;  // of the appliance's certificate; 0: came back by PSK
  std::size_t route_ = 0;         // of the connection that runs, in begin_'s order
};

// In the order to be tried: the zone's proxies, the configured proxies, direct.
std::vector<tunnel::Route> routes_of(const RouteSettings& settings);
std::string key_path(const std::string& identity_folder);
std::string certificate_path(const std::string& identity_folder);

}  // namespace jump::endpoint
