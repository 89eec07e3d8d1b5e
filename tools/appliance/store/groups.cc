#include "tools/appliance/store/groups.h"

#include "tools/appliance/store/code_name.h"
#include "tools/appliance/store/where.h"

namespace jump::store {
namespace {

constexpr std::int64_t kIndexedAtOnce = 2000;

}  // namespace

Result<JumpGroup> Groups::create(JumpGroup group) {
  Transaction transaction(db_);
  if (group.code_name.empty()) {
    Result<std::string> code = free_code_name(db_, "jump_groups", group.name, "group");
    if (!code) return code.error();
    group.code_name = std::move(*code);
  }
  const Result<std::int64_t> id = insert(db_, "jump_groups", group);
  if (!id) return id.error();
  group.id = *id;
  const Result<void> done = transaction.commit();
  if (!done) return done.error();
  return group;
}

Result<std::optional<JumpGroup>> Groups::get(std::int64_t id) {
  static const std::string sql = "SELECT " + column_list<JumpGroup>() + " FROM jump_groups WHERE id = ?";
  return first<JumpGroup>(db_, sql, id);
}

Result<std::optional<JumpGroup>> Groups::by_name(std::string_view name) {
  static const std::string sql =
      "SELECT " + column_list<JumpGroup>() +
      " FROM jump_groups WHERE code_name = ?1 OR name = ?1 ORDER BY code_name <> ?1 LIMIT 1";
  return first<JumpGroup>(db_, sql, name);
}

Result<Rows<JumpGroup>> Groups::list(const GroupFilter& filter, const Page& page) {
  Where where;
  where.also_if("name = ?", filter.name);
  where.also_if("code_name = ?", filter.code_name);
  where.also_if(
      "id IN (SELECT jump_group_id FROM jump_group_users WHERE user_id = ? AND jump_item_role_id <> 1)",
      filter.visible_to);
  return page_of<JumpGroup>(db_, column_list<JumpGroup>(), "jump_groups", where, "id", page);
}

Result<void> Groups::change(JumpGroup group) {
  Transaction transaction(db_);
  if (group.code_name.empty()) {
    Result<std::string> code = free_code_name(db_, "jump_groups", group.name, "group");
    if (!code) return code.error();
    group.code_name = std::move(*code);
  }
  const Result<std::optional<JumpGroup>> old = get(group.id);
  if (!old) return old.error();
  Result<void> done = update(db_, "jump_groups", group);
  if (!done) return done;
  if (*old && (*old)->name != group.name) {
    done = run(db_, "UPDATE jump_groups SET searched_upto = 0 WHERE id = ?", group.id);
    if (!done) return done;
    const Result<bool> more = reindex(kIndexedAtOnce);
    if (!more) return more.error();
  }
  return transaction.commit();
}

Result<bool> Groups::reindex(std::int64_t limit) {
  struct Next {
    std::int64_t id = 0;
    std::string name;
    std::int64_t searched_upto = 0;
  };
  Transaction transaction(db_, Durability::soft);
  Next next;
  {
    Query query =
        db_.query("SELECT id, name, searched_upto FROM jump_groups WHERE searched_upto IS NOT NULL LIMIT 1");
    const Result<bool> row = query.step();
    if (!row) return row.error();
    if (!*row) return false;
    next = {query.integer(0), std::string(query.text(1)), query.integer(2)};
  }
  const Result<std::vector<std::int64_t>> assets =
      all<std::int64_t>(db_,
                        "SELECT id FROM jump_clients WHERE jump_group_type = 'shared' AND jump_group_id = ? "
                        "AND id > ? ORDER BY id LIMIT ?",
                        next.id, next.searched_upto, limit);
  if (!assets) return assets.error();
  for (const std::int64_t asset : *assets) {
    const Result<void> done =
        run(db_, "UPDATE client_search SET group_name = ? WHERE rowid = ?", next.name, asset);
    if (!done) return done.error();
  }
  std::optional<std::int64_t> upto;
  if (static_cast<std::int64_t>(assets->size()) == limit) upto = assets->back();
  Result<void> done = run(db_, "UPDATE jump_groups SET searched_upto = ? WHERE id = ?", upto, next.id);
  if (!done) return done.error();
  const Result<bool> more =
      value<bool>(db_, "SELECT EXISTS (SELECT 1 FROM jump_groups WHERE searched_upto IS NOT NULL)");
  if (!more) return more.error();
  done = transaction.commit();
  if (!done) return done.error();
  return *more;
}

Result<void> Groups::remove(std::int64_t id) {
  Transaction transaction(db_);
  const Result<std::int64_t> assets = value<std::int64_t>(
      db_, "SELECT count(*) FROM jump_clients WHERE jump_group_type = 'shared' AND jump_group_id = ?", id);
  if (!assets) return assets.error();
  const Result<std::int64_t> installers = value<std::int64_t>(
      db_, "SELECT count(*) FROM installers WHERE jump_group_id = ? AND jump_group_type = 'shared'", id);
  if (!installers) return installers.error();
  const Result<std::int64_t> items = value<std::int64_t>(
      db_, "SELECT count(*) FROM jump_items WHERE jump_group_id = ? AND jump_group_type = 'shared'", id);
  if (!items) return items.error();
  if (*assets + *items + *installers > 0) {
    return Error(Fault::refused, "the group still has " + std::to_string(*assets + *items) + " assets and " +
                                     std::to_string(*installers) + " installers");
  }
  const Result<void> done = run(db_, "DELETE FROM jump_groups WHERE id = ?", id);
  if (!done) return done;
  if (db_.changes() == 0) return Error(Fault::not_found, "no such group");
  return transaction.commit();
}

Result<Rows<Member>> Groups::members(std::int64_t group, const Page& page) {
  Where where;
  where.also("jump_group_id = ?", group);
  return page_of<Member>(db_, column_list<Member>(), "jump_group_users", where, "user_id", page);
}

Result<std::optional<Member>> Groups::member(std::int64_t group, std::int64_t user) {
  return first<Member>(
      db_, "SELECT user_id, jump_item_role_id FROM jump_group_users WHERE jump_group_id = ? AND user_id = ?",
      group, user);
}

Result<void> Groups::add_member(std::int64_t group, const Member& member) {
  return run(db_, "INSERT INTO jump_group_users VALUES (?, ?, ?)", group, member.user_id,
             member.jump_item_role_id);
}

Result<void> Groups::change_member(std::int64_t group, const Member& member) {
  const Result<void> done =
      run(db_, "UPDATE jump_group_users SET jump_item_role_id = ? WHERE jump_group_id = ? AND user_id = ?",
          member.jump_item_role_id, group, member.user_id);
  if (!done) return done;
  if (db_.changes() == 0) return Error(Fault::not_found, "no such member");
  return {};
}

Result<bool> Groups::remove_member(std::int64_t group, std::int64_t user) {
  const Result<void> done =
      run(db_, "DELETE FROM jump_group_users WHERE jump_group_id = ? AND user_id = ?", group, user);
  if (!done) return done.error();
  return db_.changes() > 0;
}

Result<std::optional<Role>> Groups::role_of(std::int64_t user, std::int64_t group) {
  static const std::string sql =
      "SELECT " + column_list<Role>("r.") +
      " FROM jump_group_users m JOIN jump_item_roles r ON r.id = m.jump_item_role_id "
      "WHERE m.jump_group_id = ? AND m.user_id = ?";
  return first<Role>(db_, sql, group, user);
}

Result<std::optional<Role>> Groups::role(std::int64_t id) {
  static const std::string sql = "SELECT " + column_list<Role>() + " FROM jump_item_roles WHERE id = ?";
  return first<Role>(db_, sql, id);
}

Result<Rows<Role>> Groups::roles(const std::optional<std::string>& name, const Page& page) {
  Where where;
  where.also_if("name = ?", name);
  return page_of<Role>(db_, column_list<Role>(), "jump_item_roles", where, "id", page);
}

Result<bool> Groups::policy_exists(std::int64_t id) {
  return value<bool>(db_, "SELECT EXISTS (SELECT 1 FROM jump_policies WHERE id = ?)", id);
}

Result<std::optional<JumpPolicy>> Groups::policy_by_code_name(std::string_view code_name) {
  static const std::string sql =
      "SELECT " + column_list<JumpPolicy>() + " FROM jump_policies WHERE code_name = ?";
  return first<JumpPolicy>(db_, sql, code_name);
}

Result<JumpPolicy> Groups::create_policy(JumpPolicy policy) {
  Transaction transaction(db_);
  if (policy.code_name.empty()) {
    Result<std::string> code = free_code_name(db_, "jump_policies", policy.display_name, "policy");
    if (!code) return code.error();
    policy.code_name = std::move(*code);
  }
  const Result<std::int64_t> id = insert(db_, "jump_policies", policy);
  if (!id) return id.error();
  policy.id = *id;
  const Result<void> done = transaction.commit();
  if (!done) return done.error();
  return policy;
}

}  // namespace jump::store
