#include "tools/appliance/store/store.h"

#include "tools/appliance/store/schema.h"

namespace jump::store {

Store::Store(std::unique_ptr<Db> opened)
    : db_(std::move(opened)),
      settings(*db_),
      users(*db_),
      api_accounts(*db_),
      tokens(*db_),
      groups(*db_),
      installers(*db_),
      jump_clients(*db_),
      jumpoints(*db_),
      jump_items(*db_),
      networks(*db_),
      vault_accounts(*db_),
      certificates(*db_),
      sessions(*db_),
      events(*db_) {}

Result<std::unique_ptr<Store>> Store::open(const std::string& path, std::int64_t now) {
  Result<std::unique_ptr<Db>> db = Db::open(path);
  if (!db) return db.error();
  const Result<void> migrated = migrate(**db, now);
  if (!migrated) return wrap(migrated.error(), path);
  return std::unique_ptr<Store>(new Store(std::move(*db)));
}

}  // namespace jump::store
