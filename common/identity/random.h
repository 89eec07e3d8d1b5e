// Random bytes for keys, nonces and ids (the DRBG of OpenSSL). Without randomness nothing here may go
// on, so a failure aborts.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/base/bytes.h"
#include "common/base/secret.h"

namespace jump::identity {

void fill_random(std::span<std::uint8_t> into);
Bytes random_bytes(std::size_t size);
Secret random_secret(std::size_t size);

template <std::size_t N>
std::array<std::uint8_t, N> random_array() {
  std::array<std::uint8_t, N> bytes;
  fill_random(bytes);
  return bytes;
}

}  // namespace jump::identity
