#include "tools/appliance/store/tokens.h"

#include "tools/appliance/store/where.h"

namespace jump::store {
namespace {

constexpr std::int64_t kUseEvery = 60;  // seconds

const std::string& columns() {
  static const std::string list = column_list<Token>();
  return list;
}

}  // namespace

Result<Token> Tokens::create(Token token, ByteView hash, std::int64_t now) {
  CHECK(token.user_id.has_value() != token.account_id.has_value());
  Transaction transaction(db_);
  Result<void> done = remove_expired(now);
  if (!done) return done.error();
  const int most = token.kind == TokenKind::account ? kTokensOfAnAccount : kTokensOfAUser;
  // Ids grow, so the oldest are the smallest.
  done =
      token.account_id
          ? run(db_,
                "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE account_id = ? ORDER BY id DESC "
                "LIMIT -1 OFFSET ?)",
                *token.account_id, most - 1)
          : run(db_,
                "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE user_id = ? AND kind = ? ORDER "
                "BY id "
                "DESC LIMIT -1 OFFSET ?)",
                *token.user_id, token.kind, most - 1);
  if (!done) return done.error();
  const Result<std::int64_t> id = value<std::int64_t>(
      db_,
      "INSERT INTO tokens (kind, user_id, account_id, name, created_at, expires_at, last_address, hash) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
      token.kind, token.user_id, token.account_id, token.name, token.created_at, token.expires_at,
      token.last_address, hash);
  if (!id) return id.error();
  token.id = *id;
  done = transaction.commit();
  if (!done) return done.error();
  return token;
}

Result<std::optional<Token>> Tokens::find(ByteView hash, std::int64_t now) {
  static const std::string sql =
      "SELECT " + columns() + " FROM tokens WHERE hash = ? AND (expires_at IS NULL OR expires_at > ?)";
  return first<Token>(db_, sql, hash, now);
}

Result<std::optional<Token>> Tokens::get(std::int64_t id) {
  static const std::string sql = "SELECT " + columns() + " FROM tokens WHERE id = ?";
  return first<Token>(db_, sql, id);
}

Result<Rows<Token>> Tokens::of_user(std::int64_t user, std::int64_t now, const Page& page) {
  Where where;
  where.also("user_id = ?", user);
  where.also("(expires_at IS NULL OR expires_at > ?)", now);
  return page_of<Token>(db_, columns(), "tokens", where, "id", page);
}

Result<void> Tokens::note_use(const Token& token, std::string_view address, std::int64_t now) {
  if (token.last_used && now - *token.last_used < kUseEvery && now >= *token.last_used) return {};
  Transaction transaction(db_, Durability::soft);
  const Result<void> done =
      run(db_, "UPDATE tokens SET last_used = ?, last_address = ? WHERE id = ?", now, address, token.id);
  if (!done) return done;
  return transaction.commit();
}

Result<bool> Tokens::remove(std::int64_t id) {
  const Result<void> done = run(db_, "DELETE FROM tokens WHERE id = ?", id);
  if (!done) return done.error();
  return db_.changes() > 0;
}

Result<std::vector<std::int64_t>> Tokens::remove_of_user(std::int64_t user) {
  return all<std::int64_t>(db_, "DELETE FROM tokens WHERE user_id = ? RETURNING id", user);
}

Result<std::vector<std::int64_t>> Tokens::remove_of_account(std::int64_t account) {
  return all<std::int64_t>(db_, "DELETE FROM tokens WHERE account_id = ? RETURNING id", account);
}

Result<void> Tokens::remove_expired(std::int64_t now) {
  return run(db_, "DELETE FROM tokens WHERE expires_at <= ?", now);
}

}  // namespace jump::store
