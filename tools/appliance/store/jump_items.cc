#include "tools/appliance/store/jump_items.h"

#include "tools/appliance/store/asset_ids.h"
#include "tools/appliance/store/where.h"

namespace jump::store {
namespace {

constexpr std::size_t kWords = 8;

constexpr std::string_view kVisible =
    "((jump_group_type = 'shared' AND jump_group_id IN (SELECT jump_group_id FROM jump_group_users WHERE "
    "user_id = ? AND jump_item_role_id <> 1)) OR (jump_group_type = 'personal' AND jump_group_id = ?))";

constexpr std::string_view kPart =
    "name || char(10) || hostname || char(10) || tag || char(10) || comments || char(10) || "
    "coalesce((SELECT name FROM jumpoints WHERE id = jumpoint_id), '') || char(10) || iif(jump_group_type = "
    "'shared', coalesce((SELECT name FROM jump_groups WHERE id = jump_group_id), ''), '') LIKE ? ESCAPE '\\'";

const std::string& columns() {
  static const std::string list = column_list<JumpItem>();
  return list;
}

void add_words(std::string_view search, Where& where) {
  std::size_t count = 0;
  std::string pattern;
  const auto add = [&] {
    if (!pattern.empty() && count++ < kWords) where.also(kPart, "%" + pattern + "%");
    pattern.clear();
  };
  for (const char c : search) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      add();
      continue;
    }
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  add();
}

}  // namespace

Result<JumpItem> JumpItems::create(JumpItem item) {
  Transaction transaction(db_);
  const Result<std::int64_t> id = new_asset_id(db_, boost::describe::enum_to_string(item.kind, "shell_jump"));
  if (!id) return id.error();
  item.id = *id;
  Result<void> done = insert_whole(db_, "jump_items", item);
  if (done) done = transaction.commit();
  if (!done) return done.error();
  return item;
}

Result<std::optional<JumpItem>> JumpItems::get(std::int64_t id) {
  static const std::string sql = "SELECT " + columns() + " FROM jump_items WHERE id = ?";
  return first<JumpItem>(db_, sql, id);
}

Result<Rows<JumpItem>> JumpItems::list(const JumpItemFilter& filter, const Page& page) {
  Where where;
  where.also("kind = ?", filter.kind);
  where.also_if("name = ?", filter.name);
  where.also_if("hostname = ?", filter.hostname);
  where.also_if("jump_group_id = ?", filter.jump_group_id);
  where.also_if("jump_group_type = ?", filter.jump_group_type);
  where.also_if("jumpoint_id = ?", filter.jumpoint_id);
  where.also_if("tag = ?", filter.tag);
  add_words(filter.search, where);
  if (filter.visible_to) where.also(kVisible, *filter.visible_to, *filter.visible_to);
  return page_of<JumpItem>(db_, columns(), "jump_items", where, "id", page);
}

Result<void> JumpItems::change(const JumpItem& item) {
  return update(db_, "jump_items", item);
}

Result<bool> JumpItems::remove(std::int64_t id) {
  const Result<void> done = run(db_, "DELETE FROM jump_items WHERE id = ?", id);
  if (!done) return done.error();
  return db_.changes() > 0;
}

Result<void> JumpItems::note_access(std::int64_t id, std::int64_t now) {
  return run(db_, "UPDATE jump_items SET last_access_timestamp = ? WHERE id = ?", now, id);
}

Result<std::vector<HostKey>> JumpItems::host_keys(std::int64_t id) {
  return all<HostKey>(
      db_, "SELECT host_key, added_at, added_by FROM host_keys WHERE asset = ? ORDER BY added_at, host_key",
      id);
}

Result<void> JumpItems::set_host_keys(std::int64_t id, const std::vector<std::string>& keys,
                                      std::string_view by, std::int64_t now) {
  Transaction transaction(db_);
  Result<void> done = run(db_, "DELETE FROM host_keys WHERE asset = ?", id);
  if (!done) return done;
  for (const std::string& key : keys) {
    done = run(db_, "INSERT OR IGNORE INTO host_keys VALUES (?, ?, ?, ?)", id, key, now, by);
    if (!done) return done;
  }
  return transaction.commit();
}

Result<bool> JumpItems::add_first_host_key(std::int64_t id, std::string_view key, std::string_view by,
                                           std::int64_t now) {
  const Result<void> done =
      run(db_,
          "INSERT INTO host_keys SELECT id, ?, ?, ? FROM jump_items WHERE id = ? AND NOT EXISTS (SELECT 1 "
          "FROM host_keys WHERE asset = ?)",
          key, now, by, id, id);
  if (!done) return done.error();
  return db_.changes() > 0;
}

Result<std::vector<std::string>> JumpItems::ad_hoc_host_keys(std::int64_t jumpoint, std::string_view host,
                                                             std::int64_t port) {
  return all<std::string>(
      db_,
      "SELECT host_key FROM ad_hoc_host_keys WHERE jumpoint = ? AND host = ? AND port = ? ORDER BY added_at",
      jumpoint, host, port);
}

Result<bool> JumpItems::add_first_ad_hoc_host_key(std::int64_t jumpoint, std::string_view host,
                                                  std::int64_t port, std::string_view key,
                                                  std::string_view by, std::int64_t now) {
  const Result<void> done =
      run(db_,
          "INSERT INTO ad_hoc_host_keys SELECT id, ?, ?, ?, ?, ? FROM jumpoints WHERE id = ? AND NOT EXISTS "
          "(SELECT 1 FROM ad_hoc_host_keys WHERE jumpoint = ? AND host = ? AND port = ?)",
          host, port, key, now, by, jumpoint, jumpoint, host, port);
  if (!done) return done.error();
  return db_.changes() > 0;
}

}  // namespace jump::store
