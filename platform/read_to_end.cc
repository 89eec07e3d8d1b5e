#include <array>

#include "platform/pipe.h"

namespace jump::platform {

Result<Secret> read_to_end(int handle, std::size_t limit) {
  Bytes all;
  std::array<std::uint8_t, 4096> piece;
  while (true) {
    const Result<std::size_t> got = read_blocking(handle, piece);
    if (!got) return got.error();
    if (*got == 0) break;
    all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got));
    if (all.size() > limit) {
      return Error(Fault::too_large, "it has more than " + std::to_string(limit) + " bytes");
    }
  }
  wipe(piece.data(), piece.size());
  Secret secret(std::move(all));
  return secret;
}

}  // namespace jump::platform
