#include "platform/handle.h"

#include <windows.h>

#include <utility>

#include "platform/windows/native.h"

namespace jump::platform {
namespace {

int standard(DWORD which) {
  const HANDLE handle = ::GetStdHandle(which);
  if (handle == nullptr || handle == INVALID_HANDLE_VALUE) return -1;
  return static_cast<int>(reinterpret_cast<std::intptr_t>(handle));
}

}  // namespace

void Handle::close() noexcept {
  if (native_ >= 0) ::CloseHandle(native_handle(std::exchange(native_, -1)));
}

int standard_input() {
  return standard(STD_INPUT_HANDLE);
}
int standard_output() {
  return standard(STD_OUTPUT_HANDLE);
}
int standard_error() {
  return standard(STD_ERROR_HANDLE);
}

}  // namespace jump::platform
