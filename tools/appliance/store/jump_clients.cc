#include "tools/appliance/store/jump_clients.h"

#include "tools/appliance/store/asset_ids.h"
#include "tools/appliance/store/where.h"

namespace jump::store {
namespace {

std::optional<std::int64_t> own_period(const JumpClient& client) {
  if (client.ephemeral) return kEphemeralSeconds;
  if (client.max_offline_minutes > 0) return std::int64_t{client.max_offline_minutes} * 60;
  return std::nullopt;
}

const std::string& row_sql() {
  static const std::string sql = "SELECT " + column_list<JumpClient>("c.") + ", " +
                                 column_list<JumpClientStatus>("s.") +
                                 " FROM jump_clients c JOIN jump_client_status s ON s.id = c.agent ";
  return sql;
}

}  // namespace

Result<JumpClient> JumpClients::create(JumpClient client, std::int64_t run) {
  Transaction transaction(db_);
  const Result<std::int64_t> id = new_asset_id(db_, "jump_client");
  if (!id) return id.error();
  client.id = client.agent = *id;
  Result<void> done = insert_whole(db_, "jump_clients", client);
  if (!done) return done.error();
  done = jump::store::run(
      db_,
      "INSERT INTO jump_client_status (id, online, offline_run, route, boot_id, trust_serial, "
      "addresses_serial, own_period) VALUES (?, 0, ?, '', '', 0, 0, ?)",
      client.agent, run, own_period(client));
  if (!done) return done.error();
  done = jump::store::run(db_, "INSERT INTO jump_client_reports (id) VALUES (?)", client.agent);
  if (!done) return done.error();
  done = transaction.commit();
  if (!done) return done.error();
  return client;
}

Result<JumpClient> JumpClients::copy(std::int64_t id, std::int64_t group, GroupType type, std::int64_t now) {
  Transaction transaction(db_);
  const Result<std::optional<JumpClientRow>> original = get(id);
  if (!original) return original.error();
  if (!*original) return Error(Fault::not_found, "no such asset");
  JumpClient client = **original;
  client.jump_group_id = group;
  client.jump_group_type = type;
  client.created_at = now;
  const Result<std::int64_t> made = new_asset_id(db_, "jump_client");
  if (!made) return made.error();
  client.id = *made;
  Result<void> done = insert_whole(db_, "jump_clients", client);
  if (done) done = transaction.commit();
  if (!done) return done.error();
  return client;
}

Result<std::optional<JumpClientRow>> JumpClients::get(std::int64_t id) {
  static const std::string sql = row_sql() + "WHERE c.id = ?";
  return first<JumpClientRow>(db_, sql, id);
}

Result<std::vector<JumpClientRow>> JumpClients::of_agent(std::int64_t agent) {
  static const std::string sql = row_sql() + "WHERE c.agent = ? ORDER BY c.id";
  return all<JumpClientRow>(db_, sql, agent);
}

Result<std::int64_t> JumpClients::agents() {
  return value<std::int64_t>(db_, "SELECT count(*) FROM jump_client_status");
}

Result<void> JumpClients::change(const JumpClient& client) {
  Transaction transaction(db_);
  Result<void> done = update(db_, "jump_clients", client);
  if (!done) return done;
  done = jump::store::run(db_,
                          "UPDATE jump_clients SET disabled = ?, ephemeral = ?, max_offline_minutes = ? "
                          "WHERE agent = ? AND id <> ?",
                          client.disabled, client.ephemeral, client.max_offline_minutes, client.agent,
                          client.id);
  if (!done) return done;
  done = jump::store::run(db_, "UPDATE jump_client_status SET own_period = ? WHERE id = ?",
                          own_period(client), client.agent);
  if (!done) return done;
  return transaction.commit();
}

Result<JumpClients::Removed> JumpClients::remove(std::int64_t id, std::string_view by, std::int64_t now) {
  Transaction transaction(db_);
  const Result<std::optional<std::int64_t>> agent =
      first<std::int64_t>(db_, "SELECT agent FROM jump_clients WHERE id = ?", id);
  if (!agent) return agent.error();
  if (!*agent) return Removed::nothing;
  const Result<std::int64_t> assets =
      value<std::int64_t>(db_, "SELECT count(*) FROM jump_clients WHERE agent = ?", **agent);
  if (!assets) return assets.error();
  if (*assets > 1) {
    const Result<void> done = jump::store::run(db_, "DELETE FROM jump_clients WHERE id = ?", id);
    if (!done) return done.error();
  } else {
    const Result<bool> gone = remove_agent(**agent, by, now);
    if (!gone) return gone.error();
  }
  const Result<void> done = transaction.commit();
  if (!done) return done.error();
  return *assets > 1 ? Removed::copy : Removed::agent;
}

Result<bool> JumpClients::remove_agent(std::int64_t agent, std::string_view by, std::int64_t now,
                                       bool pending_uninstall) {
  Transaction transaction(db_);
  Result<void> done =
      jump::store::run(db_,
                       "INSERT OR REPLACE INTO tombstones SELECT agent, name, ?, ?, ? FROM jump_clients "
                       "WHERE agent = ? ORDER BY id LIMIT 1",
                       now, by, pending_uninstall, agent);
  if (!done) return done.error();
  if (db_.changes() == 0) return false;
  done = jump::store::run(db_, "DELETE FROM jump_clients WHERE agent = ?", agent);
  if (!done) return done.error();
  done = jump::store::run(db_, "DELETE FROM jump_client_status WHERE id = ?", agent);
  if (!done) return done.error();
  done = transaction.commit();
  if (!done) return done.error();
  return true;
}

Result<std::optional<Tombstone>> JumpClients::tombstone(std::int64_t agent) {
  static const std::string sql = "SELECT " + column_list<Tombstone>() + " FROM tombstones WHERE id = ?";
  return first<Tombstone>(db_, sql, agent);
}

Result<void> JumpClients::uninstalled_after_removal(std::int64_t agent) {
  return jump::store::run(db_, "UPDATE tombstones SET pending_uninstall = 0 WHERE id = ?", agent);
}

Result<void> JumpClients::set_certificate(std::int64_t agent, std::string_view serial) {
  return jump::store::run(db_, "UPDATE jump_clients SET certificate_serial = ? WHERE agent = ?", serial,
                          agent);
}

Result<void> JumpClients::set_fingerprint(std::int64_t agent, std::span<const FingerprintPart> parts) {
  Transaction transaction(db_);
  Result<void> done = jump::store::run(db_, "DELETE FROM fingerprint_parts WHERE agent = ?", agent);
  if (!done) return done;
  for (const FingerprintPart& part : parts) {
    done = jump::store::run(db_, "INSERT OR IGNORE INTO fingerprint_parts VALUES (?, ?, ?)", agent, part.name,
                            part.digest);
    if (!done) return done;
  }
  return transaction.commit();
}

Result<std::vector<FingerprintPart>> JumpClients::fingerprint(std::int64_t agent) {
  return all<FingerprintPart>(
      db_, "SELECT name, digest FROM fingerprint_parts WHERE agent = ? ORDER BY name, digest", agent);
}

Result<std::vector<std::int64_t>> JumpClients::sharing_fingerprint(std::span<const FingerprintPart> parts) {
  constexpr std::size_t kMost = 16;
  // A part that makers leave equal in thousands of machines must not make this slow.
  constexpr int kOfOnePart = 1000;
  std::map<std::int64_t, int> shared;
  for (const FingerprintPart& part : parts) {
    const Result<std::vector<std::int64_t>> agents =
        all<std::int64_t>(db_, "SELECT agent FROM fingerprint_parts WHERE digest = ? AND name = ? LIMIT ?",
                          part.digest, part.name, kOfOnePart);
    if (!agents) return agents.error();
    for (const std::int64_t agent : *agents) ++shared[agent];
  }
  std::vector<std::int64_t> found;
  for (const auto& entry : shared) found.push_back(entry.first);
  std::sort(found.begin(), found.end(), [&](std::int64_t a, std::int64_t b) {
    return std::pair(-shared.at(a), a) < std::pair(-shared.at(b), b);
  });
  if (found.size() > kMost) found.resize(kMost);
  return found;
}

}  // namespace jump::store
