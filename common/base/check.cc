#include "common/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace jump {

void check_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, what);
  std::fflush(stderr);
  std::abort();
}

}  // namespace jump
