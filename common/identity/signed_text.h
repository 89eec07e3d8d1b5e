// Bytes with the signatures of several keys in front; trust bundles (ECDSA) and orders (Ed25519) travel so.
//   u8 version = 1 | u8 n = 1…8 | n × (8 bytes key id, u8 length, signature) | the rest: the text
// Only the frame: who signed, and over what, is the caller's.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"

namespace jump::identity {

inline constexpr std::size_t kSignatures = 8;

using KeyId = std::array<std::uint8_t, 8>;

struct KeySignature {
  KeyId key{};      // which key; a hint, not a proof
  Bytes signature;  // at most 255 bytes
};

struct SignedText {
  std::vector<KeySignature> signatures;
  std::string_view text;  // into what was parsed
};

Bytes format_signed(const std::vector<KeySignature>& signatures, std::string_view text);
// `what` begins the error: "order". Refused: larger than `limit`, another version, no or too many signatures,
// cut.
Result<SignedText> parse_signed(ByteView bytes, std::size_t limit, std::string_view what);
// domain | 0x00 | text: what is signed, so that a signature serves one purpose only.
Bytes signing_input(std::string_view domain, std::string_view text);

}  // namespace jump::identity
