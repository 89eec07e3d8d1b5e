#include "tools/appliance/store/vault_accounts.h"

#include "tools/appliance/store/where.h"

namespace jump::store {
namespace {

const std::string& columns() {
  static const std::string list = column_list<VaultAccount>();
  return list;
}

}  // namespace

Result<VaultAccount> VaultAccounts::create(VaultAccount account) {
  const Result<std::int64_t> id = insert(db_, "vault_accounts", account);
  if (!id) return id.error();
  account.id = *id;
  return account;
}

Result<std::optional<VaultAccount>> VaultAccounts::get(std::int64_t id) {
  static const std::string sql = "SELECT " + columns() + " FROM vault_accounts WHERE id = ?";
  return first<VaultAccount>(db_, sql, id);
}

Result<Rows<VaultAccount>> VaultAccounts::list(const VaultFilter& filter, const Page& page) {
  Where where;
  where.also_if("type = ?", filter.type);
  where.also_if("name = ?", filter.name);
  where.also_if("account_group_id = ?", filter.account_group_id);
  return page_of<VaultAccount>(db_, columns(), "vault_accounts", where, "id", page);
}

Result<void> VaultAccounts::change(const VaultAccount& account) {
  return update(db_, "vault_accounts", account);
}

Result<Bytes> VaultAccounts::sealed(std::int64_t id) {
  return value<Bytes>(db_, "SELECT sealed FROM vault_accounts WHERE id = ?", id);
}

Result<void> VaultAccounts::set_sealed(std::int64_t id, ByteView box) {
  return run(db_, "UPDATE vault_accounts SET sealed = ? WHERE id = ?", box, id);
}

Result<void> VaultAccounts::remove(std::int64_t id) {
  Transaction transaction(db_);
  const Result<std::int64_t> items =
      value<std::int64_t>(db_, "SELECT count(*) FROM jump_items WHERE vault_account_id = ?", id);
  if (!items) return items.error();
  if (*items > 0) return Error(Fault::refused, std::to_string(*items) + " assets use the account");
  const Result<void> done = run(db_, "DELETE FROM vault_accounts WHERE id = ?", id);
  if (!done) return done;
  if (db_.changes() == 0) return Error(Fault::not_found, "no such account");
  return transaction.commit();
}

}  // namespace jump::store
