// Sealed boxes: AES-256-GCM, for backups (by passphrase) and stored credentials (by a key of the appliance).
//
//   "JSB1" | u8 kind | kind 2 only: u8 log2 N, u8 r, u8 p, 16 bytes salt | 12 bytes nonce | ciphertext | 16
//   bytes tag
//
// kind 1: by key. kind 2: by passphrase, through scrypt. Header and `context` are authenticated: a box that
// was sealed for one purpose (or one row) does not open for another.
#pragma once

#include <string_view>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/identity/password.h"

namespace jump::identity {

inline constexpr std::size_t kSealedBytes = std::size_t{1} << 31;  // contents of one box
inline constexpr ScryptCost kSealCost{17, 8, 1};                   // 128 MiB, once a backup

// `key`: 32 bytes (CHECK). A key seals at most 2^32 boxes: nonces are random.
Result<Bytes> seal(const Secret& key, std::string_view context, ByteView contents);
// Fault::unauthenticated: wrong key, wrong context or altered; which of them cannot be told.
Result<Secret> open_sealed(const Secret& key, std::string_view context, ByteView box);

Result<Bytes> seal_with_passphrase(const Secret& passphrase, std::string_view context, ByteView contents,
                                   const ScryptCost& cost = kSealCost);
Result<Secret> open_with_passphrase(const Secret& passphrase, std::string_view context, ByteView box);

}  // namespace jump::identity
