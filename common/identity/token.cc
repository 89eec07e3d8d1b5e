#include "common/identity/token.h"

#include "common/base/check.h"
#include "common/identity/random.h"

namespace jump::identity {
namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kPrefixChars = 16;

bool is_prefix(std::string_view prefix) {
  return !prefix.empty() && prefix.size() <= kPrefixChars &&
         prefix.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string_view::npos;
}

}  // namespace

Secret make_token(std::string_view prefix) {
  CHECK(is_prefix(prefix));
  std::string text = std::string(prefix) + "_" + to_base64url(random_secret(kTokenBytes).reveal());
  Secret token{std::string_view(text)};
  wipe(text.data(), text.size());
  return token;
}

Digest token_hash(std::string_view token) {
  return sha256(as_bytes(token));
}

bool looks_like_token(std::string_view text, std::string_view prefix) {
  if (text.size() > kTokenChars || !text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  if (!text.starts_with('_')) return false;
  Result<Bytes> bytes = from_base64url(text.substr(1));
  if (!bytes) return false;
  const Secret wiped(std::move(*bytes));
  return wiped.size() == kTokenBytes;
}

}  // namespace jump::identity
