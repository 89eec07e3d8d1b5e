// Stored credentials (PRODUCT.md 6.6). What is secret in them stands here as a sealed box (identity/seal.h)
// that this folder cannot open; api/vault.h can.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "tools/appliance/store/db.h"
#include "tools/appliance/store/page.h"

namespace jump::store {

enum class VaultType { username_password, ssh };
BOOST_DESCRIBE_ENUM(VaultType, username_password, ssh)

struct VaultAccount {
  std::int64_t id = 0;
  VaultType type = VaultType::username_password;
  std::string name;  // unique without regard to case
  std::string username;
  std::string description;
  std::optional<std::string> private_key_public_cert;  // OpenSSH certificate, one line
  std::int64_t account_group_id = 1;
  std::optional<std::string> account_policy;
  std::int64_t created_at = 0;
};
BOOST_DESCRIBE_STRUCT(VaultAccount, (),
                      (id, type, name, username, description, private_key_public_cert, account_group_id,
                       account_policy, created_at))

struct VaultFilter {
  std::optional<VaultType> type;
  std::optional<std::string> name;
  std::optional<std::int64_t> account_group_id;
};

class VaultAccounts {
 public:
  explicit VaultAccounts(Db& db) : db_(db) {}

  // The box is sealed for the id that the row gets: set_sealed() follows in the same transaction.
  Result<VaultAccount> create(VaultAccount account);
  Result<std::optional<VaultAccount>> get(std::int64_t id);
  Result<Rows<VaultAccount>> list(const VaultFilter& filter, const Page& page);
  Result<void> change(const VaultAccount& account);
  Result<Bytes> sealed(std::int64_t id);
  Result<void> set_sealed(std::int64_t id, ByteView box);
  // Refused while assets use it.
  Result<void> remove(std::int64_t id);

 private:
  Db& db_;
};

}  // namespace jump::store
