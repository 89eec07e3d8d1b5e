// Handle: an owned handle of the operating system (Linux: a file descriptor, close-on-exec).
#pragma once

#include <utility>

namespace jump::platform {

class Handle {
 public:
  Handle() = default;
  explicit Handle(int native) : native_(native) {}
  Handle(Handle&& other) noexcept : native_(std::exchange(other.native_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      close();
      native_ = std::exchange(other.native_, -1);
    }
    return *this;
  }
  ~Handle() { close(); }

  bool valid() const { return native_ >= 0; }
  int get() const { return native_; }
  // Gives the ownership away: to an Asio object, for example.
  int release() { return std::exchange(native_, -1); }
  void close() noexcept;

 private:
  int native_ = -1;
};

// The standard handles of this process, for Pipe, ProcessSpec and the like; -1 where it has none.
int standard_input();
int standard_output();
int standard_error();

}  // namespace jump::platform
