// The nodes: enrolled, connected, reporting, gone. What comes by the second is soft.
#include "tools/appliance/store/jumpoints.h"
#include "tools/appliance/store/where.h"

namespace jump::store {
namespace {

const std::string& columns() {
  static const std::string list = column_list<Node>();
  return list;
}

// Runs one statement softly.
template <typename... Args>
Result<void> run_soft(Db& db, std::string_view sql, const Args&... args) {
  Transaction transaction(db, Durability::soft);
  Result<void> done = run(db, sql, args...);
  if (!done) return done;
  return transaction.commit();
}

}  // namespace

Result<Node> Jumpoints::create_node(Node node) {
  const Result<std::int64_t> id = insert(db_, "jumpoint_nodes", node);
  if (!id) return id.error();
  node.id = *id;
  return node;
}

Result<std::optional<Node>> Jumpoints::node(std::int64_t id) {
  static const std::string sql = "SELECT " + columns() + " FROM jumpoint_nodes WHERE id = ?";
  return first<Node>(db_, sql, id);
}

Result<Rows<Node>> Jumpoints::nodes(std::int64_t jumpoint, const Page& page) {
  Where where;
  where.also("jumpoint_id = ?", jumpoint);
  return page_of<Node>(db_, columns(), "jumpoint_nodes", where, "id", page);
}

Result<std::vector<Node>> Jumpoints::all_nodes(std::int64_t jumpoint) {
  static const std::string sql =
      "SELECT " + columns() + " FROM jumpoint_nodes WHERE jumpoint_id = ? ORDER BY id";
  return all<Node>(db_, sql, jumpoint);
}

Result<void> Jumpoints::set_node_tag(std::int64_t id, std::string_view tag) {
  return run(db_, "UPDATE jumpoint_nodes SET tag = ? WHERE id = ?", tag, id);
}

Result<void> Jumpoints::set_node_draining(std::int64_t id, bool draining) {
  return run(db_, "UPDATE jumpoint_nodes SET draining = ? WHERE id = ?", draining, id);
}

Result<bool> Jumpoints::remove_node(std::int64_t id, std::string_view by, std::int64_t now,
                                    bool pending_uninstall) {
  Transaction transaction(db_);
  Result<void> done = run(db_,
                          "INSERT OR REPLACE INTO node_tombstones SELECT id, hostname, ?, ?, ? FROM "
                          "jumpoint_nodes WHERE id = ?",
                          now, by, pending_uninstall, id);
  if (!done) return done.error();
  if (db_.changes() == 0) return false;
  done = run(db_, "DELETE FROM jumpoint_nodes WHERE id = ?", id);
  if (done) done = transaction.commit();
  if (!done) return done.error();
  return true;
}

Result<std::optional<Tombstone>> Jumpoints::node_tombstone(std::int64_t id) {
  static const std::string sql = "SELECT " + column_list<Tombstone>() + " FROM node_tombstones WHERE id = ?";
  return first<Tombstone>(db_, sql, id);
}

Result<void> Jumpoints::write_presence(std::span<const PresenceChange> changes) {
  Transaction transaction(db_, Durability::soft);
  for (const PresenceChange& change : changes) {
    Result<void> done;
    switch (change.kind) {
      case PresenceChange::Kind::seen:
        done = run(db_, "UPDATE jumpoint_nodes SET last_seen = ? WHERE id = ?", change.at, change.agent);
        break;
      case PresenceChange::Kind::connected:
        done = run(db_,
                   "UPDATE jumpoint_nodes SET online = 1, last_seen = ?1, last_connect_timestamp = ?1, "
                   "route = ?2, boot_id = ?3, public_ip = ?4, software_version = ?5 WHERE id = ?6",
                   change.at, change.route, change.boot_id, change.public_ip, change.software_version,
                   change.agent);
        break;
      case PresenceChange::Kind::disconnected:
        done = run(db_,
                   "UPDATE jumpoint_nodes SET online = 0, last_seen = ?1, last_disconnect_timestamp = ?1 "
                   "WHERE id = ?2",
                   change.at, change.agent);
        break;
    }
    if (!done) return done;
  }
  return transaction.commit();
}

Result<void> Jumpoints::all_offline(std::int64_t now) {
  return run_soft(db_,
                  "UPDATE jumpoint_nodes SET online = 0, last_disconnect_timestamp = coalesce(last_seen, ?) "
                  "WHERE online",
                  now);
}

Result<void> Jumpoints::set_node_certificate(std::int64_t id, std::string_view serial) {
  return run(db_, "UPDATE jumpoint_nodes SET certificate_serial = ? WHERE id = ?", serial, id);
}

Result<void> Jumpoints::set_node_installed(std::int64_t id, std::string_view hostname,
                                           std::string_view operating_system) {
  return run(db_, "UPDATE jumpoint_nodes SET hostname = ?, operating_system = ? WHERE id = ?", hostname,
             operating_system, id);
}

Result<void> Jumpoints::set_node_inventory(std::int64_t id, const JumpClients::Known& known,
                                           const std::vector<std::string>& abilities,
                                           const json::value& inventory) {
  return run_soft(db_,
                  "UPDATE jumpoint_nodes SET hostname = ?, operating_system = ?, software_version = ?, "
                  "private_ip = ?, abilities = ?, inventory = ? WHERE id = ?",
                  known.hostname, known.operating_system, known.software_version, known.private_ip, abilities,
                  inventory, id);
}

Result<json::value> Jumpoints::node_inventory(std::int64_t id) {
  Result<std::optional<json::value>> found =
      first<json::value>(db_, "SELECT inventory FROM jumpoint_nodes WHERE id = ?", id);
  if (!found) return found.error();
  return found->value_or(json::value());
}

Result<void> Jumpoints::note_node_holdings(std::int64_t id, std::uint64_t trust_serial,
                                           std::uint64_t addresses_serial) {
  return run_soft(db_, "UPDATE jumpoint_nodes SET trust_serial = ?, addresses_serial = ? WHERE id = ?",
                  trust_serial, addresses_serial, id);
}

Result<void> Jumpoints::set_zone_proxy(std::int64_t id, const json::value& state) {
  return run_soft(db_, "UPDATE jumpoint_nodes SET zone_proxy = ? WHERE id = ?", state, id);
}

Result<std::vector<std::string>> Jumpoints::zone_proxies(std::int64_t jumpoint) {
  return all<std::string>(
      db_,
      "SELECT address FROM (SELECT json_extract(zone_proxy, '$.address') AS address, min(id) AS id FROM "
      "jumpoint_nodes WHERE jumpoint_id = ? AND json_extract(zone_proxy, '$.listening') = 1 AND "
      "json_extract(zone_proxy, '$.address') <> '' GROUP BY 1) ORDER BY id",
      jumpoint);
}

Result<void> Jumpoints::set_node_fingerprint(std::int64_t id, std::span<const FingerprintPart> parts) {
  Transaction transaction(db_);
  Result<void> done = run(db_, "DELETE FROM node_fingerprint_parts WHERE node = ?", id);
  if (!done) return done;
  for (const FingerprintPart& part : parts) {
    done =
        run(db_, "INSERT OR IGNORE INTO node_fingerprint_parts VALUES (?, ?, ?)", id, part.name, part.digest);
    if (!done) return done;
  }
  return transaction.commit();
}

Result<std::vector<FingerprintPart>> Jumpoints::node_fingerprint(std::int64_t id) {
  return all<FingerprintPart>(
      db_, "SELECT name, digest FROM node_fingerprint_parts WHERE node = ? ORDER BY name, digest", id);
}

}  // namespace jump::store
