// Control messages: what a peer (agent, node, console) and the appliance tell each other over one
// tunnel. Each is declared here once, as a described struct; codec.h puts it on the wire, rules.h says who
// may send which when.
//
// Three shapes, all JSON in a control frame (common/mux/PROTOCOL.md, "control"):
//   question  {"ask": 7, "kind": "open_session", "body": {...}}    repeated after a reconnect until answered
//   answer    {"answer": 7, "body": {...}}  or  {"answer": 7, "error": {"code": "refused", "text": "..."}}
//   notice    {"tell": "order", "body": {...}}                     no answer
// A question may arrive twice (the answer was lost with its tunnel): handling it twice does no harm, and
// gives the same answer.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"

namespace jump::control {

inline constexpr std::uint32_t kProtocolOldest = 1;
inline constexpr std::uint32_t kProtocolNewest = 1;  // 2026-11-21: first version

using SessionId = std::array<std::uint8_t, 16>;  // chosen by the console, random
using Nonce = std::array<std::uint8_t, 16>;
using Digest = std::array<std::uint8_t, 32>;  // SHA-256

enum class Role { agent, node, console };
BOOST_DESCRIBE_ENUM(Role, agent, node, console)

// --- the first frame of each side ------------------------------------------------------------------

struct Versions {
  std::uint32_t min = kProtocolOldest;
  std::uint32_t max = kProtocolNewest;
};
BOOST_DESCRIBE_STRUCT(Versions, (), (min, max))

// Peer to appliance. Identity is not in here: an agent's or node's comes from its certificate or PSK, a
// console's from `token`.
struct Hello {
  Versions versions;
  Role role = Role::agent;
  std::string software;              // "jump-client 0.1.0 (linux x86_64)"
  std::string boot_id;               // of the machine; another one ends its sessions ("endpoint restarted")
  std::optional<Nonce> start_nonce;  // of the supervisor: orders are for this start of it only
  std::optional<Nonce> instance;     // of the tunnel process: tells a reconnect from a clone
  std::optional<Secret> token;       // consoles only
  std::optional<std::string>
      route;  // "direct 10.0.0.5:443", "http-proxy 10.0.0.9:3128", for the asset's details
  std::optional<Digest> fingerprint;  // machine fingerprint summary, for clone detection
};
BOOST_DESCRIBE_STRUCT(Hello, (),
                      (versions, role, software, boot_id, start_nonce, instance, token, route, fingerprint))

// Appliance to peer, when it is accepted. A refusal is a go-away frame with its reason instead.
struct Welcome {
  std::uint32_t version = 1;
  std::string peer_id;    // "agent:17", "node:3", "console:admin"
  std::int64_t time = 0;  // seconds since 1970, the appliance's clock
  std::string software;
  bool uninstall_only = false;  // a removed agent: nothing but its signed order follows
};
BOOST_DESCRIBE_STRUCT(Welcome, (), (version, peer_id, time, software, uninstall_only))

// --- appliance to console ----------------------------------------------------------------------------

// Whom to believe from now on, so that a console outlives a change of the CA. To agents it goes as an order.
struct TrustNotice {
  Bytes bundle;  // common/identity/trust_bundle.h
};
BOOST_DESCRIBE_STRUCT(TrustNotice, (), (bundle))

// --- appliance to agent or node ---------------------------------------------------------------------

// A signed order (common/identity/order.h) for the supervisor; the tunnel process hands it on and cannot make
// one.
struct OrderDelivery {
  Bytes order;
};
BOOST_DESCRIBE_STRUCT(OrderDelivery, (), (order))

// For coming back without a full handshake. Kept in memory only.
struct PskOffer {
  Bytes id;
  Secret key;
  std::int64_t expires = 0;
};
BOOST_DESCRIBE_STRUCT(PskOffer, (), (id, key, expires))

// What the appliance wants reported, and how often.
struct ReportSettings {
  std::uint32_t interval_seconds = 300;  // 0: no statistics
  std::vector<std::string> statistics;   // cpu, console_user, disk, uptime
};
BOOST_DESCRIBE_STRUCT(ReportSettings, (), (interval_seconds, statistics))

// --- agent or node to appliance ---------------------------------------------------------------------

struct Address {
  std::string address;  // "10.0.0.7" or "fe80::1"
  std::uint8_t prefix = 0;
};
BOOST_DESCRIBE_STRUCT(Address, (), (address, prefix))

// A default gateway.
struct Gateway {
  std::string address;             // empty: a link without one (point to point)
  std::optional<std::string> mac;  // unknown: nobody answered for it
};
BOOST_DESCRIBE_STRUCT(Gateway, (), (address, mac))

struct Interface {
  std::string name;
  std::string mac;  // "02:77:01:00:00:11", empty where there is none
  bool up = false;
  std::vector<Address> addresses;
  std::optional<std::string> gateway;  // the best of `gateways`, as older versions told it
  std::optional<std::string> gateway_mac;
  std::optional<std::string> kind;  // "vlan", "bridge", "bond", "tun", ...; absent: hardware, or not told
  std::optional<std::string> member_of;  // name of the bridge or bond above it
  std::optional<std::string> below;      // VLAN: name of the interface that carries it
  std::vector<Gateway> gateways;         // through it: of both families, best first
};
BOOST_DESCRIBE_STRUCT(Interface, (),
                      (name, mac, up, addresses, gateway, gateway_mac, kind, member_of, below, gateways))

// Sent after each welcome and on change.
struct Inventory {
  std::string hostname;
  std::string fqdn;
  std::string operating_system;  // "Debian GNU/Linux 12 (bookworm)"
  std::string architecture;
  std::string software_version;
  std::string private_ip;
  std::vector<Interface> interfaces;
  std::optional<std::string> session_user;
  std::vector<std::string> kinds;      // what the endpoint's own file allows: session kinds, wake, browse
  std::vector<std::string> abilities;  // of a node, tested at its start: ssh, telnet, tunnel, zone_proxy
};
BOOST_DESCRIBE_STRUCT(Inventory, (),
                      (hostname, fqdn, operating_system, architecture, software_version, private_ip,
                       interfaces, session_user, kinds, abilities))

// Of a node: its Jump Zone Proxy. Sent after each welcome, on change, and every minute while it listens.
struct ZoneProxyState {
  bool listening = false;
  std::string address;         // "host:port" as clients dial it
  std::string reason;          // why it does not listen
  std::uint32_t tunnels = 0;   // open now
  std::uint64_t accepted = 0;  // since its start
  std::uint64_t refused = 0;
  std::uint64_t bytes = 0;  // both ways
  std::vector<std::string> warnings;
};
BOOST_DESCRIBE_STRUCT(ZoneProxyState, (),
                      (listening, address, reason, tunnels, accepted, refused, bytes, warnings))

struct Disk {
  std::string mount;
  std::uint64_t total = 0;  // bytes
  std::uint64_t used = 0;
};
BOOST_DESCRIBE_STRUCT(Disk, (), (mount, total, used))

struct Statistics {
  std::optional<double> cpu_percent;
  std::optional<std::string> console_user;
  std::vector<Disk> disks;
  std::optional<std::uint64_t> uptime_seconds;
};
BOOST_DESCRIBE_STRUCT(Statistics, (), (cpu_percent, console_user, disks, uptime_seconds))

// How the supervisor answered an order that starts a session.
struct SessionStart {
  SessionId session{};
  bool started = false;
  std::string text;  // why not
};
BOOST_DESCRIBE_STRUCT(SessionStart, (), (session, started, text))

// What a helper process said that an order started: common/wake/messages.h, common/wake/browsing.h.
enum class HelperJob { wake, browse };
BOOST_DESCRIBE_ENUM(HelperJob, wake, browse)

struct JobReport {
  HelperJob job = HelperJob::wake;
  std::uint64_t number = 0;        // of the attempt or the sweep, as the order named it
  std::vector<json::value> lines;  // wake: one WakeReport; browse: BrowseLines, the last of all with an end
};
BOOST_DESCRIBE_STRUCT(JobReport, (), (job, number, lines))

// question → CertificateGrant
struct CertificateRequest {
  Bytes csr;  // PKCS#10, DER
};
BOOST_DESCRIBE_STRUCT(CertificateRequest, (), (csr))

struct CertificateGrant {
  std::string certificate;  // PEM
};
BOOST_DESCRIBE_STRUCT(CertificateGrant, (), (certificate))

// Sent by the local uninstall command; answered with an empty body.
struct Uninstalling {
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(Uninstalling, (), (reason))

// What the agent has taken over, so that the appliance can count (addresses, trust bundle serial) and tell
// what is newer.
struct Holdings {
  std::uint64_t trust_serial = 0;
  std::uint64_t addresses_serial = 0;
  std::optional<std::uint32_t> absence_minutes;  // as in identity::SettingsOrder; nodes have none
};
BOOST_DESCRIBE_STRUCT(Holdings, (), (trust_serial, addresses_serial, absence_minutes))

// --- console to appliance -----------------------------------------------------------------------------

enum class SessionKind { shell, exec, files, sysinfo, forward };
BOOST_DESCRIBE_ENUM(SessionKind, shell, exec, files, sysinfo, forward)

// A machine of a Jumpoint's network that is no asset (PRODUCT.md 5.6).
struct AdHocTarget {
  std::uint64_t jumpoint = 0;
  std::string host;              // 1-128: name or address, resolved by the node
  std::string protocol = "ssh";  // ssh, telnet
  std::uint16_t port = 0;        // 0: the protocol's
  std::string username;          // empty: asked for
};
BOOST_DESCRIBE_STRUCT(AdHocTarget, (), (jumpoint, host, protocol, port, username))

// question → SessionOpened. The same id again joins (same user, same secret) or tells how it ended.
struct OpenSession {
  SessionId session{};
  std::uint64_t asset = 0;  // 0 with ad_hoc
  SessionKind kind = SessionKind::shell;
  Digest console_secret_hash{};  // SHA-256 of the secret that the console will attach with
  json::value arguments;         // common/session/messages.h: ShellStart, ExecStart, ...
  std::optional<AdHocTarget> ad_hoc;
};
BOOST_DESCRIBE_STRUCT(OpenSession, (), (session, asset, kind, console_secret_hash, arguments, ad_hoc))

struct SessionOpened {
  std::uint32_t wait_limit_seconds = 600;
  std::string endpoint;  // "web-01 (agent:17)"
  bool recorded = true;
};
BOOST_DESCRIBE_STRUCT(SessionOpened, (), (wait_limit_seconds, endpoint, recorded))

// question → SessionOpened. Another console of the owner takes a session over, with a secret of its own.
struct TakeOverSession {
  SessionId session{};
  Digest console_secret_hash{};
};
BOOST_DESCRIBE_STRUCT(TakeOverSession, (), (session, console_secret_hash))

// question → empty. By the owner or an administrator.
struct EndSession {
  SessionId session{};
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(EndSession, (), (session, reason))

// An answer without content.
struct Done {
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(Done, (), (note))

// An answer that is a failure.
struct Failure {
  std::string code;  // name of a jump::Fault, "refused"
  std::string text;  // for the person
};
BOOST_DESCRIBE_STRUCT(Failure, (), (code, text))

}  // namespace jump::control
