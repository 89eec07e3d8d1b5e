// Orders: whatever makes an endpoint's supervisor act. Signed with the appliance's order keys (Ed25519); the
// tunnel process hands them on and can neither make, change, repeat nor redirect one.
//
// An order is for one audience and one start of its supervisor (the random nonce that the supervisor sent in
// hello), and its serial is taken once: so no clock and no store are needed to refuse an old one.
// expires_after_seconds counts by the appliance's clock: the appliance does not send or repeat an order after
// that, and a session whose ticket came too late is refused at its attach. A supervisor does not judge it:
// its clock may be anything.
//
// On the wire (OrderDelivery.order) as in signed_text.h; key id: VerifyKey::id(); text: Order as JSON; each
// signature covers "jump order v1" | 0x00 | JSON.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/control/messages.h"
#include "common/identity/key.h"
#include "common/session/target.h"

namespace jump::identity {

// A signed order; fits, as base64url, into one control message. Larger is refused when signing and when
// verifying.
inline constexpr std::size_t kOrderBytes = 48000;

enum class OrderKind { start_session, uninstall, trust_bundle, settings, addresses, wake, browse };
BOOST_DESCRIBE_ENUM(OrderKind, start_session, uninstall, trust_bundle, settings, addresses, wake, browse)

struct Order {
  OrderKind kind = OrderKind::start_session;
  std::string audience;  // PeerIdentity::name(): "agent:17"
  control::Nonce start_nonce{};
  std::uint64_t serial = 0;  // from 1; first_order_serial()
  std::int64_t issued = 0;   // seconds since 1970, the appliance's clock
  std::uint32_t expires_after_seconds = 0;
  json::value body;  // by kind: Ticket, UninstallOrder, TrustBundleOrder, …
};
BOOST_DESCRIBE_STRUCT(Order, (), (kind, audience, start_nonce, serial, issued, expires_after_seconds, body))

// --- bodies ----------------------------------------------------------------------------------------------

// start_session. It starts, it never attaches: who attaches needs `endpoint_secret` and a tunnel of the
// identity that the session's row names. Void limits::kTicketLife after issue.
struct Ticket {
  control::SessionId session{};
  control::SessionKind kind = control::SessionKind::shell;
  json::value arguments;            // common/session/messages.h
  std::string representative;       // for logs and the notice on the endpoint
  Secret endpoint_secret;           // 32 bytes; reaches the session process by pipe
  std::vector<std::string> rights;  // what this representative may use in the session
  std::uint32_t wait_limit_seconds = 600;
  // For a node of a Jumpoint: the machine to reach (common/session/target.h). Absent: the endpoint itself.
  std::optional<session::Target> target;
};
BOOST_DESCRIBE_STRUCT(Ticket, (),
                      (session, kind, arguments, representative, endpoint_secret, rights, wait_limit_seconds,
                       target))

// uninstall
struct UninstallOrder {
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(UninstallOrder, (), (reason))

// trust_bundle
struct TrustBundleOrder {
  Bytes bundle;  // trust_bundle.h: checked against the one that is held
};
BOOST_DESCRIBE_STRUCT(TrustBundleOrder, (), (bundle))

// addresses: where the appliance can be dialled from now on, "host:port".
struct AddressesOrder {
  std::uint64_t serial = 0;            // reported back in Holdings
  std::vector<std::string> addresses;  // 1-16
};
BOOST_DESCRIBE_STRUCT(AddressesOrder, (), (serial, addresses))

// wake: wake::WakeOrder, browse: wake::BrowseOrder (common/wake). Each starts a helper process, which says
// what came of it in control::JobReport.

// settings: all of them, each time; also in Enrolled::settings.
struct ZoneProxySettings {
  std::string host;  // by which clients reach this node; empty: it finds its own name
  std::uint16_t port = 9555;
  bool allow_http_get = false;
  std::string restriction = "none";       // none, deny (only these), allow (only these)
  std::vector<std::string> prefixes;      // common/access, one line each; together at most 30,000 bytes here
  std::vector<std::string> more_targets;  // further "host:port" of the same appliance
};
BOOST_DESCRIBE_STRUCT(ZoneProxySettings, (),
                      (host, port, allow_http_get, restriction, prefixes, more_targets))

struct SettingsOrder {
  std::vector<std::string> zone_proxies;        // clients: "host:port" of every node that serves them
  std::optional<ZoneProxySettings> zone_proxy;  // nodes: absent: no proxy here
  // After so many minutes of trying in vain the endpoint uninstalls itself (PRODUCT.md 3.5); 0: never. The
  // appliance says the site's period or the asset's own, and 1440 for an ephemeral one.
  std::uint32_t absence_minutes = 0;
};
BOOST_DESCRIBE_STRUCT(SettingsOrder, (), (zone_proxies, zone_proxy, absence_minutes))

// The appliance: the serial of the first order in a tunnel; the next ones count up from it. A supervisor
// outlives the appliance's restarts and remembers what it took, so counting may not begin at 1 again; by the
// clock (4096 a second) nothing has to be stored. Where the clock was put back, above the highest that is
// known (Fault::expired).
inline std::uint64_t first_order_serial(std::int64_t now) {
  return static_cast<std::uint64_t>(now) << 12;
}

// The appliance: is this order still to be sent?
inline bool order_expired(const Order& order, std::int64_t now) {
  return now < order.issued - 60 || now - order.issued > std::int64_t{order.expires_after_seconds};
}

// Signed by each of `keys` (1-8; Authority::order_keys()). Fault::too_large when it does not fit.
Result<Bytes> sign_order(const Order& order, const std::vector<SigningKey>& keys);

// The supervisor's side; one for each start of it.
//
// Serials may come out of order: all above the highest seen are taken, and those at most kWindow below
// it once each (RFC 4303 section 3.4.3, with a wider window).
class OrderVerifier {
 public:
  static constexpr std::uint64_t kWindow = 1024;

  OrderVerifier(std::vector<VerifyKey> keys, std::string audience, const control::Nonce& start_nonce);

  // The order, which is thereby used up. Nothing changes when it is refused:
  //   malformed        not an order, or of a kind that is not known here
  //   too_large        above kOrderBytes
  //   unauthenticated  no signature of a believed key fits: forged or altered
  //   refused          for another audience, or for another start of this supervisor
  //   already_exists   this serial was taken before
  //   expired          the serial is too far below the highest to be told from a replay
  Result<Order> accept(ByteView order);

  // A new trust bundle was taken over. What was used up stays so.
  void set_keys(std::vector<VerifyKey> keys) { keys_ = std::move(keys); }

 private:
  Result<void> take_serial(std::uint64_t serial);

  std::vector<VerifyKey> keys_;
  std::string audience_;
  control::Nonce start_nonce_;
  std::uint64_t highest_ = 0;
  std::bitset<kWindow> seen_;  // bit i: highest_ - i was taken
};

}  // namespace jump::identity
