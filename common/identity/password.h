// Passwords of users: scrypt (RFC 7914), with its parameters in the stored text:
//     scrypt$<log2 N>$<r>$<p>$<salt, base64url>$<hash, base64url>
// Slow (about 0.2 s) and 32 MiB each, on purpose: never on a network thread, and the caller limits how
// many run at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/secret.h"

namespace jump::identity {

struct ScryptCost {
  std::uint8_t log2_n = 15;  // 1-20; memory 128 * N * r bytes
  std::uint8_t r = 8;        // 1-32
  std::uint8_t p = 3;        // 1-16
  friend bool operator==(const ScryptCost&, const ScryptCost&) = default;
};

inline constexpr std::size_t kPasswordBytes = 1024;  // longer is refused

// scrypt itself. Fault::invalid when the cost is outside the limits above or needs more than 1 GiB.
Result<Secret> scrypt(const Secret& password, ByteView salt, const ScryptCost& cost, std::size_t size);

// Fault::invalid for an empty or too long password.
Result<std::string> hash_password(const Secret& password, const ScryptCost& cost = {});
// True only for the right one; damaged text is false. Compares in constant time.
bool verify_password(const Secret& password, std::string_view stored);
// Costs as much as verify_password and is false: for users that do not exist.
bool verify_nothing(const Secret& password);
// The stored text was made with another cost than today's: hash anew at the next log-in.
bool needs_rehash(std::string_view stored, const ScryptCost& cost = {});

}  // namespace jump::identity
