// Jump Clients: the assets that have an agent. 100,000 of them is the size: nothing here but
// remove_group-wide work is linear in their number.
//
// Assets: what people edit and search for, with the text index. Agents: what changes by the second (small
// rows, written in batches), and the reports. Usually there is one agent for one asset, and both have the
// same id; a copied asset (PRODUCT.md 8.5) shares its agent with the original: JumpClient::agent. list() and
// get() join both.
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
#include "tools/appliance/store/asset.h"
#include "tools/appliance/store/db.h"
#include "tools/appliance/store/page.h"

namespace jump::store {

struct JumpClient {
  std::int64_t id = 0;
  std::int64_t jump_group_id = 0;
  GroupType jump_group_type = GroupType::shared;
  std::string name;
  std::string hostname;
  std::string fqdn;
  std::string tag;
  std::string comments;
  std::optional<std::int64_t> jump_policy_id;
  std::optional<std::int64_t> attended_session_policy_id;
  std::optional<std::int64_t> unattended_session_policy_id;
  std::string public_site_address;
  std::string support_button_profile_code_name;
  std::string support_button_direct_queue;
  StartMode customer_client_start_mode = StartMode::normal;
  bool is_quiet = false;
  InstallMode install_mode = InstallMode::service;
  ConnectionType connection_type = ConnectionType::active;
  std::int32_t max_offline_minutes = 0;
  bool ephemeral = false;
  bool disabled = false;
  std::string operating_system;
  std::string software_version;
  std::string public_ip;
  std::string private_ip;
  std::string console_user;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> installer;  // that it was deployed with
  std::string certificate_serial;         // the present one, hex
  std::int64_t agent = 0;  // id in its certificate (jump:agent/17), in presence and in the status
  // The Jumpoint through whose Jump Zone Proxies it comes (it was deployed so).
  std::optional<std::int64_t> zone_jumpoint;
};
BOOST_DESCRIBE_STRUCT(JumpClient, (),
                      (id, jump_group_id, jump_group_type, name, hostname, fqdn, tag, comments,
                       jump_policy_id, attended_session_policy_id, unattended_session_policy_id,
                       public_site_address, support_button_profile_code_name, support_button_direct_queue,
                       customer_client_start_mode, is_quiet, install_mode, connection_type,
                       max_offline_minutes, ephemeral, disabled, operating_system, software_version,
                       public_ip, private_ip, console_user, created_at, installer, certificate_serial, agent,
                       zone_jumpoint))

struct JumpClientStatus {
  bool online = false;  // as last written; the truth is in presence
  std::optional<std::int64_t> last_seen;
  std::optional<std::int64_t> last_connect_timestamp;
  std::optional<std::int64_t> last_disconnect_timestamp;
  std::optional<std::int64_t> last_access_timestamp;
  std::optional<std::int64_t>
      offline_run;  // run time of the appliance (s) when it was last there; none: online
  std::string route;
  std::string boot_id;
  std::uint64_t trust_serial = 0;  // what the agent holds
  std::uint64_t addresses_serial = 0;
  std::optional<std::int64_t>
      enrol_approved_until;  // an administrator's leave to adopt or clone it, seconds since 1970
};
BOOST_DESCRIBE_STRUCT(JumpClientStatus, (),
                      (online, last_seen, last_connect_timestamp, last_disconnect_timestamp,
                       last_access_timestamp, offline_run, route, boot_id, trust_serial, addresses_serial,
                       enrol_approved_until))

struct JumpClientRow : JumpClient, JumpClientStatus {};
BOOST_DESCRIBE_STRUCT(JumpClientRow, (JumpClient, JumpClientStatus), ())

struct JumpClientReport {
  json::value inventory;  // control::Inventory, or null
  std::optional<std::int64_t> inventory_at;
  json::value statistics;  // control::Statistics, or null
  std::optional<std::int64_t> statistics_at;
};
BOOST_DESCRIBE_STRUCT(JumpClientReport, (), (inventory, inventory_at, statistics, statistics_at))

// What a search gives at most: who finds more searches on, and a common word must not cost a walk over all
// assets.
inline constexpr std::int64_t kSearchMost = 1000;

// All that are given must match: the fields exactly but for case, each word of `search` (at most 8) as a part
// of any searched field or of the group's name. With `search` at most kSearchMost are found and counted.
struct JumpClientFilter {
  std::optional<std::string> name;
  std::optional<std::string> hostname;
  std::optional<std::string> fqdn;
  std::optional<std::string> tag;
  std::optional<std::int64_t> jump_group_id;
  std::optional<GroupType> jump_group_type;
  std::optional<std::string> console_user;
  std::optional<std::string> public_ip;
  std::optional<std::string> private_ip;
  std::optional<ConnectionType> connection_type;
  std::optional<bool> online;
  std::optional<std::int64_t> offline_before_run;      // lost: last there at or before this run time
  std::optional<std::int64_t> not_offline_before_run;  // the others: online, or away for less
  std::string search;
  std::optional<std::int64_t> visible_to;  // a user: his groups and his personal list; empty: all
};

// One sign of life or change of presence, collected by the caller and written in one transaction a second.
struct PresenceChange {
  enum class Kind { seen, connected, disconnected };
  std::int64_t agent = 0;
  Kind kind = Kind::seen;
  std::int64_t at = 0;   // seconds since 1970
  std::int64_t run = 0;  // run time of the appliance, seconds; for disconnected
  std::string route;     // the rest for connected
  std::string boot_id;
  std::string public_ip;
  std::string software_version;
};

struct FingerprintPart {
  std::string name;  // "dmi_uuid"
  std::string digest;
};
BOOST_DESCRIBE_STRUCT(FingerprintPart, (), (name, digest))

struct Tombstone {
  std::int64_t id = 0;  // of the agent
  std::string name;
  std::int64_t removed_at = 0;
  std::string removed_by;
  bool pending_uninstall = true;
};
BOOST_DESCRIBE_STRUCT(Tombstone, (), (id, name, removed_at, removed_by, pending_uninstall))

// An agent that has been away, as the absence rule wants it (api/absence.h).
struct Absent {
  std::int64_t agent = 0;
  std::string name;  // of its asset
  std::int64_t offline_run = 0;
  std::optional<std::int64_t> own_period;  // seconds; none: the site's
};
BOOST_DESCRIBE_STRUCT(Absent, (), (agent, name, offline_run, own_period))

inline constexpr std::int64_t kEphemeralSeconds = 300;

class JumpClients {
 public:
  explicit JumpClients(Db& db) : db_(db) {}

  // A new agent with its asset. Offline from `run` on, until it connects.
  Result<JumpClient> create(JumpClient client, std::int64_t run);
  // Another asset of the same agent.
  Result<JumpClient> copy(std::int64_t id, std::int64_t group, GroupType type, std::int64_t now);
  Result<std::optional<JumpClientRow>> get(std::int64_t id);
  // Its assets, the oldest first; none: unknown or removed.
  Result<std::vector<JumpClientRow>> of_agent(std::int64_t agent);
  Result<Rows<JumpClientRow>> list(const JumpClientFilter& filter, const Page& page);
  Result<std::int64_t> agents();
  // disabled, ephemeral and max_offline_minutes are the agent's: its other assets follow.
  Result<void> change(const JumpClient& client);
  enum class Removed { nothing, copy, agent };
  // With its last asset an agent goes too and leaves a tombstone: it is told to uninstall whenever it comes
  // back.
  Result<Removed> remove(std::int64_t id, std::string_view by, std::int64_t now);
  // All of its assets. pending_uninstall: false when it said itself that it is uninstalled.
  Result<bool> remove_agent(std::int64_t agent, std::string_view by, std::int64_t now,
                            bool pending_uninstall = true);
  Result<std::optional<Tombstone>> tombstone(std::int64_t agent);
  Result<void> uninstalled_after_removal(std::int64_t agent);

  // From here on by agent.
  Result<void> write_presence(std::span<const PresenceChange> changes);
  // At start: nobody is connected; who was online is offline from `run` on.
  Result<void> all_offline(std::int64_t run, std::int64_t now);
  Result<void> set_uninstalled(std::int64_t agent);
  Result<void> set_certificate(std::int64_t agent, std::string_view serial);
  // Installed again: active, no longer uninstalled, under this host name.
  Result<void> set_installed(std::int64_t agent, std::string_view hostname,
                             std::string_view operating_system);
  Result<void> approve_enrolment(std::int64_t agent, std::optional<std::int64_t> until);
  Result<void> note_access(std::int64_t agent, std::int64_t now);
  Result<void> note_holdings(std::int64_t agent, std::uint64_t trust_serial, std::uint64_t addresses_serial);
  // How many agents hold at least this serial.
  Result<std::int64_t> holding_trust(std::uint64_t serial);
  Result<std::int64_t> holding_addresses(std::uint64_t serial);

  // What is searched for is copied into the assets.
  struct Known {
    std::string hostname, fqdn, operating_system, software_version, private_ip;
  };
  Result<void> set_inventory(std::int64_t agent, const Known& known, const json::value& inventory,
                             std::int64_t now);
  Result<void> set_statistics(std::int64_t agent, const std::optional<std::string>& console_user,
                              const json::value& statistics, std::int64_t now);
  Result<JumpClientReport> report(std::int64_t agent);

  Result<void> set_fingerprint(std::int64_t agent, std::span<const FingerprintPart> parts);
  Result<std::vector<FingerprintPart>> fingerprint(std::int64_t agent);
  // Agents that share at least one part, the one with the most in front; at most 16.
  Result<std::vector<std::int64_t>> sharing_fingerprint(std::span<const FingerprintPart> parts);

  // Offline and due for removal at `run` seconds of run time or before, by their own period or by the site's;
  // the longest due in front, at most `limit`.
  Result<std::vector<Absent>> absent(std::int64_t run, std::int64_t site_seconds, std::int64_t limit);
  Result<std::int64_t> absent_count(std::int64_t run, std::int64_t site_seconds);

 private:
  Db& db_;
};

}  // namespace jump::store
