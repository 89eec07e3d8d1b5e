// Dialler: from addresses and routes to a TLS connection with the appliance. Routes are tried one after the
// other; the first whose TLS handshake ends well is taken. What failed on the way is kept, one sentence each,
// for status and doctor.
//
//     direct       race over all addresses of all targets → TLS
//     http, socks5 connect to the proxy → each target in turn: the proxy's dialogue → TLS
//     zone         a race over its nodes, the one that worked last first, then the others in random order →
//     each
//                  target in turn; a node that connects and is silent is left for the next after 2 s
//
// A PSK that the appliance breaks off at is dropped, and the same address dialled again at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/tunnel/address.h"
#include "common/tunnel/backoff.h"
#include "common/tunnel/race.h"
#include "common/tunnel/routes.h"
#include "common/tunnel/tls_stream.h"

namespace jump::tunnel {

struct DialTimes {
  RaceTimes connect;
  std::chrono::nanoseconds proxy = std::chrono::seconds(10);  // its whole dialogue
  std::chrono::nanoseconds node = std::chrono::seconds(2);    // the same while other nodes of a zone are left
  std::chrono::nanoseconds tls = limits::kTlsTimeout;
};

struct DialRequest {
  std::vector<Address> targets;  // 1-16: dial_targets()
  std::vector<Route> routes;     // 1-8, checked by check_route(), in the order to be tried
  std::shared_ptr<const TlsClient> client;
  std::string alpn{kAlpnTunnel};
  std::optional<identity::Psk> psk;
};

struct Dialled {
  std::unique_ptr<TlsStream> stream;
  Address target;
  std::size_t route = 0;   // index into the request's routes
  std::string route_text;  // "direct 10.0.0.5:443", "http-proxy 10.0.0.9:3128"
  bool psk_rejected = false;
};

class Dialler {
 public:
  // `resolve` may be empty: the operating system's.
  Dialler(asio::any_io_executor executor, Random random, Resolve resolve = {}, DialTimes times = {});

  // One at a time. The error names what was tried; its code is that of the failure that came nearest to
  // success (TLS before proxy before connect), Fault::unavailable when no connection was made at all.
  Task<Result<Dialled>> dial(DialRequest request);
  // Of the last dial(): "direct: connect 10.0.0.5:443: Connection refused"; at most 64. Also when it ended
  // well.
  const std::vector<std::string>& attempts() const { return attempts_; }

 private:
  enum class Stage { connect, proxy, tls };

  Task<std::unique_ptr<TlsStream>> direct(DialRequest& request, Dialled& dialled);
  Task<std::unique_ptr<TlsStream>> through_proxies(DialRequest& request, const Route& route,
                                                   Dialled& dialled);
  Task<std::unique_ptr<TlsStream>> to_target(DialRequest& request, const Route& route,
                                             std::vector<Address>& proxies, const Address& target,
                                             Dialled& dialled);
  Task<Result<std::unique_ptr<TlsStream>>> secure(asio::ip::tcp::socket socket, const DialRequest& request,
                                                  const Address& target);
  // True: dropped, try again.
  bool drop_psk(DialRequest& request, const Error& error, Dialled& dialled);
  std::vector<Address> proxies_in_order(const Route& route);
  void note(Stage stage, std::string route, const Error& error);

  asio::any_io_executor executor_;
  Random random_;
  Resolve resolve_;
  DialTimes times_;
  std::vector<std::string> attempts_;
  Stage furthest_ = Stage::connect;
  Error nearest_;
  std::string zone_node_;  // that worked last
};

}  // namespace jump::tunnel
