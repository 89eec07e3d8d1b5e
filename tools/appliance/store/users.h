// Users, their password hashes, and the accounts that programs log in with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "tools/appliance/store/db.h"
#include "tools/appliance/store/page.h"

namespace jump::store {

// Times are seconds since 1970. The password's hash is never part of this.
struct User {
  std::int64_t id = 0;
  std::int64_t security_provider_id = 1;  // 1: local
  std::int64_t display_number = 0;        // 0: the id, given at creation
  std::string username;                   // unique without regard to case
  std::string public_display_name;
  std::string private_display_name;
  std::optional<std::int64_t> password_expiration;
  std::string email_address;
  std::string preferred_email_language = "en-us";
  bool two_factor_required = false;
  bool enabled = true;
  std::optional<std::int64_t> last_authentication;
  std::int32_t failed_logins = 0;
  bool password_reset_next_login = false;
  std::int64_t created_at = 0;
  bool perm_admin = false;
};
BOOST_DESCRIBE_STRUCT(User, (),
                      (id, security_provider_id, display_number, username, public_display_name,
                       private_display_name, password_expiration, email_address, preferred_email_language,
                       two_factor_required, enabled, last_authentication, failed_logins,
                       password_reset_next_login, created_at, perm_admin))

// All that are given must match, exactly but for case.
struct UserFilter {
  std::optional<std::string> username;
  std::optional<std::string> email_address;
  std::optional<std::int64_t> security_provider_id;
  std::optional<std::int64_t> id;
};

class Users {
 public:
  explicit Users(Db& db) : db_(db) {}

  // `password_hash` as made by password.h; empty: nobody can log in with a password.
  Result<User> create(User user, std::string_view password_hash);
  Result<std::optional<User>> get(std::int64_t id);
  Result<std::optional<User>> by_name(std::string_view username);
  Result<Rows<User>> list(const UserFilter& filter, const Page& page);
  // Refused (Fault::refused) when no enabled administrator would be left. The same for remove().
  Result<void> change(const User& user);
  Result<void> remove(std::int64_t id);

  Result<std::string> password_hash(std::int64_t id);
  Result<void> set_password(std::int64_t id, std::string_view password_hash);
  // Counts failed log-ins, or sets the count to zero and the time of the log-in.
  Result<void> note_login(std::int64_t id, bool succeeded, std::int64_t now);

 private:
  Result<void> keep_an_administrator();
  Db& db_;
};

enum class CommandRight { deny, read_only, full_access };
BOOST_DESCRIBE_ENUM(CommandRight, deny, read_only, full_access)

struct ApiAccount {
  std::int64_t id = 0;
  std::string name;  // unique without regard to case
  std::string comments;
  bool enabled = true;
  std::string ip_addresses;  // addresses that it may come from, one a line; empty: any
  std::string client_id;     // 40 hex digits
  std::int32_t failed_login_attempts = 0;
  std::int64_t created_at = 0;
  CommandRight perm_command = CommandRight::deny;
  bool perm_reporting_support = false;
  bool perm_reporting_license = false;
  bool perm_reporting_archive = false;
  bool perm_reporting_vault = false;
  bool perm_reporting_jump_item = false;
  bool perm_reporting_syslog = false;
  bool perm_backup = false;
  bool perm_vault_backup = false;
  bool perm_real_time_state = false;
  bool perm_ecm = false;
  bool perm_configuration = false;
  bool perm_configuration_vault_account = false;
};
BOOST_DESCRIBE_STRUCT(ApiAccount, (),
                      (id, name, comments, enabled, ip_addresses, client_id, failed_login_attempts,
                       created_at, perm_command, perm_reporting_support, perm_reporting_license,
                       perm_reporting_archive, perm_reporting_vault, perm_reporting_jump_item,
                       perm_reporting_syslog, perm_backup, perm_vault_backup, perm_real_time_state, perm_ecm,
                       perm_configuration, perm_configuration_vault_account))

class ApiAccounts {
 public:
  explicit ApiAccounts(Db& db) : db_(db) {}

  Result<ApiAccount> create(ApiAccount account, ByteView secret_hash);
  Result<std::optional<ApiAccount>> get(std::int64_t id);
  Result<std::optional<ApiAccount>> by_client_id(std::string_view client_id);
  Result<Rows<ApiAccount>> list(const std::optional<std::string>& name, const Page& page);
  Result<void> change(const ApiAccount& account);
  Result<void> remove(std::int64_t id);

  Result<Bytes> secret_hash(std::int64_t id);
  // Voids every token of the account in the same transaction.
  Result<void> set_secret(std::int64_t id, ByteView secret_hash);
  Result<void> note_login(std::int64_t id, bool succeeded);

 private:
  Db& db_;
};

}  // namespace jump::store
