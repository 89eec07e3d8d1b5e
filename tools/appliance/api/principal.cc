#include "tools/appliance/api/principal.h"

namespace jump::api {

std::string Principal::name() const {
  if (user) return "user:" + user->username;
  if (account) return "account:" + account->name;
  return "nobody";
}

std::optional<std::int64_t> Principal::seen_by() const {
  if (user && !user->perm_admin) return user->id;
  return std::nullopt;
}

}  // namespace jump::api
