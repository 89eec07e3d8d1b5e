#include "common/mux/offset_buffer.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace jump::mux {
namespace {
constexpr std::size_t kLeast = 1024;
}

void OffsetBuffer::write(ByteView bytes) {
  if (bytes.empty()) return;
  reserve(static_cast<std::size_t>(written_ - base_) + bytes.size());
  const std::size_t at = index(written_);
  const std::size_t first = std::min(bytes.size(), capacity_ - at);
  std::memcpy(&ring_[at], bytes.data(), first);
  std::memcpy(&ring_[0], bytes.data() + first, bytes.size() - first);
  written_ += bytes.size();
  if (retain_ > 0 && written_ > retain_) drop_until(std::min(acked_, written_ - retain_));
}

OffsetBuffer::Pieces OffsetBuffer::take(std::size_t most) {
  const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(most, written_ - cursor_));
  if (size == 0) return {};
  const std::size_t at = index(cursor_);
  const std::size_t first = std::min(size, capacity_ - at);
  cursor_ += size;
  return {{&ring_[at], first}, {&ring_[0], size - first}};
}

bool OffsetBuffer::acknowledge(std::uint64_t offset) {
  if (offset < acked_ || offset > written_) return false;
  acked_ = offset;
  cursor_ = std::max(cursor_, acked_);
  if (retain_ == 0) {
    drop_until(acked_);
  } else if (written_ > retain_) {
    drop_until(std::min(acked_, written_ - retain_));
  }
  return true;
}

bool OffsetBuffer::rewind(std::uint64_t offset) {
  if (offset < base_ || offset > written_) return false;
  cursor_ = offset;
  acked_ = std::min(acked_, offset);
  return true;
}

void OffsetBuffer::drop_until(std::uint64_t offset) {
  if (offset <= base_) return;
  base_ = offset;
  // A long-lived quiet stream gives its memory back.
  if (base_ == written_ && capacity_ > kLeast) {
    ring_.reset();
    capacity_ = 0;
  }
}

void OffsetBuffer::reserve(std::size_t size) {
  if (size <= capacity_) return;
  const std::size_t capacity = std::bit_ceil(std::max(size, kLeast));
  auto ring = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
  for (std::uint64_t offset = base_; offset < written_;) {
    const std::size_t from = index(offset);
    const std::size_t to = static_cast<std::size_t>(offset & (capacity - 1));
    const std::size_t size_here =
        std::min({static_cast<std::size_t>(written_ - offset), capacity_ - from, capacity - to});
    std::memcpy(&ring[to], &ring_[from], size_here);
    offset += size_here;
  }
  ring_ = std::move(ring);
  capacity_ = capacity;
}

}  // namespace jump::mux
