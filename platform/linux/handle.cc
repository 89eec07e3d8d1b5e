#include "platform/handle.h"

#include <unistd.h>

namespace jump::platform {

void Handle::close() noexcept {
  // Not repeated after EINTR: Linux has closed it by then (close(2)).
  if (native_ >= 0) ::close(std::exchange(native_, -1));
}

int standard_input() {
  return STDIN_FILENO;
}
int standard_output() {
  return STDOUT_FILENO;
}
int standard_error() {
  return STDERR_FILENO;
}

}  // namespace jump::platform
