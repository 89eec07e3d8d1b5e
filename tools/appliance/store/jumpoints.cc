#include "tools/appliance/store/jumpoints.h"

#include "tools/appliance/store/code_name.h"
#include "tools/appliance/store/where.h"

namespace jump::store {
namespace {

const std::string& columns() {
  static const std::string list = column_list<Jumpoint>();
  return list;
}

}  // namespace

Result<Jumpoint> Jumpoints::create(Jumpoint jumpoint, ByteView secret_hash) {
  Transaction transaction(db_);
  if (jumpoint.code_name.empty()) {
    Result<std::string> code = free_code_name(db_, "jumpoints", jumpoint.name, "jumpoint");
    if (!code) return code.error();
    jumpoint.code_name = std::move(*code);
  }
  const Result<std::int64_t> id = insert(db_, "jumpoints", jumpoint);
  if (!id) return id.error();
  jumpoint.id = *id;
  Result<void> done = run(db_, "UPDATE jumpoints SET secret_hash = ? WHERE id = ?", secret_hash, jumpoint.id);
  if (done) done = transaction.commit();
  if (!done) return done.error();
  return jumpoint;
}

Result<std::optional<Jumpoint>> Jumpoints::get(std::int64_t id) {
  static const std::string sql = "SELECT " + columns() + " FROM jumpoints WHERE id = ?";
  return first<Jumpoint>(db_, sql, id);
}

Result<std::optional<Jumpoint>> Jumpoints::by_name(std::string_view name) {
  static const std::string sql =
      "SELECT " + columns() +
      " FROM jumpoints WHERE code_name = ?1 OR name = ?1 OR CAST(id AS TEXT) = ?1 ORDER BY code_name <> ?1, "
      "name <> ?1 LIMIT 1";
  return first<Jumpoint>(db_, sql, name);
}

Result<std::optional<Jumpoint>> Jumpoints::by_installer_id(std::string_view installer_id) {
  static const std::string sql = "SELECT " + columns() + " FROM jumpoints WHERE installer_id = ?";
  return first<Jumpoint>(db_, sql, installer_id);
}

Result<Bytes> Jumpoints::secret_hash(std::int64_t id) {
  return value<Bytes>(db_, "SELECT secret_hash FROM jumpoints WHERE id = ?", id);
}

Result<Rows<Jumpoint>> Jumpoints::list(const JumpointFilter& filter, const Page& page) {
  Where where;
  where.also_if("name = ?", filter.name);
  where.also_if("code_name = ?", filter.code_name);
  where.also_if("id IN (SELECT jumpoint_id FROM jumpoint_nodes WHERE hostname = ?)", filter.hostname);
  where.also_if("id IN (SELECT jumpoint_id FROM jumpoint_nodes WHERE public_ip = ?)", filter.public_ip);
  where.also_if("id IN (SELECT jumpoint_id FROM jumpoint_nodes WHERE private_ip = ?)", filter.private_ip);
  where.also_if("id IN (SELECT jumpoint_id FROM jumpoint_users WHERE user_id = ?)", filter.visible_to);
  return page_of<Jumpoint>(db_, columns(), "jumpoints", where, "id", page);
}

Result<void> Jumpoints::change(Jumpoint jumpoint) {
  Transaction transaction(db_);
  if (jumpoint.code_name.empty()) {
    Result<std::string> code = free_code_name(db_, "jumpoints", jumpoint.name, "jumpoint");
    if (!code) return code.error();
    jumpoint.code_name = std::move(*code);
  }
  Result<void> done = update(db_, "jumpoints", jumpoint);
  if (!done) return done;
  return transaction.commit();
}

Result<void> Jumpoints::set_key(std::int64_t id, std::string_view installer_id, ByteView secret_hash) {
  return run(db_, "UPDATE jumpoints SET installer_id = ?, secret_hash = ? WHERE id = ?", installer_id,
             secret_hash, id);
}

Result<void> Jumpoints::remove(std::int64_t id, std::string_view by, std::int64_t now) {
  Transaction transaction(db_);
  const Result<std::int64_t> items =
      value<std::int64_t>(db_, "SELECT count(*) FROM jump_items WHERE jumpoint_id = ?", id);
  if (!items) return items.error();
  if (*items > 0) {
    return Error(Fault::refused, "the Jumpoint still has " + std::to_string(*items) + " assets");
  }
  const Result<std::vector<Node>> nodes = all_nodes(id);
  if (!nodes) return nodes.error();
  for (const Node& one : *nodes) {
    const Result<bool> gone = remove_node(one.id, by, now);
    if (!gone) return gone.error();
  }
  Result<void> done = run(db_, "DELETE FROM jumpoints WHERE id = ?", id);
  if (!done) return done;
  if (db_.changes() == 0) return Error(Fault::not_found, "no such Jumpoint");
  return transaction.commit();
}

Result<Rows<std::int64_t>> Jumpoints::users(std::int64_t jumpoint, const Page& page) {
  Where where;
  where.also("jumpoint_id = ?", jumpoint);
  return page_of<std::int64_t>(db_, "user_id", "jumpoint_users", where, "user_id", page);
}

Result<bool> Jumpoints::has_user(std::int64_t jumpoint, std::int64_t user) {
  return value<bool>(db_,
                     "SELECT EXISTS (SELECT 1 FROM jumpoint_users WHERE jumpoint_id = ? AND user_id = ?)",
                     jumpoint, user);
}

Result<void> Jumpoints::add_user(std::int64_t jumpoint, std::int64_t user) {
  return run(db_, "INSERT INTO jumpoint_users VALUES (?, ?)", jumpoint, user);
}

Result<bool> Jumpoints::remove_user(std::int64_t jumpoint, std::int64_t user) {
  const Result<void> done =
      run(db_, "DELETE FROM jumpoint_users WHERE jumpoint_id = ? AND user_id = ?", jumpoint, user);
  if (!done) return done.error();
  return db_.changes() > 0;
}

}  // namespace jump::store
