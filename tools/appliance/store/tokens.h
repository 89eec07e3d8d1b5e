// Bearer tokens: log-ins of people, their own API tokens, and those of API accounts. Only the SHA-256 of a
// token is stored; it is random, 32 bytes, so a plain hash is enough.
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

enum class TokenKind { login, personal, account };
BOOST_DESCRIBE_ENUM(TokenKind, login, personal, account)

struct Token {
  std::int64_t id = 0;
  TokenKind kind = TokenKind::login;
  std::optional<std::int64_t> user_id;     // login, personal
  std::optional<std::int64_t> account_id;  // account
  std::string name;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> expires_at;
  std::optional<std::int64_t> last_used;  // to the minute
  std::string last_address;
};
BOOST_DESCRIBE_STRUCT(Token, (),
                      (id, kind, user_id, account_id, name, created_at, expires_at, last_used, last_address))

inline constexpr int kTokensOfAnAccount = 30;  // live; the oldest goes
inline constexpr int kTokensOfAUser = 100;     // live, log-ins and personal ones each; the oldest goes

class Tokens {
 public:
  explicit Tokens(Db& db) : db_(db) {}

  // Makes room first: the owner's oldest of the kind go, and those that expired.
  Result<Token> create(Token token, ByteView hash, std::int64_t now);
  // Nothing for an unknown or expired one. Says nothing of its owner being enabled.
  Result<std::optional<Token>> find(ByteView hash, std::int64_t now);
  Result<std::optional<Token>> get(std::int64_t id);
  Result<Rows<Token>> of_user(std::int64_t user, std::int64_t now, const Page& page);
  // Written at most once a minute for each token, softly.
  Result<void> note_use(const Token& token, std::string_view address, std::int64_t now);

  Result<bool> remove(std::int64_t id);
  // The ids that are gone.
  Result<std::vector<std::int64_t>> remove_of_user(std::int64_t user);
  Result<std::vector<std::int64_t>> remove_of_account(std::int64_t account);
  Result<void> remove_expired(std::int64_t now);

 private:
  Db& db_;
};

}  // namespace jump::store
