#include "tools/appliance/store/users.h"

#include "tools/appliance/store/where.h"

namespace jump::store {

Result<void> Users::keep_an_administrator() {
  const Result<bool> left =
      value<bool>(db_, "SELECT EXISTS (SELECT 1 FROM users WHERE perm_admin AND enabled)");
  if (!left) return left.error();
  if (!*left) return Error(Fault::refused, "this is the last enabled administrator");
  return {};
}

Result<User> Users::create(User user, std::string_view password_hash) {
  Transaction transaction(db_);
  const Result<std::int64_t> id = insert(db_, "users", user);
  if (!id) return id.error();
  user.id = *id;
  if (user.display_number == 0) user.display_number = *id;
  Result<void> done = run(db_, "UPDATE users SET display_number = ?, password_hash = ? WHERE id = ?",
                          user.display_number, password_hash, user.id);
  if (!done) return done.error();
  done = transaction.commit();
  if (!done) return done.error();
  return user;
}

Result<std::optional<User>> Users::get(std::int64_t id) {
  static const std::string sql = "SELECT " + column_list<User>() + " FROM users WHERE id = ?";
  return first<User>(db_, sql, id);
}

Result<std::optional<User>> Users::by_name(std::string_view username) {
  static const std::string sql = "SELECT " + column_list<User>() + " FROM users WHERE username = ?";
  return first<User>(db_, sql, username);
}

Result<Rows<User>> Users::list(const UserFilter& filter, const Page& page) {
  Where where;
  where.also_if("id = ?", filter.id);
  where.also_if("username = ?", filter.username);
  where.also_if("email_address = ?", filter.email_address);
  where.also_if("security_provider_id = ?", filter.security_provider_id);
  return page_of<User>(db_, column_list<User>(), "users", where, "id", page);
}

Result<void> Users::change(const User& user) {
  Transaction transaction(db_);
  Result<void> done = update(db_, "users", user);
  if (!done) return done;
  done = keep_an_administrator();
  if (!done) return done;
  return transaction.commit();
}

Result<void> Users::remove(std::int64_t id) {
  Transaction transaction(db_);
  Result<void> done = run(db_, "DELETE FROM users WHERE id = ?", id);
  if (!done) return done;
  if (db_.changes() == 0) return Error(Fault::not_found, "no such user");
  done = keep_an_administrator();
  if (!done) return done;
  return transaction.commit();
}

Result<std::string> Users::password_hash(std::int64_t id) {
  return value<std::string>(db_, "SELECT password_hash FROM users WHERE id = ?", id);
}

Result<void> Users::set_password(std::int64_t id, std::string_view password_hash) {
  Transaction transaction(db_);
  const Result<void> done = run(db_, "UPDATE users SET password_hash = ? WHERE id = ?", password_hash, id);
  if (!done) return done;
  if (db_.changes() == 0) return Error(Fault::not_found, "no such user");
  return transaction.commit();
}

Result<void> Users::note_login(std::int64_t id, bool succeeded, std::int64_t now) {
  Transaction transaction(db_, Durability::soft);
  const Result<void> done =
      succeeded
          ? run(db_, "UPDATE users SET failed_logins = 0, last_authentication = ? WHERE id = ?", now, id)
          : run(db_, "UPDATE users SET failed_logins = min(failed_logins + 1, 1000000) WHERE id = ?", id);
  if (!done) return done;
  return transaction.commit();
}

Result<ApiAccount> ApiAccounts::create(ApiAccount account, ByteView secret_hash) {
  Transaction transaction(db_);
  const Result<std::int64_t> id = insert(db_, "api_accounts", account);
  if (!id) return id.error();
  account.id = *id;
  Result<void> done =
      run(db_, "UPDATE api_accounts SET secret_hash = ? WHERE id = ?", secret_hash, account.id);
  if (!done) return done.error();
  done = transaction.commit();
  if (!done) return done.error();
  return account;
}

Result<std::optional<ApiAccount>> ApiAccounts::get(std::int64_t id) {
  static const std::string sql = "SELECT " + column_list<ApiAccount>() + " FROM api_accounts WHERE id = ?";
  return first<ApiAccount>(db_, sql, id);
}

Result<std::optional<ApiAccount>> ApiAccounts::by_client_id(std::string_view client_id) {
  static const std::string sql =
      "SELECT " + column_list<ApiAccount>() + " FROM api_accounts WHERE client_id = ?";
  return first<ApiAccount>(db_, sql, client_id);
}

Result<Rows<ApiAccount>> ApiAccounts::list(const std::optional<std::string>& name, const Page& page) {
  Where where;
  where.also_if("name = ?", name);
  return page_of<ApiAccount>(db_, column_list<ApiAccount>(), "api_accounts", where, "id", page);
}

Result<void> ApiAccounts::change(const ApiAccount& account) {
  Transaction transaction(db_);
  const Result<void> done = update(db_, "api_accounts", account);
  if (!done) return done;
  return transaction.commit();
}

Result<void> ApiAccounts::remove(std::int64_t id) {
  Transaction transaction(db_);
  const Result<void> done = run(db_, "DELETE FROM api_accounts WHERE id = ?", id);
  if (!done) return done;
  if (db_.changes() == 0) return Error(Fault::not_found, "no such account");
  return transaction.commit();
}

Result<Bytes> ApiAccounts::secret_hash(std::int64_t id) {
  return value<Bytes>(db_, "SELECT secret_hash FROM api_accounts WHERE id = ?", id);
}

Result<void> ApiAccounts::set_secret(std::int64_t id, ByteView secret_hash) {
  Transaction transaction(db_);
  Result<void> done = run(db_, "UPDATE api_accounts SET secret_hash = ? WHERE id = ?", secret_hash, id);
  if (!done) return done;
  if (db_.changes() == 0) return Error(Fault::not_found, "no such account");
  done = run(db_, "DELETE FROM tokens WHERE account_id = ?", id);
  if (!done) return done;
  return transaction.commit();
}

Result<void> ApiAccounts::note_login(std::int64_t id, bool succeeded) {
  Transaction transaction(db_, Durability::soft);
  const Result<void> done = run(db_,
                                "UPDATE api_accounts SET failed_login_attempts = iif(?, 0, "
                                "min(failed_login_attempts + 1, 1000000)) WHERE id = ?",
                                succeeded, id);
  if (!done) return done;
  return transaction.commit();
}

}  // namespace jump::store
