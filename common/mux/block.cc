#include "common/mux/block.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

namespace jump::mux {
namespace {

constexpr std::size_t kMostFree = 64;

struct Pool {
  std::vector<void*> free;
  std::size_t in_use = 0;
  ~Pool() {
    for (void* memory : free) ::operator delete(memory);
  }
};

Pool& pool() {
  thread_local Pool instance;
  return instance;
}

}  // namespace

Block* Block::take() {
  Pool& p = pool();
  p.in_use += kSize;
  void* memory = nullptr;
  if (p.free.empty()) {
    memory = ::operator new(sizeof(Block) + kSize);
  } else {
    memory = p.free.back();
    p.free.pop_back();
  }
  return new (memory) Block(kSize);
}

Block* Block::take_exact(std::size_t size) {
  pool().in_use += size;
  return new (::operator new(sizeof(Block) + size)) Block(size);
}

std::size_t Block::bytes_in_use() {
  return pool().in_use;
}

void Block::release() {
  if (--references_ > 0) return;
  Pool& p = pool();
  p.in_use -= size_;
  const bool pooled = size_ == kSize && p.free.size() < kMostFree;
  void* memory = this;
  this->~Block();
  if (pooled) {
    p.free.push_back(memory);
  } else {
    ::operator delete(memory);
  }
}

Slice Slice::copy(ByteView bytes, std::size_t capacity) {
  Block* block = Block::take_exact(std::max(bytes.size(), capacity));
  std::memcpy(block->data(), bytes.data(), bytes.size());
  Slice slice(block, block->data(), bytes.size());
  block->release();
  return slice;
}

bool Slice::grow(ByteView more) {
  if (block_ == nullptr || block_->shared()) return false;
  const auto used = static_cast<std::size_t>(data_ + size_ - block_->data());
  if (block_->size() - used < more.size()) return false;
  std::memcpy(data_ + size_, more.data(), more.size());
  size_ += more.size();
  return true;
}

}  // namespace jump::mux
