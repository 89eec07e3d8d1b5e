#include "tools/appliance/store/installers.h"

#include "tools/appliance/store/where.h"

namespace jump::store {
namespace {

const std::string& columns() {
  static const std::string list = column_list<Installer>();
  return list;
}

}  // namespace

Result<Installer> Installers::create(Installer installer, ByteView secret_hash) {
  Transaction transaction(db_);
  const Result<std::int64_t> id = insert(db_, "installers", installer);
  if (!id) return id.error();
  installer.id = *id;
  Result<void> done =
      run(db_, "UPDATE installers SET secret_hash = ? WHERE id = ?", secret_hash, installer.id);
  if (!done) return done.error();
  done = transaction.commit();
  if (!done) return done.error();
  return installer;
}

Result<std::optional<Installer>> Installers::get(std::int64_t id) {
  static const std::string sql = "SELECT " + columns() + " FROM installers WHERE id = ?";
  return first<Installer>(db_, sql, id);
}

Result<std::optional<Installer>> Installers::by_installer_id(std::string_view installer_id) {
  static const std::string sql = "SELECT " + columns() + " FROM installers WHERE installer_id = ?";
  return first<Installer>(db_, sql, installer_id);
}

Result<Bytes> Installers::secret_hash(std::int64_t id) {
  return value<Bytes>(db_, "SELECT secret_hash FROM installers WHERE id = ?", id);
}

Result<Rows<Installer>> Installers::list(const InstallerFilter& filter, const Page& page) {
  Where where;
  where.also_if("name = ?", filter.name);
  where.also_if("tag = ?", filter.tag);
  where.also_if("jump_group_id = ?", filter.jump_group_id);
  where.also_if("jump_group_type = ?", filter.jump_group_type);
  where.also_if("connection_type = ?", filter.connection_type);
  if (filter.visible_to) {
    where.also(
        "((jump_group_type = 'shared' AND jump_group_id IN (SELECT m.jump_group_id FROM jump_group_users m "
        "JOIN "
        "jump_item_roles r ON r.id = m.jump_item_role_id WHERE m.user_id = ? AND r.perm_add)) OR "
        "(jump_group_type = 'personal' AND jump_group_id = ?))",
        *filter.visible_to, *filter.visible_to);
  }
  return page_of<Installer>(db_, columns(), "installers", where, "id", page);
}

Result<void> Installers::change(const Installer& installer) {
  Transaction transaction(db_);
  const Result<void> done = update(db_, "installers", installer);
  if (!done) return done;
  return transaction.commit();
}

Result<void> Installers::count_use(std::int64_t id) {
  return run(db_, "UPDATE installers SET used = used + 1 WHERE id = ?", id);
}

Result<bool> Installers::remove(std::int64_t id) {
  const Result<void> done = run(db_, "DELETE FROM installers WHERE id = ?", id);
  if (!done) return done.error();
  return db_.changes() > 0;
}

}  // namespace jump::store
