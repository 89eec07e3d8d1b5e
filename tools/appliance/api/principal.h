// Who is asking: a user, or a program's API account.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/appliance/store/tokens.h"
#include "tools/appliance/store/users.h"

namespace jump::api {

// Exactly one of user and account, once authenticated.
struct Principal {
  std::optional<store::User> user;
  std::optional<store::ApiAccount> account;
  store::Token token;
  // The password was reset or has expired: nothing is allowed but to change it.
  bool must_change_password = false;

  // "user:anna", "account:terraform": for events.
  std::string name() const;
  bool administrator() const { return user && user->perm_admin; }
  // Sees and edits the whole configuration.
  bool configures() const { return administrator() || (account && account->perm_configuration); }
  // The user whose visibility counts; empty: sees all.
  std::optional<std::int64_t> seen_by() const;
};

}  // namespace jump::api
