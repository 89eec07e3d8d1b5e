// The appliance's database as one object: what stands on its disk and must survive its death.
//
// SQL stands in this folder only; everything else works with the typed functions of the members. One thread
// (the database thread). Functions that need the time take it: `now` is seconds since 1970, `run` is the
// appliance's own run time in seconds, summed over its starts (absence counts by it).
#pragma once

#include <memory>
#include <string>

#include "common/base/error.h"
#include "tools/appliance/store/certificates.h"
#include "tools/appliance/store/db.h"
#include "tools/appliance/store/events.h"
#include "tools/appliance/store/groups.h"
#include "tools/appliance/store/installers.h"
#include "tools/appliance/store/jump_clients.h"
#include "tools/appliance/store/jump_items.h"
#include "tools/appliance/store/jumpoints.h"
#include "tools/appliance/store/networks.h"
#include "tools/appliance/store/sessions.h"
#include "tools/appliance/store/settings.h"
#include "tools/appliance/store/tokens.h"
#include "tools/appliance/store/users.h"
#include "tools/appliance/store/vault_accounts.h"

namespace jump::store {

class Store {
 public:
  // Opens or creates the database and brings its schema up to date. ":memory:" for tests.
  static Result<std::unique_ptr<Store>> open(const std::string& path, std::int64_t now);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Several calls as one: Transaction whole(store.db()); …; whole.commit().
  Db& db() { return *db_; }
  // A consistent copy in a new file (0600), for backup.
  Result<void> copy_to(const std::string& path) { return db_->copy_to(path); }

 private:
  explicit Store(std::unique_ptr<Db> db);
  std::unique_ptr<Db> db_;

 public:
  Settings settings;
  Users users;
  ApiAccounts api_accounts;
  Tokens tokens;
  Groups groups;
  Installers installers;
  JumpClients jump_clients;
  Jumpoints jumpoints;
  JumpItems jump_items;
  Networks networks;
  VaultAccounts vault_accounts;
  Certificates certificates;
  Sessions sessions;
  Events events;
};

}  // namespace jump::store
