// SHA-256 (FIPS 180-4) and what is built on it: HMAC (RFC 2104), HKDF (RFC 5869).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/secret.h"

namespace jump::identity {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(ByteView bytes);
Digest hmac_sha256(ByteView key, ByteView message);
// Extract with an empty salt, then expand; `size` at most 255 * 32.
Secret hkdf_sha256(const Secret& key, ByteView info, std::size_t size);

// For what does not fit into memory. After finish() only reset(), assignment and destruction are legal.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(ByteView bytes);
  Digest finish();
  // Starts anew.
  void reset();
  // A second hash that goes on from here: a transfer that may resume keeps one at its last safe offset.
  Sha256 fork() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace jump::identity
