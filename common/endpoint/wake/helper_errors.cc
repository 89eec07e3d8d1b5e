#include "common/endpoint/wake/helper_errors.h"

#include <array>
#include <cstdio>

namespace jump::endpoint {

Task<> pass_on_errors(platform::Pipe& from) {
  std::array<std::uint8_t, 4096> piece;
  while (true) {
    const Result<std::size_t> got = co_await from.read(piece);
    if (!got || *got == 0) co_return;
    std::fwrite(piece.data(), 1, *got, stderr);
  }
}

}  // namespace jump::endpoint
