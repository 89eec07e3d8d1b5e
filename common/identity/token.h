// Tokens of consoles and of the API: a prefix that says what it is (and that secret scanners find), then 32
// random bytes.
//     jct_<43 characters base64url>
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/identity/sha256.h"

namespace jump::identity {

inline constexpr std::size_t kTokenChars = 128;  // longer is no token

// `prefix`: [a-z0-9]{1,16}, "jct" for consoles, "jat" for the API (CHECK).
Secret make_token(std::string_view prefix);
// What is stored and looked up: SHA-256 of the whole text. The token is random, so a fast hash is right.
Digest token_hash(std::string_view token);
// The shape only: prefix_ and 43 characters that decode to 32 bytes. Refuses rubbish before the database sees
// it.
bool looks_like_token(std::string_view text, std::string_view prefix);

}  // namespace jump::identity
