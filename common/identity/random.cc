#include "common/identity/random.h"

#include <limits>

#include <openssl/rand.h>

#include "common/base/check.h"

namespace jump::identity {

void fill_random(std::span<std::uint8_t> into) {
  CHECK(into.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
  CHECK(RAND_bytes(into.data(), static_cast<int>(into.size())) == 1);
}

Bytes random_bytes(std::size_t size) {
  Bytes bytes(size);
  fill_random(bytes);
  return bytes;
}

Secret random_secret(std::size_t size) {
  return Secret(random_bytes(size));
}

}  // namespace jump::identity
