// What the processes of one endpoint say to each other: supervisor and tunnel process over an inherited
// pair of local ends, and the set-up that the supervisor gives to a session process on its standard input.
// Each message is u32 big-endian length
// + JSON {"kind": …, "body": …}, at most 256 KiB.
//
// The tunnel process talks to the network and is not believed: all that it can make the supervisor do is look
// at an order, which the supervisor verifies itself.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"
#include "common/base/task_group.h"
#include "common/control/messages.h"
#include "common/identity/fingerprint.h"
#include "common/identity/order.h"
#include "common/identity/trust_bundle.h"
#include "platform/local_stream.h"

namespace jump::endpoint {

inline constexpr std::size_t kFamilyBytes = 256 * 1024;

// How the appliance is reached; from the configuration file and, for addresses, from orders.
struct RouteSettings {
  std::vector<std::string> addresses;     // "host:port"
  std::optional<std::string> http_proxy;  // "host:port"
  std::optional<std::string> http_proxy_user;
  std::optional<Secret> http_proxy_password;
  std::optional<std::string> socks5;      // "host:port"
  std::vector<std::string> zone_proxies;  // "host:port"
};
BOOST_DESCRIBE_STRUCT(RouteSettings, (),
                      (addresses, http_proxy, http_proxy_user, http_proxy_password, socks5, zone_proxies))

// --- supervisor → tunnel process ---

struct Begin {
  control::Role role = control::Role::agent;
  std::string peer_id;  // "agent:17"
  std::string software;
  std::string boot_id;
  control::Nonce start_nonce{};
  control::Nonce instance{};  // of this start of the service
  std::optional<control::Digest> fingerprint;
  std::optional<identity::HashedFingerprint> fingerprint_parts;  // for enrolling as a clone
  std::string identity_folder;  // key.pem, cert.pem; the tunnel process's own
  std::string session_socket;   // where session processes connect
  std::string status_socket;
  std::string session_user;
  std::vector<std::string> kinds;
  std::vector<std::string> abilities;  // of a node
  identity::TrustBundle trust;         // as verified by the supervisor
  RouteSettings routes;
  std::uint64_t addresses_serial = 0;
  std::uint32_t absence_minutes = 0;  // as in identity::SettingsOrder
};
BOOST_DESCRIBE_STRUCT(Begin, (),
                      (role, peer_id, software, boot_id, start_nonce, instance, fingerprint,
                       fingerprint_parts, identity_folder, session_socket, status_socket, session_user, kinds,
                       abilities, trust, routes, addresses_serial, absence_minutes))

// The answer to an order that starts a session.
struct OrderResult {
  control::SessionStart start;
};
BOOST_DESCRIBE_STRUCT(OrderResult, (), (start))

// Something was taken over by an order: the tunnel process uses and reports it from now on.
struct Renewed {
  std::optional<identity::TrustBundle> trust;
  std::optional<std::vector<std::string>> addresses;
  std::uint64_t addresses_serial = 0;
  std::optional<std::vector<std::string>> zone_proxies;
  std::uint32_t absence_minutes = 0;
};
BOOST_DESCRIBE_STRUCT(Renewed, (), (trust, addresses, addresses_serial, zone_proxies, absence_minutes))

// Ends orderly: go away, close, exit.
struct Stop {
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(Stop, (), (reason))

// --- tunnel process → supervisor ---

struct OrderArrived {
  Bytes order;
};
BOOST_DESCRIBE_STRUCT(OrderArrived, (), (order))

// This machine turned out to be a copy of another and has enrolled as one of its own (PRODUCT.md 2.5). The
// supervisor looks at the certificate itself, starts another tunnel process, and from then on orders are for
// the new identity.
struct NewIdentity {
  std::string certificate;  // PEM
  Bytes proof;              // by its key, over "jump new identity v1" | 0x00 | start nonce
};
BOOST_DESCRIBE_STRUCT(NewIdentity, (), (certificate, proof))

enum class TunnelState { connecting, online, waiting, refused };
BOOST_DESCRIBE_ENUM(TunnelState, connecting, online, waiting, refused)

// For the service manager and for whoever asks over the status socket. Told whenever it changes, and every
// kAliveEvery as a sign of life.
inline constexpr auto kAliveEvery = std::chrono::seconds(10);
struct TunnelStatus {
  TunnelState state = TunnelState::connecting;
  std::string appliance;  // address in use or tried last
  std::string route;
  std::string peer_id;             // "agent:17"
  std::int64_t since = 0;          // seconds since 1970, of this state
  std::string reason;              // why not online
  std::uint64_t failed_tries = 0;  // since the last success
  std::uint64_t failed_seconds = 0;
  std::vector<std::string> attempts;  // what each route said at the last try
  std::uint32_t sessions = 0;
  std::optional<control::ZoneProxyState> zone_proxy;  // of a node that has been told to have one
};
BOOST_DESCRIBE_STRUCT(TunnelStatus, (),
                      (state, appliance, route, peer_id, since, reason, failed_tries, failed_seconds,
                       attempts, sessions, zone_proxy))

using FamilyMessage = std::variant<Begin, OrderResult, Renewed, Stop, OrderArrived, NewIdentity, TunnelStatus,
                                   // supervisor → tunnel process, to be told on:
                                   control::ZoneProxyState, control::JobReport>;

// --- supervisor → session process, on its standard input ---

struct SessionSetup {
  identity::Ticket ticket;
  std::string socket;  // of the tunnel process
  std::string session_user;
  std::vector<std::string> forward_allow;  // of the endpoint's own file: "10.0.0.0/8:22", …
  std::uint64_t memory_bytes = 0;          // 0: no limit
  std::string shell;                       // of terminals; empty: the user's own
};
BOOST_DESCRIBE_STRUCT(SessionSetup, (), (ticket, socket, session_user, forward_allow, memory_bytes, shell))

// One end of the socket pair.
class FamilyChannel {
 public:
  // Takes a connected end over.
  FamilyChannel(asio::any_io_executor executor, platform::Handle end);

  // The next message; Fault::closed when the other process is gone.
  Task<Result<FamilyMessage>> receive();
  // Messages of one sender stay in order; several tasks may send.
  Task<Result<void>> send(FamilyMessage message);
  void close();

 private:
  Task<Result<void>> read_all(std::span<std::uint8_t> into);

  platform::LocalStream stream_;
  bool sending_ = false;
  Event turn_;
};

}  // namespace jump::endpoint
