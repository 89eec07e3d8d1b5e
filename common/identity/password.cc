#include "common/identity/password.h"

#include <array>
#include <charconv>
#include <optional>

#include <openssl/evp.h>

#include "common/identity/openssl_types.h"
#include "common/identity/random.h"

namespace jump::identity {
namespace {

constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::uint64_t kMostMemory = std::uint64_t{1} << 30;

struct StoredHash {
  ScryptCost cost;
  Bytes salt;
  Bytes hash;
};

Result<void> check_cost(const ScryptCost& cost) {
  const bool inside =
      cost.log2_n >= 1 && cost.log2_n <= 20 && cost.r >= 1 && cost.r <= 32 && cost.p >= 1 && cost.p <= 16;
  if (!inside || (std::uint64_t{128} << cost.log2_n) * cost.r > kMostMemory) {
    return Error(Fault::invalid, "scrypt: a cost of 2^" + std::to_string(cost.log2_n) + ", " +
                                     std::to_string(cost.r) + ", " + std::to_string(cost.p) +
                                     " is outside the limits");
  }
  return {};
}

std::optional<std::uint8_t> number(std::string_view text) {
  std::uint8_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<StoredHash> parse(std::string_view stored) {
  std::array<std::string_view, 6> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t end = stored.find('$');
    if ((end == std::string_view::npos) != (i + 1 == parts.size())) return std::nullopt;
    parts[i] = stored.substr(0, end);
    stored.remove_prefix(end == std::string_view::npos ? stored.size() : end + 1);
  }
  const auto log2_n = number(parts[1]);
  const auto r = number(parts[2]);
  const auto p = number(parts[3]);
  Result<Bytes> salt = from_base64url(parts[4]);
  Result<Bytes> hash = from_base64url(parts[5]);
  if (parts[0] != "scrypt" || !log2_n || !r || !p || !salt || !hash) return std::nullopt;
  // A short stored hash would match too easily.
  if (salt->size() != kSaltBytes || hash->size() != kHashBytes) return std::nullopt;
  return StoredHash{{*log2_n, *r, *p}, std::move(*salt), std::move(*hash)};
}

}  // namespace

Result<Secret> scrypt(const Secret& password, ByteView salt, const ScryptCost& cost, std::size_t size) {
  const Result<void> checked = check_cost(cost);
  if (!checked) return checked.error();
  Bytes out(size);
  const std::string_view text = password.reveal_text();
  // OpenSSL counts some working space on top of 128 * N * r.
  const int done =
      EVP_PBE_scrypt(text.data(), text.size(), salt.data(), salt.size(), std::uint64_t{1} << cost.log2_n,
                     cost.r, cost.p, 2 * kMostMemory, out.data(), out.size());
  if (done != 1) return openssl_error(Fault::unavailable, "scrypt");
  return Secret(std::move(out));
}

Result<std::string> hash_password(const Secret& password, const ScryptCost& cost) {
  if (password.empty()) return Error(Fault::invalid, "the password is empty");
  if (password.size() > kPasswordBytes) {
    return Error(Fault::invalid,
                 "the password has " + std::to_string(password.size()) + " bytes, at most 1024 are taken");
  }
  const Bytes salt = random_bytes(kSaltBytes);
  const Result<Secret> hash = scrypt(password, salt, cost, kHashBytes);
  if (!hash) return hash.error();
  return "scrypt$" + std::to_string(cost.log2_n) + "$" + std::to_string(cost.r) + "$" +
         std::to_string(cost.p) + "$" + to_base64url(salt) + "$" + to_base64url(hash->reveal());
}

bool verify_password(const Secret& password, std::string_view stored) {
  if (password.empty() || password.size() > kPasswordBytes) return false;
  const std::optional<StoredHash> parsed = parse(stored);
  if (!parsed) return false;
  const Result<Secret> hash = scrypt(password, parsed->salt, parsed->cost, kHashBytes);
  return hash && equal_in_constant_time(hash->reveal(), parsed->hash);
}

bool verify_nothing(const Secret& password) {
  if (password.empty() || password.size() > kPasswordBytes) return false;
  static const Bytes kSalt(kSaltBytes);
  const Result<Secret> hash = scrypt(password, kSalt, ScryptCost{}, kHashBytes);
  return false;
}

bool needs_rehash(std::string_view stored, const ScryptCost& cost) {
  const std::optional<StoredHash> parsed = parse(stored);
  return !parsed || !(parsed->cost == cost);
}

}  // namespace jump::identity
