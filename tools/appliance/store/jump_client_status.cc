// What changes by itself: presence, reports, absence. What comes by the thousand is soft.
#include "tools/appliance/store/jump_clients.h"
#include "tools/appliance/store/where.h"

namespace jump::store {

Result<void> JumpClients::write_presence(std::span<const PresenceChange> changes) {
  Transaction transaction(db_, Durability::soft);
  for (const PresenceChange& change : changes) {
    Result<void> done;
    switch (change.kind) {
      case PresenceChange::Kind::seen:
        done = run(db_, "UPDATE jump_client_status SET last_seen = ? WHERE id = ?", change.at, change.agent);
        break;
      case PresenceChange::Kind::connected:
        done = run(db_,
                   "UPDATE jump_client_status SET online = 1, last_seen = ?1, last_connect_timestamp = ?1, "
                   "offline_run = NULL, route = ?2, boot_id = ?3 WHERE id = ?4",
                   change.at, change.route, change.boot_id, change.agent);
        if (!done) break;
        // An agent that was uninstalled and is back is active again.
        done = run(db_,
                   "UPDATE jump_clients SET public_ip = ?1, software_version = ?2, connection_type = "
                   "iif(connection_type = 'uninstalled', 'active', connection_type) WHERE agent = ?3 AND "
                   "(public_ip <> "
                   "?1 OR software_version <> ?2 OR connection_type = 'uninstalled')",
                   change.public_ip, change.software_version, change.agent);
        break;
      case PresenceChange::Kind::disconnected:
        done =
            run(db_,
                "UPDATE jump_client_status SET online = 0, last_seen = ?1, last_disconnect_timestamp = ?1, "
                "offline_run = ?2 WHERE id = ?3",
                change.at, change.run, change.agent);
        break;
    }
    if (!done) return done;
  }
  return transaction.commit();
}

Result<void> JumpClients::all_offline(std::int64_t run_now, std::int64_t now) {
  Transaction transaction(db_);
  const Result<void> done =
      run(db_,
          "UPDATE jump_client_status SET online = 0, offline_run = ?, last_disconnect_timestamp = "
          "coalesce(last_seen, ?) WHERE online",
          run_now, now);
  if (!done) return done;
  return transaction.commit();
}

Result<void> JumpClients::set_uninstalled(std::int64_t agent) {
  return run(db_, "UPDATE jump_clients SET connection_type = 'uninstalled' WHERE agent = ?", agent);
}

Result<void> JumpClients::set_installed(std::int64_t agent, std::string_view hostname,
                                        std::string_view operating_system) {
  return run(
      db_,
      "UPDATE jump_clients SET hostname = ?, operating_system = ?, connection_type = iif(connection_type = "
      "'uninstalled', 'active', connection_type) WHERE agent = ?",
      hostname, operating_system, agent);
}

Result<void> JumpClients::approve_enrolment(std::int64_t agent, std::optional<std::int64_t> until) {
  return run(db_, "UPDATE jump_client_status SET enrol_approved_until = ? WHERE id = ?", until, agent);
}

Result<void> JumpClients::note_access(std::int64_t agent, std::int64_t now) {
  Transaction transaction(db_, Durability::soft);
  const Result<void> done =
      run(db_, "UPDATE jump_client_status SET last_access_timestamp = ? WHERE id = ?", now, agent);
  if (!done) return done;
  return transaction.commit();
}

Result<void> JumpClients::note_holdings(std::int64_t agent, std::uint64_t trust_serial,
                                        std::uint64_t addresses_serial) {
  Transaction transaction(db_, Durability::soft);
  const Result<void> done =
      run(db_,
          "UPDATE jump_client_status SET trust_serial = ?1, addresses_serial = ?2 WHERE id = ?3 AND "
          "(trust_serial <> ?1 OR addresses_serial <> ?2)",
          trust_serial, addresses_serial, agent);
  if (!done) return done;
  return transaction.commit();
}

Result<std::int64_t> JumpClients::holding_trust(std::uint64_t serial) {
  return value<std::int64_t>(db_, "SELECT count(*) FROM jump_client_status WHERE trust_serial >= ?", serial);
}

Result<std::int64_t> JumpClients::holding_addresses(std::uint64_t serial) {
  return value<std::int64_t>(db_, "SELECT count(*) FROM jump_client_status WHERE addresses_serial >= ?",
                             serial);
}

Result<void> JumpClients::set_inventory(std::int64_t agent, const Known& known, const json::value& inventory,
                                        std::int64_t now) {
  Transaction transaction(db_, Durability::soft);
  Result<void> done = run(
      db_,
      "UPDATE jump_clients SET hostname = ?, fqdn = ?, operating_system = ?, software_version = ?, "
      "private_ip = ? WHERE agent = ?",
      known.hostname, known.fqdn, known.operating_system, known.software_version, known.private_ip, agent);
  if (!done) return done;
  done = run(db_, "UPDATE jump_client_reports SET inventory = ?, inventory_at = ? WHERE id = ?", inventory,
             now, agent);
  if (!done) return done;
  return transaction.commit();
}

Result<void> JumpClients::set_statistics(std::int64_t agent, const std::optional<std::string>& console_user,
                                         const json::value& statistics, std::int64_t now) {
  Transaction transaction(db_, Durability::soft);
  Result<void> done =
      run(db_, "UPDATE jump_client_reports SET statistics = ?, statistics_at = ? WHERE id = ?", statistics,
          now, agent);
  if (!done) return done;
  if (console_user) {
    done = run(db_, "UPDATE jump_clients SET console_user = ?1 WHERE agent = ?2 AND console_user IS NOT ?1",
               *console_user, agent);
    if (!done) return done;
  }
  return transaction.commit();
}

Result<JumpClientReport> JumpClients::report(std::int64_t agent) {
  static const std::string sql =
      "SELECT " + column_list<JumpClientReport>() + " FROM jump_client_reports WHERE id = ?";
  Result<std::optional<JumpClientReport>> row = first<JumpClientReport>(db_, sql, agent);
  if (!row) return row.error();
  return row->value_or(JumpClientReport{});
}

Result<std::vector<Absent>> JumpClients::absent(std::int64_t run_now, std::int64_t site_seconds,
                                                std::int64_t limit) {
  // The conditions repeat those of the two partial indexes.
  constexpr std::string_view kName =
      "coalesce((SELECT name FROM jump_clients c WHERE c.agent = s.id ORDER BY c.id LIMIT 1), '')";
  static const std::string own =
      "SELECT id, " + std::string(kName) +
      ", offline_run, own_period FROM jump_client_status s WHERE offline_run IS NOT NULL AND "
      "own_period IS NOT NULL AND offline_run + own_period <= ? ORDER BY offline_run + "
      "own_period LIMIT ?";
  static const std::string site =
      "SELECT id, " + std::string(kName) +
      ", offline_run, own_period FROM jump_client_status s WHERE offline_run IS NOT NULL AND "
      "own_period IS NULL AND offline_run <= ? ORDER BY offline_run LIMIT ?";
  Result<std::vector<Absent>> rows = all<Absent>(db_, own, run_now, limit);
  if (!rows) return rows;
  Result<std::vector<Absent>> more = all<Absent>(db_, site, run_now - site_seconds, limit);
  if (!more) return more;
  rows->insert(rows->end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
  const auto due = [&](const Absent& absent) {
    return absent.offline_run + absent.own_period.value_or(site_seconds);
  };
  std::sort(rows->begin(), rows->end(), [&](const Absent& a, const Absent& b) {
    return std::pair(due(a), a.agent) < std::pair(due(b), b.agent);
  });
  if (rows->size() > static_cast<std::size_t>(limit)) rows->resize(static_cast<std::size_t>(limit));
  return rows;
}

Result<std::int64_t> JumpClients::absent_count(std::int64_t run_now, std::int64_t site_seconds) {
  return value<std::int64_t>(
      db_,
      "SELECT (SELECT count(*) FROM jump_client_status WHERE offline_run IS NOT NULL AND own_period "
      "IS NOT NULL AND offline_run + own_period <= ?) + (SELECT count(*) FROM jump_client_status "
      "WHERE offline_run IS NOT NULL AND own_period IS NULL AND offline_run <= ?)",
      run_now, run_now - site_seconds);
}

}  // namespace jump::store
