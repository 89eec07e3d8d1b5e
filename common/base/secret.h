// Secret: bytes that print as [secret] and are wiped when they go.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "common/base/bytes.h"

namespace jump {

// Overwrites memory in a way that the optimiser keeps.
void wipe(void* data, std::size_t size) noexcept;
// Compares without telling by its time where the difference is. Different sizes are unequal.
bool equal_in_constant_time(ByteView a, ByteView b) noexcept;

class Secret {
 public:
  Secret() = default;
  explicit Secret(Bytes bytes) : bytes_(std::move(bytes)) {}
  explicit Secret(std::string_view text) : bytes_(to_bytes(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) {}
  Secret& operator=(Secret other) noexcept {
    bytes_.swap(other.bytes_);
    return *this;
  }
  ~Secret() { wipe(bytes_.data(), bytes_.size()); }

  // The value itself: the name makes every use easy to find.
  ByteView reveal() const { return bytes_; }
  std::string_view reveal_text() const { return as_text(bytes_); }
  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size(); }

  friend bool operator==(const Secret& a, const Secret& b) {
    return equal_in_constant_time(a.bytes_, b.bytes_);
  }
  friend std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "[secret]"; }

 private:
  Bytes bytes_;
};

}  // namespace jump
