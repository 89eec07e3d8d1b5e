// Blocks: where received bytes lie while frames in them wait to go on. A relay never copies a large frame: it
// queues a slice of the block that the transport read into. One thread for each pool; counts are not atomic.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "common/base/bytes.h"

namespace jump::mux {

class Block {
 public:
  static constexpr std::size_t kSize = 32 * 1024;  // two largest frames

  // From this thread's pool (which keeps at most 64 free ones), or new.
  static Block* take();
  // Exactly `size` bytes, outside the pool: for small frames that must not hold a whole block.
  static Block* take_exact(std::size_t size);
  // Bytes in blocks of this thread that are in use; for limits and tests.
  static std::size_t bytes_in_use();

  void add_reference() { ++references_; }
  void release();
  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  std::size_t size() const { return size_; }
  bool shared() const { return references_ > 1; }

 private:
  explicit Block(std::size_t size) : size_(size) {}
  std::size_t references_ = 1;
  std::size_t size_;
};

// A counted reference to some bytes of a block.
class Slice {
 public:
  Slice() = default;
  // Shares `block`.
  Slice(Block* block, std::uint8_t* data, std::size_t size) : block_(block), data_(data), size_(size) {
    block_->add_reference();
  }
  // A copy in a block of its own, with room for `capacity` bytes in all.
  static Slice copy(ByteView bytes, std::size_t capacity = 0);
  // Appends, when this slice alone has its block and there is room behind it.
  bool grow(ByteView more);
  Slice(Slice&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), data_(other.data_), size_(other.size_) {}
  Slice& operator=(Slice&& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Slice() {
    if (block_ != nullptr) block_->release();
  }

  std::uint8_t* data() { return data_; }
  std::size_t size() const { return size_; }
  ByteView view() const { return {data_, size_}; }

 private:
  Block* block_ = nullptr;
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace jump::mux
