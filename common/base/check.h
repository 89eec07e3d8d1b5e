// CHECK: a broken promise of our own code ends the process at once, with the place. Never used on
// anything that a peer, a user or the operating system can cause.
#pragma once

namespace jump {
[[noreturn]] void check_failed(const char* what, const char* file, int line) noexcept;
}

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::jump::check_failed(#condition, __FILE__, __LINE__))
