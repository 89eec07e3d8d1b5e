#include "tools/appliance/store/sessions.h"

#include "tools/appliance/store/where.h"

namespace jump::store {
namespace {

// A user's own, those of his personal list, and those of groups whose reports his role lets him view.
constexpr std::string_view kVisible =
    "(user_id = ? OR (jump_group_type = 'personal' AND jump_group_id = ?) OR (jump_group_type = 'shared' AND "
    "jump_group_id IN (SELECT m.jump_group_id FROM jump_group_users m JOIN jump_item_roles r ON r.id = "
    "m.jump_item_role_id WHERE m.user_id = ? AND r.perm_view_jump_item_report)))";

const std::string& columns() {
  static const std::string list = column_list<Session>();
  return list;
}

}  // namespace

Result<bool> Sessions::create(Session& session) {
  Transaction transaction(db_);
  const Result<std::int64_t> number =
      value<std::int64_t>(db_, "SELECT coalesce(max(number), 0) + 1 FROM sessions");
  if (!number) return number.error();
  session.number = *number;
  static const std::string sql = "INSERT INTO sessions (" + columns() +
                                 ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                                 "?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING";
  Query query = db_.query(sql);
  int at = 0;
  boost::mp11::mp_for_each<json_detail::Members<Session>>(
      [&](auto member) { bind_value(query, ++at, session.*member.pointer); });
  const Result<bool> row = query.step();
  if (!row) return row.error();
  const bool made = db_.changes() > 0;
  const Result<void> done = transaction.commit();
  if (!done) return done.error();
  return made;
}

Result<std::optional<Session>> Sessions::get(const SessionId& id) {
  static const std::string sql = "SELECT " + columns() + " FROM sessions WHERE id = ?";
  return first<Session>(db_, sql, id);
}

Result<Rows<Session>> Sessions::list(const SessionFilter& filter, const Page& page) {
  Where where;
  where.also_if("asset = ?", filter.asset);
  where.also_if("user_id = ?", filter.user_id);
  where.also_if("kind = ?", filter.kind);
  if (filter.live) where.also(*filter.live ? "state <> 'ended'" : "state = 'ended'");
  if (filter.visible_to) where.also(kVisible, *filter.visible_to, *filter.visible_to, *filter.visible_to);
  return page_of<Session>(db_, columns(), "sessions", where, "number DESC", page);
}

Result<bool> Sessions::visible(const SessionId& id, std::int64_t user) {
  static const std::string sql =
      "SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ? AND " + std::string(kVisible) + ")";
  return value<bool>(db_, sql, id, user, user, user);
}

Result<std::vector<Session>> Sessions::live() {
  static const std::string sql =
      "SELECT " + columns() + " FROM sessions WHERE state <> 'ended' ORDER BY number";
  return all<Session>(db_, sql);
}

Result<std::vector<SessionId>> Sessions::live_of_asset(std::int64_t asset) {
  return all<SessionId>(db_, "SELECT id FROM sessions WHERE asset = ? AND state <> 'ended'", asset);
}

Result<std::vector<SessionId>> Sessions::live_of_agent(std::int64_t agent) {
  return all<SessionId>(db_, "SELECT id FROM sessions WHERE agent = ? AND state <> 'ended'", agent);
}

Result<std::vector<SessionId>> Sessions::live_of_jumpoint(std::int64_t jumpoint) {
  return all<SessionId>(db_,
                        "SELECT id FROM sessions WHERE state <> 'ended' AND asset IN (SELECT id FROM "
                        "jump_items WHERE jumpoint_id = ?)",
                        jumpoint);
}

Result<std::vector<SessionId>> Sessions::live_of_node(std::int64_t node) {
  return all<SessionId>(db_, "SELECT id FROM sessions WHERE state <> 'ended' AND node = ?", node);
}

Result<void> Sessions::assign(const SessionId& id, std::int64_t node, std::string_view node_name,
                              const Hash& endpoint_secret_hash) {
  return run(db_,
             "UPDATE sessions SET node = ?, node_name = ?, endpoint_secret_hash = ? WHERE id = ? AND state = "
             "'starting'",
             node, node_name, endpoint_secret_hash, id);
}

Result<std::vector<SessionId>> Sessions::live_of_user(std::int64_t user) {
  return all<SessionId>(db_, "SELECT id FROM sessions WHERE user_id = ? AND state <> 'ended'", user);
}

Result<void> Sessions::set_started(const SessionId& id, std::string_view boot_id, std::int64_t now) {
  return run(
      db_,
      "UPDATE sessions SET state = 'running', started_at = ?, endpoint_boot_id = ? WHERE id = ? AND state = "
      "'starting'",
      now, boot_id, id);
}

Result<void> Sessions::set_console(const SessionId& id, const SessionId& instance,
                                   std::uint64_t attach_count) {
  return run(db_, "UPDATE sessions SET console_instance = ?, console_attach_count = ? WHERE id = ?", instance,
             attach_count, id);
}

Result<void> Sessions::take_over(const SessionId& id, const Hash& console_secret_hash) {
  return run(db_,
             "UPDATE sessions SET console_secret_hash = ?, console_instance = NULL, console_attach_count = 0 "
             "WHERE id = ?",
             console_secret_hash, id);
}

Result<void> Sessions::set_recording(const SessionId& id, std::string_view path) {
  return run(db_, "UPDATE sessions SET recording = ? WHERE id = ?", path, id);
}

Result<bool> Sessions::end(const SessionId& id, std::string_view reason, std::uint64_t recording_bytes,
                           std::int64_t now) {
  const Result<void> done = run(db_,
                                "UPDATE sessions SET state = 'ended', ended_at = ?, reason = ?, "
                                "recording_bytes = ? WHERE id = ? AND state <> "
                                "'ended'",
                                now, reason, recording_bytes, id);
  if (!done) return done.error();
  return db_.changes() > 0;
}

Result<std::vector<Session>> Sessions::recorded(std::int64_t ended_before, std::int64_t limit) {
  static const std::string sql =
      "SELECT " + columns() +
      " FROM sessions WHERE recording <> '' AND state = 'ended' AND ended_at < ? ORDER BY "
      "ended_at LIMIT ?";
  return all<Session>(db_, sql, ended_before, limit);
}

Result<void> Sessions::forget_recording(const SessionId& id) {
  return run(db_, "UPDATE sessions SET recording = '', recording_bytes = 0 WHERE id = ?", id);
}

Result<std::uint64_t> Sessions::recorded_bytes() {
  return value<std::uint64_t>(
      db_,
      "SELECT coalesce(sum(recording_bytes), 0) FROM sessions WHERE recording <> '' AND state = 'ended'");
}

}  // namespace jump::store
