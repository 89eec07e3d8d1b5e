#include "common/mux/outbox.h"

namespace jump::mux {

void Batch::add_view(ByteView bytes) {
  parts_.push_back(bytes);
  bytes_ += bytes.size();
}

void Batch::add(Bytes frame) {
  frames_.push_back(std::move(frame));
  add_view(frames_.back());
}

void Batch::add(Slice frame) {
  slices_.push_back(std::move(frame));
  add_view(slices_.back().view());
}

void Batch::add_data_header(const std::array<std::uint8_t, kDataHeaderBytes>& header) {
  headers_.push_back(header);
  add_view(headers_.back());
}

void Batch::clear() {
  parts_.clear();
  frames_.clear();
  headers_.clear();
  slices_.clear();
  bytes_ = 0;
}

Outbox::Outbox(std::function<void()> wake) : wake_(std::move(wake)) {}

bool Outbox::control(Bytes frame) {
  if (control_bytes_ + frame.size() > limits::kControlBacklog) return false;
  control_bytes_ += frame.size();
  control_.push_back(std::move(frame));
  wake_();
  return true;
}

void Outbox::ready(FrameSource& source) {
  // A lazy source that has become urgent changes its queue; any other keeps its turn.
  const bool lazy = source.lazy();
  if (source.is_linked()) {
    if (!source.in_lazy_ || lazy) return;
    source.unlink();
  }
  source.in_lazy_ = lazy;
  if (lazy) {
    lazy_.push_back(source);
  } else {
    queues_[static_cast<std::size_t>(source.priority())].push_back(source);
  }
  wake_();
}

void Outbox::remove(FrameSource& source) {
  if (source.is_linked()) source.unlink();
}

bool Outbox::pending() const {
  return !control_.empty() || !queues_[0].empty() || !queues_[1].empty() || !queues_[2].empty();
}

bool Outbox::lazy_pending() const {
  return !lazy_.empty();
}

void Outbox::fill(Batch& batch, std::size_t limit, std::size_t most_frame, Instant now) {
  const bool streams_wait = !queues_[1].empty() || !queues_[2].empty();
  const std::size_t control_limit = streams_wait ? limit / 4 : limit;
  while (!control_.empty() && (batch.empty() || batch.bytes() < control_limit)) {
    control_bytes_ -= control_.front().size();
    batch.add(std::move(control_.front()));
    control_.pop_front();
  }
  // What can wait goes along with any packet that goes anyway.
  while (!lazy_.empty()) {
    FrameSource& source = lazy_.front();
    lazy_.pop_front();
    source.in_lazy_ = false;
    queues_[0].push_back(source);
  }
  for (Queue& queue : queues_) {
    bool sent = false;
    while (!queue.empty() && (!sent || batch.bytes() < limit)) {
      FrameSource& source = queue.front();
      queue.pop_front();
      if (!source.emit(batch, most_frame, now)) continue;
      sent = true;
      if (!source.is_linked()) queues_[static_cast<std::size_t>(source.priority())].push_back(source);
    }
  }
}

void BulkMeter::count(std::size_t bytes, Instant now) {
  constexpr auto kInterval = std::chrono::milliseconds(100);
  constexpr std::uint64_t kMost = 64 * 1024;
  if (now - since_ > kInterval) {
    // Over with one quiet interval, seen or slept through.
    if (bytes_ <= kMost || now - since_ > 2 * kInterval) bulk_ = false;
    since_ = now;
    bytes_ = 0;
  }
  bytes_ += bytes;
  if (bytes_ > kMost) bulk_ = true;
}

}  // namespace jump::mux
