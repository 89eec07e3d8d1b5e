#include "common/tunnel/worker_buffers.h"

#include <utility>

#include "common/base/check.h"

namespace jump::tunnel {

ByteView WorkerBuffers::Owner::input() const {
  if (held_ == nullptr) return {};
  return {held_->in_.get() + held_->begin_, held_->end_ - held_->begin_};
}

void WorkerBuffers::Owner::consume(std::size_t bytes) {
  CHECK(held_ != nullptr && bytes <= held_->end_ - held_->begin_);
  held_->begin_ += bytes;
  if (held_->begin_ == held_->end_) release();
}

void WorkerBuffers::Owner::release() noexcept {
  if (WorkerBuffers* buffers = std::exchange(held_, nullptr)) buffers->owner_ = nullptr;
}

// Not value-initialised: pages that no batch ever reaches cost nothing.
WorkerBuffers::WorkerBuffers()
    : in_(new std::uint8_t[kBatch]), out_(new std::uint8_t[kOut]), record_(new std::uint8_t[kRecord]) {}

WorkerBuffers::~WorkerBuffers() {
  claim();
}

WorkerBuffers& WorkerBuffers::mine() {
  thread_local WorkerBuffers buffers;
  return buffers;
}

std::span<std::uint8_t> WorkerBuffers::claim() {
  if (Owner* owner = std::exchange(owner_, nullptr)) {
    owner->held_ = nullptr;
    owner->keep({in_.get() + begin_, end_ - begin_});
  }
  return {in_.get(), kBatch};
}

void WorkerBuffers::filled(Owner& owner, std::size_t bytes) {
  CHECK(owner_ == nullptr && bytes <= kBatch);
  if (bytes == 0) return;
  begin_ = 0;
  end_ = bytes;
  owner_ = &owner;
  owner.held_ = this;
}

}  // namespace jump::tunnel
