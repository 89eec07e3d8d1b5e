#include "tools/appliance/store/schema.h"

#include <array>

#include "tools/appliance/store/rows.h"

namespace jump::store {
namespace {

// Times are seconds since 1970; columns have the names of the structs' members (rows.h). Ids are never used
// twice (AUTOINCREMENT), because certificates, recordings and customers' scripts hold them.
constexpr const char* kPeople = R"sql(
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  security_provider_id INTEGER NOT NULL,
  display_number INTEGER NOT NULL,
  username TEXT NOT NULL COLLATE NOCASE UNIQUE,
  public_display_name TEXT NOT NULL,
  private_display_name TEXT NOT NULL,
  password_expiration INTEGER,
  email_address TEXT NOT NULL COLLATE NOCASE,
  preferred_email_language TEXT NOT NULL,
  two_factor_required INTEGER NOT NULL,
  enabled INTEGER NOT NULL,
  last_authentication INTEGER,
  failed_logins INTEGER NOT NULL,
  password_reset_next_login INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  perm_admin INTEGER NOT NULL,
  password_hash TEXT NOT NULL DEFAULT ''
);

CREATE TABLE api_accounts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  comments TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  ip_addresses TEXT NOT NULL,
  client_id TEXT NOT NULL UNIQUE,
  failed_login_attempts INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  perm_command TEXT NOT NULL,
  perm_reporting_support INTEGER NOT NULL,
  perm_reporting_license INTEGER NOT NULL,
  perm_reporting_archive INTEGER NOT NULL,
  perm_reporting_vault INTEGER NOT NULL,
  perm_reporting_jump_item INTEGER NOT NULL,
  perm_reporting_syslog INTEGER NOT NULL,
  perm_backup INTEGER NOT NULL,
  perm_vault_backup INTEGER NOT NULL,
  perm_real_time_state INTEGER NOT NULL,
  perm_ecm INTEGER NOT NULL,
  perm_configuration INTEGER NOT NULL,
  perm_configuration_vault_account INTEGER NOT NULL,
  secret_hash BLOB NOT NULL DEFAULT x''
);

CREATE TABLE tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
  account_id INTEGER REFERENCES api_accounts (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used INTEGER,
  last_address TEXT NOT NULL,
  hash BLOB NOT NULL UNIQUE
);
CREATE INDEX tokens_of_user ON tokens (user_id, id);
CREATE INDEX tokens_of_account ON tokens (account_id, id);
CREATE INDEX tokens_by_expiry ON tokens (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE jump_groups (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  code_name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  comments TEXT,
  searched_upto INTEGER
);
-- searched_upto: a renamed group's assets are in the text index under the new name up to this id; NULL: all of them.
CREATE INDEX jump_groups_to_index ON jump_groups (id) WHERE searched_upto IS NOT NULL;

CREATE TABLE jump_item_roles (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  description TEXT NOT NULL,
  perm_add INTEGER NOT NULL,
  perm_assign_jump_group INTEGER NOT NULL,
  perm_remove INTEGER NOT NULL,
  perm_start INTEGER NOT NULL,
  perm_edit_tag INTEGER NOT NULL,
  perm_edit_comments INTEGER NOT NULL,
  perm_edit_jump_policy INTEGER NOT NULL,
  perm_edit_session_policy INTEGER NOT NULL,
  perm_edit_identity INTEGER NOT NULL,
  perm_edit_behavior INTEGER NOT NULL,
  perm_view_jump_item_report INTEGER NOT NULL,
  perm_edit_public_portal INTEGER NOT NULL,
  perm_edit_support_button INTEGER NOT NULL
);
-- id 1 is what a user has by default where nothing else is said: nothing.
INSERT INTO jump_item_roles VALUES
  (1, 'No Access', 'Does not see the assets.', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
  (2, 'Administrator', 'Starts sessions and changes everything.', 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
  (3, 'Auditor', 'Sees the assets and their sessions and recordings; starts and changes nothing.',
   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0),
  (4, 'Start Sessions Only', 'Sees the assets and starts sessions with them.', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);

CREATE TABLE jump_group_users (
  jump_group_id INTEGER NOT NULL REFERENCES jump_groups (id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  jump_item_role_id INTEGER NOT NULL REFERENCES jump_item_roles (id),
  PRIMARY KEY (jump_group_id, user_id)
) WITHOUT ROWID;
CREATE INDEX jump_groups_of_user ON jump_group_users (user_id, jump_group_id, jump_item_role_id);

CREATE TABLE jump_policies (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  display_name TEXT NOT NULL,
  code_name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  description TEXT NOT NULL
);
)sql";

constexpr const char* kAssets = R"sql(
CREATE TABLE installers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  installer_id TEXT NOT NULL UNIQUE,
  jump_group_id INTEGER NOT NULL,
  jump_group_type TEXT NOT NULL,
  name TEXT NOT NULL COLLATE NOCASE,
  tag TEXT NOT NULL COLLATE NOCASE,
  comments TEXT NOT NULL,
  jump_policy_id INTEGER REFERENCES jump_policies (id) ON DELETE SET NULL,
  attended_session_policy_id INTEGER,
  unattended_session_policy_id INTEGER,
  public_site_address TEXT NOT NULL,
  support_button_profile_code_name TEXT NOT NULL,
  support_button_direct_queue TEXT NOT NULL,
  connection_type TEXT NOT NULL,
  customer_client_start_mode TEXT NOT NULL,
  max_offline_minutes INTEGER NOT NULL,
  ephemeral INTEGER NOT NULL,
  elevate_install INTEGER NOT NULL,
  elevate_prompt INTEGER NOT NULL,
  is_quiet INTEGER NOT NULL,
  jumpoint_proxy TEXT NOT NULL,
  allow_override_support_button_profile INTEGER NOT NULL,
  allow_override_support_button_direct_queue INTEGER NOT NULL,
  allow_override_jump_group INTEGER NOT NULL,
  allow_override_jump_policy INTEGER NOT NULL,
  allow_override_name INTEGER NOT NULL,
  allow_override_tag INTEGER NOT NULL,
  allow_override_comments INTEGER NOT NULL,
  allow_override_max_offline_minutes INTEGER NOT NULL,
  allow_override_attended_session_policy INTEGER NOT NULL,
  allow_override_unattended_session_policy INTEGER NOT NULL,
  valid_minutes INTEGER NOT NULL,
  expiration_timestamp INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  used INTEGER NOT NULL,
  secret_hash BLOB NOT NULL DEFAULT x''
);
CREATE INDEX installers_of_group ON installers (jump_group_id);

-- What people edit and search for. Never written by a mere sign of life.
CREATE TABLE jump_clients (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  jump_group_id INTEGER NOT NULL,
  jump_group_type TEXT NOT NULL,
  name TEXT NOT NULL COLLATE NOCASE,
  hostname TEXT NOT NULL COLLATE NOCASE,
  fqdn TEXT NOT NULL COLLATE NOCASE,
  tag TEXT NOT NULL COLLATE NOCASE,
  comments TEXT NOT NULL,
  jump_policy_id INTEGER REFERENCES jump_policies (id) ON DELETE SET NULL,
  attended_session_policy_id INTEGER,
  unattended_session_policy_id INTEGER,
  public_site_address TEXT NOT NULL,
  support_button_profile_code_name TEXT NOT NULL,
  support_button_direct_queue TEXT NOT NULL,
  customer_client_start_mode TEXT NOT NULL,
  is_quiet INTEGER NOT NULL,
  install_mode TEXT NOT NULL,
  connection_type TEXT NOT NULL,
  max_offline_minutes INTEGER NOT NULL,
  ephemeral INTEGER NOT NULL,
  disabled INTEGER NOT NULL,
  operating_system TEXT NOT NULL,
  software_version TEXT NOT NULL,
  public_ip TEXT NOT NULL COLLATE NOCASE,
  private_ip TEXT NOT NULL COLLATE NOCASE,
  console_user TEXT NOT NULL COLLATE NOCASE,
  created_at INTEGER NOT NULL,
  installer INTEGER,
  certificate_serial TEXT NOT NULL,
  agent INTEGER NOT NULL
);
CREATE INDEX clients_by_agent ON jump_clients (agent);
CREATE INDEX clients_by_group ON jump_clients (jump_group_type, jump_group_id);
CREATE INDEX clients_by_name ON jump_clients (name);
CREATE INDEX clients_by_hostname ON jump_clients (hostname);
CREATE INDEX clients_by_fqdn ON jump_clients (fqdn);
CREATE INDEX clients_by_tag ON jump_clients (tag);
CREATE INDEX clients_by_public_ip ON jump_clients (public_ip);
CREATE INDEX clients_by_private_ip ON jump_clients (private_ip);
CREATE INDEX clients_by_console_user ON jump_clients (console_user);
CREATE INDEX clients_uninstalled ON jump_clients (connection_type) WHERE connection_type <> 'active';
CREATE INDEX clients_by_policy ON jump_clients (jump_policy_id) WHERE jump_policy_id IS NOT NULL;

-- One row for each agent (assets that are copies of each other share it), small, because it changes by the second.
-- offline_run: the appliance's run time when it was last there; NULL while it is online. own_period: seconds of
-- absence until removal; NULL: the site's.
CREATE TABLE jump_client_status (
  id INTEGER PRIMARY KEY,
  online INTEGER NOT NULL,
  last_seen INTEGER,
  last_connect_timestamp INTEGER,
  last_disconnect_timestamp INTEGER,
  last_access_timestamp INTEGER,
  offline_run INTEGER,
  route TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  trust_serial INTEGER NOT NULL,
  addresses_serial INTEGER NOT NULL,
  enrol_approved_until INTEGER,
  own_period INTEGER
);
CREATE INDEX status_online ON jump_client_status (online) WHERE online;
CREATE INDEX status_offline_run ON jump_client_status (offline_run) WHERE offline_run IS NOT NULL;
CREATE INDEX status_own_due ON jump_client_status (offline_run + own_period)
  WHERE offline_run IS NOT NULL AND own_period IS NOT NULL;
CREATE INDEX status_site_due ON jump_client_status (offline_run)
  WHERE offline_run IS NOT NULL AND own_period IS NULL;
CREATE INDEX status_by_trust ON jump_client_status (trust_serial);
CREATE INDEX status_by_addresses ON jump_client_status (addresses_serial);

CREATE TABLE jump_client_reports (
  id INTEGER PRIMARY KEY REFERENCES jump_client_status (id) ON DELETE CASCADE,
  inventory TEXT NOT NULL DEFAULT 'null',
  inventory_at INTEGER,
  statistics TEXT NOT NULL DEFAULT 'null',
  statistics_at INTEGER
);

-- A machine's fingerprint, one row for each part, so that the assets that share one are found at once.
CREATE TABLE fingerprint_parts (
  agent INTEGER NOT NULL REFERENCES jump_client_status (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (agent, name, digest)
) WITHOUT ROWID;
CREATE INDEX fingerprints_by_digest ON fingerprint_parts (digest, name);

-- A removed agent: says hello, gets its uninstall order, and nothing else.
CREATE TABLE tombstones (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  removed_at INTEGER NOT NULL,
  removed_by TEXT NOT NULL,
  pending_uninstall INTEGER NOT NULL
);

CREATE TABLE certificates (
  serial TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  peer INTEGER NOT NULL,
  issued_at INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  revoked_at INTEGER,
  reason TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX certificates_of_peer ON certificates (kind, peer);
CREATE INDEX certificates_revoked ON certificates (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX certificates_by_expiry ON certificates (not_after);

-- The search over text. Trigrams: any part of at least three characters, without regard to case.
CREATE VIRTUAL TABLE client_search USING fts5 (
  name, hostname, fqdn, comments, tag, private_ip, public_ip, console_user, group_name, tokenize = 'trigram'
);
CREATE TRIGGER client_search_insert AFTER INSERT ON jump_clients BEGIN
  INSERT INTO client_search
    (rowid, name, hostname, fqdn, comments, tag, private_ip, public_ip, console_user, group_name)
  VALUES (new.id, new.name, new.hostname, new.fqdn, new.comments, new.tag, new.private_ip, new.public_ip,
          new.console_user, iif(new.jump_group_type = 'shared',
                                (SELECT name FROM jump_groups WHERE id = new.jump_group_id), ''));
END;
CREATE TRIGGER client_search_delete AFTER DELETE ON jump_clients BEGIN
  DELETE FROM client_search WHERE rowid = old.id;
END;
CREATE TRIGGER client_search_update AFTER UPDATE OF
  name, hostname, fqdn, comments, tag, private_ip, public_ip, console_user, jump_group_id, jump_group_type
  ON jump_clients
WHEN (new.name, new.hostname, new.fqdn, new.comments) IS NOT (old.name, old.hostname, old.fqdn, old.comments)
  OR (new.tag, new.private_ip, new.public_ip, new.console_user)
     IS NOT (old.tag, old.private_ip, old.public_ip, old.console_user)
  OR (new.jump_group_id, new.jump_group_type) IS NOT (old.jump_group_id, old.jump_group_type)
BEGIN
  UPDATE client_search SET name = new.name, hostname = new.hostname, fqdn = new.fqdn, comments = new.comments,
    tag = new.tag, private_ip = new.private_ip, public_ip = new.public_ip, console_user = new.console_user,
    group_name = iif(new.jump_group_type = 'shared',
                     (SELECT name FROM jump_groups WHERE id = new.jump_group_id), '')
  WHERE rowid = old.id;
END;
)sql";

constexpr const char* kWork = R"sql(
-- No references: a session's row outlives its asset and its user.
CREATE TABLE sessions (
  id BLOB PRIMARY KEY,
  number INTEGER NOT NULL UNIQUE,
  asset INTEGER NOT NULL,
  agent INTEGER NOT NULL,
  asset_name TEXT NOT NULL,
  jump_group_id INTEGER NOT NULL,
  jump_group_type TEXT NOT NULL,
  user_id INTEGER NOT NULL,
  username TEXT NOT NULL,
  kind TEXT NOT NULL,
  arguments TEXT NOT NULL,
  endpoint_secret_hash BLOB NOT NULL,
  console_secret_hash BLOB NOT NULL,
  console_instance BLOB,
  console_attach_count INTEGER NOT NULL,
  endpoint_boot_id TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  reason TEXT NOT NULL,
  wait_limit_seconds INTEGER NOT NULL,
  recording TEXT NOT NULL,
  recording_bytes INTEGER NOT NULL,
  node INTEGER
) WITHOUT ROWID;
CREATE INDEX sessions_live ON sessions (number) WHERE state <> 'ended';
CREATE INDEX sessions_live_of_asset ON sessions (asset) WHERE state <> 'ended';
CREATE INDEX sessions_live_of_agent ON sessions (agent) WHERE state <> 'ended';
CREATE INDEX sessions_live_of_user ON sessions (user_id) WHERE state <> 'ended';
CREATE INDEX sessions_of_asset ON sessions (asset, number);
CREATE INDEX sessions_of_user ON sessions (user_id, number);
CREATE INDEX sessions_of_group ON sessions (jump_group_type, jump_group_id, number);
CREATE INDEX sessions_recorded ON sessions (ended_at) WHERE recording <> '' AND state = 'ended';

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  source TEXT NOT NULL,
  what TEXT NOT NULL,
  object TEXT NOT NULL,
  result TEXT NOT NULL,
  text TEXT NOT NULL,
  details TEXT NOT NULL
);
CREATE INDEX events_by_time ON events (at);
CREATE INDEX events_by_what ON events (what);
CREATE INDEX events_by_who ON events (who);
CREATE INDEX events_by_object ON events (object);
CREATE TRIGGER events_stay AFTER UPDATE ON events BEGIN
  SELECT RAISE (ABORT, 'events are never changed');
END;
)sql";

// Foreign keys only where the row below makes no sense without the one above, or is refused while it is used.
constexpr const char* kJumpoints = R"sql(
CREATE TABLE assets (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL);
INSERT INTO assets SELECT id, 'jump_client' FROM jump_clients;
-- Ids that were given before and are gone must not come again: the sequence goes on above them.
INSERT INTO assets SELECT seq, 'gone' FROM sqlite_sequence
  WHERE name = 'jump_clients' AND seq > 0 AND seq NOT IN (SELECT id FROM assets);
DELETE FROM assets WHERE kind = 'gone';
CREATE TRIGGER assets_clients AFTER DELETE ON jump_clients BEGIN
  DELETE FROM assets WHERE id = old.id;
END;

CREATE TABLE jumpoints (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  platform TEXT NOT NULL,
  code_name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  comments TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  clustered INTEGER NOT NULL,
  shell_jump_enabled INTEGER NOT NULL,
  protocol_tunnel_jump_enabled INTEGER NOT NULL,
  external_jump_item_network_id TEXT NOT NULL,
  jzp_enabled INTEGER NOT NULL,
  jzp_proxy_hostname TEXT NOT NULL,
  jzp_proxy_port INTEGER NOT NULL,
  jzp_allow_http_get INTEGER NOT NULL,
  jzp_client_address_restrictions_type TEXT NOT NULL,
  jzp_restricted_ips TEXT NOT NULL,
  installer_id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  secret_hash BLOB NOT NULL DEFAULT x''
);
CREATE TABLE jumpoint_users (
  jumpoint_id INTEGER NOT NULL REFERENCES jumpoints (id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  PRIMARY KEY (jumpoint_id, user_id)
) WITHOUT ROWID;
CREATE INDEX jumpoints_of_user ON jumpoint_users (user_id, jumpoint_id);

CREATE TABLE jumpoint_nodes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  jumpoint_id INTEGER NOT NULL REFERENCES jumpoints (id) ON DELETE CASCADE,
  hostname TEXT NOT NULL COLLATE NOCASE,
  tag TEXT NOT NULL COLLATE NOCASE,
  public_ip TEXT NOT NULL COLLATE NOCASE,
  private_ip TEXT NOT NULL COLLATE NOCASE,
  operating_system TEXT NOT NULL,
  software_version TEXT NOT NULL,
  abilities TEXT NOT NULL,
  online INTEGER NOT NULL,
  last_seen INTEGER,
  last_connect_timestamp INTEGER,
  last_disconnect_timestamp INTEGER,
  route TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  certificate_serial TEXT NOT NULL,
  zone_proxy TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  trust_serial INTEGER NOT NULL DEFAULT 0,
  addresses_serial INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX nodes_of_jumpoint ON jumpoint_nodes (jumpoint_id, id);
CREATE TABLE node_fingerprint_parts (
  node INTEGER NOT NULL REFERENCES jumpoint_nodes (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (node, name, digest)
) WITHOUT ROWID;
CREATE TABLE node_tombstones (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  removed_at INTEGER NOT NULL,
  removed_by TEXT NOT NULL,
  pending_uninstall INTEGER NOT NULL
);

CREATE TABLE vault_accounts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  type TEXT NOT NULL,
  name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  username TEXT NOT NULL,
  description TEXT NOT NULL,
  private_key_public_cert TEXT,
  account_group_id INTEGER NOT NULL,
  account_policy TEXT,
  created_at INTEGER NOT NULL,
  sealed BLOB NOT NULL DEFAULT x''
);

CREATE TABLE jump_items (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL COLLATE NOCASE,
  jumpoint_id INTEGER NOT NULL REFERENCES jumpoints (id),
  hostname TEXT NOT NULL COLLATE NOCASE,
  jump_group_id INTEGER NOT NULL,
  jump_group_type TEXT NOT NULL,
  tag TEXT NOT NULL COLLATE NOCASE,
  comments TEXT NOT NULL,
  jump_policy_id INTEGER REFERENCES jump_policies (id) ON DELETE SET NULL,
  session_policy_id INTEGER,
  username TEXT NOT NULL,
  vault_account_id INTEGER REFERENCES vault_accounts (id),
  node_id INTEGER REFERENCES jumpoint_nodes (id) ON DELETE SET NULL,
  node_tag TEXT NOT NULL COLLATE NOCASE,
  created_at INTEGER NOT NULL,
  last_access_timestamp INTEGER,
  protocol TEXT NOT NULL,
  port INTEGER NOT NULL,
  terminal TEXT NOT NULL,
  keep_alive INTEGER NOT NULL,
  legacy_algorithms INTEGER NOT NULL,
  environment TEXT NOT NULL,
  filter_mode TEXT NOT NULL,
  filter_prompt TEXT NOT NULL,
  filter_allow TEXT NOT NULL,
  filter_deny TEXT NOT NULL,
  login_prompt_username TEXT NOT NULL,
  login_prompt_password TEXT NOT NULL,
  login_prompt_seconds INTEGER NOT NULL,
  tunnel_listen_address TEXT NOT NULL,
  tunnel_definitions TEXT NOT NULL,
  tunnel_type TEXT NOT NULL,
  database TEXT NOT NULL,
  url TEXT NOT NULL,
  ca_certificates TEXT NOT NULL
);
CREATE INDEX items_by_group ON jump_items (jump_group_type, jump_group_id);
CREATE INDEX items_by_jumpoint ON jump_items (jumpoint_id);
CREATE INDEX items_by_name ON jump_items (kind, name);
CREATE INDEX items_by_account ON jump_items (vault_account_id) WHERE vault_account_id IS NOT NULL;
CREATE INDEX items_by_policy ON jump_items (jump_policy_id) WHERE jump_policy_id IS NOT NULL;
CREATE INDEX items_by_node ON jump_items (node_id) WHERE node_id IS NOT NULL;
CREATE TRIGGER assets_items AFTER DELETE ON jump_items BEGIN
  DELETE FROM assets WHERE id = old.id;
END;

CREATE TABLE host_keys (
  asset INTEGER NOT NULL REFERENCES jump_items (id) ON DELETE CASCADE,
  host_key TEXT NOT NULL,
  added_at INTEGER NOT NULL,
  added_by TEXT NOT NULL,
  PRIMARY KEY (asset, host_key)
) WITHOUT ROWID;

ALTER TABLE jump_clients ADD COLUMN zone_jumpoint INTEGER REFERENCES jumpoints (id) ON DELETE SET NULL;
CREATE INDEX clients_by_zone ON jump_clients (zone_jumpoint) WHERE zone_jumpoint IS NOT NULL;
ALTER TABLE sessions ADD COLUMN node_name TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN asset_kind TEXT NOT NULL DEFAULT 'jump_client';
)sql";

constexpr const char* kNetworks = R"sql(
-- common/wake/network.h, network_keys(): machines that share none of these share no network.
CREATE TABLE agent_networks (
  key TEXT NOT NULL,
  agent INTEGER NOT NULL REFERENCES jump_client_status (id) ON DELETE CASCADE,
  PRIMARY KEY (key, agent)
) WITHOUT ROWID;
CREATE INDEX networks_of_agent ON agent_networks (agent);
CREATE TABLE node_networks (
  key TEXT NOT NULL,
  node INTEGER NOT NULL REFERENCES jumpoint_nodes (id) ON DELETE CASCADE,
  PRIMARY KEY (key, node)
) WITHOUT ROWID;
CREATE INDEX networks_of_node ON node_networks (node);
ALTER TABLE jumpoint_nodes ADD COLUMN inventory TEXT NOT NULL DEFAULT 'null';

ALTER TABLE jump_item_roles ADD COLUMN perm_wake INTEGER NOT NULL DEFAULT 0;
UPDATE jump_item_roles SET perm_wake = perm_start;

-- Host keys of machines that are no assets, confirmed by somebody who is on the Jumpoint.
CREATE TABLE ad_hoc_host_keys (
  jumpoint INTEGER NOT NULL REFERENCES jumpoints (id) ON DELETE CASCADE,
  host TEXT NOT NULL COLLATE NOCASE,
  port INTEGER NOT NULL,
  host_key TEXT NOT NULL,
  added_at INTEGER NOT NULL,
  added_by TEXT NOT NULL,
  PRIMARY KEY (jumpoint, host, port, host_key)
) WITHOUT ROWID;
)sql";

constexpr const char* kDraining = R"sql(
ALTER TABLE jumpoint_nodes ADD COLUMN draining INTEGER NOT NULL DEFAULT 0;
)sql";

struct Step {
  int version;
  std::array<const char*, 3> scripts;
};
constexpr Step kSteps[] = {{1, {kPeople, kAssets, kWork}},
                           {2, {kJumpoints, nullptr, nullptr}},
                           {3, {kNetworks, nullptr, nullptr}},
                           {4, {kDraining, nullptr, nullptr}}};

}  // namespace

Result<void> migrate(Db& db, std::int64_t now, int version) {
  Result<void> made = db.script(
      "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY, applied_at INTEGER NOT "
      "NULL)");
  if (!made) return made;
  const Result<std::int64_t> found =
      value<std::int64_t>(db, "SELECT coalesce(max(version), 0) FROM schema_versions");
  if (!found) return found.error();
  if (*found > kSchemaVersion) {
    return Error(Fault::unsupported, "the database has version " + std::to_string(*found) +
                                         ", this program knows up to " + std::to_string(kSchemaVersion) +
                                         ": it was written by a newer one");
  }
  for (const Step& step : kSteps) {
    if (step.version <= *found || step.version > version) continue;
    Transaction transaction(db);
    for (const char* script : step.scripts) {
      if (script == nullptr) continue;
      const Result<void> done = db.script(script);
      if (!done) return wrap(done.error(), "schema version " + std::to_string(step.version));
    }
    Result<void> done = run(db, "INSERT INTO schema_versions VALUES (?, ?)", step.version, now);
    if (!done) return done;
    done = transaction.commit();
    if (!done) return done;
  }
  return {};
}

}  // namespace jump::store
