#include "common/mux/frame_reader.h"

#include <cstring>

#include "common/base/check.h"

namespace jump::mux {
namespace {
constexpr std::size_t kRecord = 16384;
constexpr std::size_t kWorthSharing = 4096;
}  // namespace

Slice FrameView::keep() const {
  if (whole.size() < kWorthSharing) return Slice::copy(whole);
  return Slice(block, whole.data(), whole.size());
}

FrameReader::~FrameReader() {
  if (block_ != nullptr) block_->release();
}

std::span<std::uint8_t> FrameReader::room() {
  if (block_ != nullptr && begin_ == end_ && !block_->shared()) begin_ = end_ = 0;
  if (block_ == nullptr || block_->size() - end_ < kRecord) {
    // Frames in the old block may still be queued somewhere, so the rest of a frame moves to a new one.
    Block* fresh = Block::take();
    const std::size_t rest = end_ - begin_;
    if (rest > 0) std::memcpy(fresh->data(), block_->data() + begin_, rest);
    if (block_ != nullptr) block_->release();
    block_ = fresh;
    begin_ = 0;
    end_ = rest;
  }
  return {block_->data() + end_, block_->size() - end_};
}

void FrameReader::filled(std::size_t bytes) {
  CHECK(block_ != nullptr && bytes <= block_->size() - end_);
  end_ += bytes;
}

Result<std::optional<FrameView>> FrameReader::next() {
  if (end_ - begin_ < kHeaderBytes) return std::optional<FrameView>();
  std::uint8_t* at = block_->data() + begin_;
  const Result<Header> header = decode_header({at, kHeaderBytes});
  if (!header) return header.error();
  if (end_ - begin_ < header->length) return std::optional<FrameView>();
  begin_ += header->length;
  return std::optional<FrameView>(FrameView{*header, {at, header->length}, block_});
}

void FrameReader::rest() {
  if (block_ != nullptr && begin_ == end_) {
    block_->release();
    block_ = nullptr;
    begin_ = end_ = 0;
  }
}

}  // namespace jump::mux
