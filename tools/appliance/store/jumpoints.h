// Jumpoints, their nodes, and who may create assets on them (PRODUCT.md 5).
//
// A Jumpoint's configuration stands here, not on its nodes: they are told. Node ids are a sequence of their
// own (jump:node/3 in certificates).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "common/base/json.h"
#include "tools/appliance/store/db.h"
#include "tools/appliance/store/endpoint.h"
#include "tools/appliance/store/jump_clients.h"
#include "tools/appliance/store/page.h"

namespace jump::store {

// no_restriction; allow_all: all but the listed ones; deny_all: the listed ones only.
enum class Restriction { no_restriction, allow_all, deny_all };
BOOST_DESCRIBE_ENUM(Restriction, no_restriction, allow_all, deny_all)

struct Jumpoint {
  std::int64_t id = 0;
  std::string name;       // unique without regard to case
  std::string platform;   // windows-x86, linux-x86
  std::string code_name;  // unique; made from the name when empty
  std::string comments;
  bool enabled = true;
  bool clustered = false;
  bool shell_jump_enabled = false;
  bool protocol_tunnel_jump_enabled = false;
  std::string external_jump_item_network_id;
  bool jzp_enabled = false;
  std::string jzp_proxy_hostname;  // empty: each node finds its own
  std::int32_t jzp_proxy_port = 9555;
  bool jzp_allow_http_get = false;
  Restriction jzp_client_address_restrictions_type = Restriction::no_restriction;
  std::vector<std::string> jzp_restricted_ips;
  std::string installer_id;  // 32 hex digits; stands in the deployment key, another one after redeploy
  std::int64_t created_at = 0;
};
BOOST_DESCRIBE_STRUCT(Jumpoint, (),
                      (id, name, platform, code_name, comments, enabled, clustered, shell_jump_enabled,
                       protocol_tunnel_jump_enabled, external_jump_item_network_id, jzp_enabled,
                       jzp_proxy_hostname, jzp_proxy_port, jzp_allow_http_get,
                       jzp_client_address_restrictions_type, jzp_restricted_ips, installer_id, created_at))

struct JumpointFilter {
  std::optional<std::string> name;
  std::optional<std::string> code_name;
  std::optional<std::string> hostname;  // of one of its nodes; the addresses too
  std::optional<std::string> public_ip;
  std::optional<std::string> private_ip;
  std::optional<std::int64_t> visible_to;  // a user who is on it; empty: all
};

struct Node {
  std::int64_t id = 0;
  std::int64_t jumpoint_id = 0;
  std::string hostname;
  std::string tag;        // assets may ask for nodes with one
  bool draining = false;  // gets no new sessions; those that run go on
  std::string public_ip;
  std::string private_ip;
  std::string operating_system;
  std::string software_version;
  std::vector<std::string> abilities;  // tested at its start: ssh, telnet, tunnel, zone_proxy
  bool online = false;                 // as last written; the truth is in presence
  std::optional<std::int64_t> last_seen;
  std::optional<std::int64_t> last_connect_timestamp;
  std::optional<std::int64_t> last_disconnect_timestamp;
  std::string route;
  std::string boot_id;
  std::string certificate_serial;
  json::value zone_proxy;  // control::ZoneProxyState as last told, or null
  std::int64_t created_at = 0;
};
BOOST_DESCRIBE_STRUCT(Node, (),
                      (id, jumpoint_id, hostname, tag, draining, public_ip, private_ip, operating_system,
                       software_version, abilities, online, last_seen, last_connect_timestamp,
                       last_disconnect_timestamp, route, boot_id, certificate_serial, zone_proxy, created_at))

class Jumpoints {
 public:
  explicit Jumpoints(Db& db) : db_(db) {}

  Result<Jumpoint> create(Jumpoint jumpoint, ByteView secret_hash);
  Result<std::optional<Jumpoint>> get(std::int64_t id);
  // By code name, name or number, as people write it.
  Result<std::optional<Jumpoint>> by_name(std::string_view name);
  Result<std::optional<Jumpoint>> by_installer_id(std::string_view installer_id);
  Result<Bytes> secret_hash(std::int64_t id);
  Result<Rows<Jumpoint>> list(const JumpointFilter& filter, const Page& page);
  Result<void> change(Jumpoint jumpoint);
  // A new deployment key; the old one enrols nobody from now on.
  Result<void> set_key(std::int64_t id, std::string_view installer_id, ByteView secret_hash);
  // Refused while assets are on it. Its nodes go too and leave tombstones.
  Result<void> remove(std::int64_t id, std::string_view by, std::int64_t now);

  Result<Rows<std::int64_t>> users(std::int64_t jumpoint, const Page& page);
  Result<bool> has_user(std::int64_t jumpoint, std::int64_t user);
  Result<void> add_user(std::int64_t jumpoint, std::int64_t user);
  Result<bool> remove_user(std::int64_t jumpoint, std::int64_t user);

  Result<Node> create_node(Node node);
  Result<std::optional<Node>> node(std::int64_t id);
  Result<Rows<Node>> nodes(std::int64_t jumpoint, const Page& page);
  Result<std::vector<Node>> all_nodes(std::int64_t jumpoint);
  Result<void> set_node_tag(std::int64_t id, std::string_view tag);
  Result<void> set_node_draining(std::int64_t id, bool draining);
  // Leaves a tombstone: it is told to uninstall whenever it comes back.
  Result<bool> remove_node(std::int64_t id, std::string_view by, std::int64_t now,
                           bool pending_uninstall = true);
  Result<std::optional<Tombstone>> node_tombstone(std::int64_t id);

  // `agent` of each change is the node's id.
  Result<void> write_presence(std::span<const PresenceChange> changes);
  Result<void> all_offline(std::int64_t now);
  Result<void> set_node_certificate(std::int64_t id, std::string_view serial);
  Result<void> set_node_installed(std::int64_t id, std::string_view hostname,
                                  std::string_view operating_system);
  Result<void> set_node_inventory(std::int64_t id, const JumpClients::Known& known,
                                  const std::vector<std::string>& abilities, const json::value& inventory);
  Result<json::value> node_inventory(std::int64_t id);
  Result<void> note_node_holdings(std::int64_t id, std::uint64_t trust_serial,
                                  std::uint64_t addresses_serial);
  Result<void> set_zone_proxy(std::int64_t id, const json::value& state);
  // "host:port" of every node whose proxy listened when it last told, in the order of their ids, each once.
  Result<std::vector<std::string>> zone_proxies(std::int64_t jumpoint);

  Result<void> set_node_fingerprint(std::int64_t id, std::span<const FingerprintPart> parts);
  Result<std::vector<FingerprintPart>> node_fingerprint(std::int64_t id);

 private:
  Db& db_;
};

}  // namespace jump::store
