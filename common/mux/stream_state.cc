#include "common/mux/stream_state.h"

#include <algorithm>

#include "common/base/check.h"

namespace jump::mux {

StreamState::StreamState(std::uint32_t number, const StreamOptions& options, WindowPool& pool)
    : number_(number), options_(options), pool_(pool), outgoing_(0, options.retain), taken_(0) {}

StreamState::StreamState(const StreamPosition& peer, const StreamOptions& options, WindowPool& pool)
    : number_(peer.stream),
      options_(options),
      pool_(pool),
      outgoing_(peer.next, options.retain),
      begin_(peer.next),
      ended_(peer.ended),
      end_sent_(peer.ended),
      incoming_(peer.start),
      taken_(peer.start) {}

StreamState::~StreamState() {
  pool_.left += window_ - limits::kWindowStart;
}

std::size_t StreamState::room() const {
  if (ended_) return 0;
  const std::uint64_t capacity =
      options_.retain > 0 ? options_.retain
                          : std::clamp(2 * flight_.limit(), limits::kWindowStart, limits::kWindowMost);
  return capacity > outgoing_.unacked() ? static_cast<std::size_t>(capacity - outgoing_.unacked()) : 0;
}

void StreamState::write(ByteView bytes) {
  CHECK(!ended_ || bytes.empty());
  outgoing_.write(bytes);
}

void StreamState::end() {
  ended_ = true;
}

std::size_t StreamState::read(std::span<std::uint8_t> into) {
  const OffsetBuffer::Pieces pieces = incoming_.take(into.size());
  std::copy(pieces.first.begin(), pieces.first.end(), into.begin());
  std::copy(pieces.second.begin(), pieces.second.end(),
            into.begin() + static_cast<std::ptrdiff_t>(pieces.first.size()));
  incoming_.acknowledge(incoming_.cursor());
  return pieces.first.size() + pieces.second.size();
}

void StreamState::taken(std::size_t bytes) {
  taken_ += bytes;
  CHECK(taken_ <= incoming_.cursor());
}

void StreamState::end_taken() {
  CHECK(at_end() && taken_ == *peer_final_);
  end_taken_ = true;
}

void StreamState::detach() {
  outgoing_.rewind(outgoing_.acked());
  end_sent_ = end_acked_;
  allowed_ = 0;
  window_came_ = false;
  flight_.restart();
  told_ = false;
  granted_ = 0;
  grow_behind_ = 0;
  credit_open = false;
  window_queued = false;
}

StreamPosition StreamState::position() const {
  return {number_, incoming_.written(), outgoing_.cursor(), peer_final_.has_value()};
}

bool StreamState::peer_position(const StreamPosition& position) {
  credit_open = true;
  // When it has the end, the acknowledgement comes by a window.
  if (position.ended && !(ended_ && position.next == outgoing_.written())) return false;
  end_sent_ = position.ended;
  return outgoing_.rewind(position.next);
}

bool StreamState::start_again() {
  if (options_.retain == 0) return false;
  outgoing_.rewind(outgoing_.base());
  end_sent_ = end_acked_ = false;
  return true;
}

void StreamState::skip_unsent() {
  outgoing_.acknowledge(outgoing_.written());
}

Result<void> StreamState::on_data(const DataView& frame, bool held) {
  const auto broken = [&](const std::string& how) {
    return Error(Fault::malformed, "stream " + std::to_string(number_) + ": " + how);
  };
  const std::uint64_t end = frame.offset + frame.bytes.size();
  if (end > granted_) {
    return broken("data up to " + std::to_string(end) + ", allowed were " + std::to_string(granted_));
  }
  if (peer_final_ && end > *peer_final_) return broken("data behind its end");
  const std::uint64_t received = incoming_.written();
  if (frame.offset > received) {
    return broken("data at " + std::to_string(frame.offset) + ", next was " + std::to_string(received));
  }
  if (end <= received) return {};  // sent again after a cut, and here already
  incoming_.write(frame.bytes.subspan(static_cast<std::size_t>(received - frame.offset)));
  // The sender would send more than it may, and the reader keeps up: the path is longer than the window. What
  // was under way before the window grew says nothing about the new one.
  const bool keeps_up = received - taken_ <= window_ / 4;
  if (held && keeps_up && end > grow_behind_ && window_ < limits::kWindowMost && pool_.left >= window_) {
    pool_.left -= window_;
    window_ *= 2;
    grow_behind_ = granted_;
  }
  return {};
}

Result<void> StreamState::on_window(const Window& window, Instant now) {
  const std::uint64_t taken = std::max(window.taken, begin_);
  const std::uint64_t most = outgoing_.cursor() + (end_sent_ ? 1 : 0);
  if (taken > most || taken < outgoing_.acked()) {
    return Error(Fault::malformed, "stream " + std::to_string(number_) + ": " + std::to_string(window.taken) +
                                       " taken, possible is " + std::to_string(outgoing_.acked()) + " to " +
                                       std::to_string(most));
  }
  if (end_sent_ && taken == outgoing_.written() + 1) {
    outgoing_.acknowledge(outgoing_.written());
    end_acked_ = true;
  } else {
    outgoing_.acknowledge(taken);
  }
  flight_.taken(outgoing_.acked(), now);
  // Within one attachment credit only grows.
  allowed_ = std::max(allowed_, window.allowed);
  window_came_ = true;
  return {};
}

Result<void> StreamState::on_end(std::uint64_t final_offset) {
  if (peer_final_ && *peer_final_ == final_offset) return {};
  if (peer_final_ || final_offset != incoming_.written()) {
    return Error(Fault::malformed, "stream " + std::to_string(number_) + ": end at " +
                                       std::to_string(final_offset) + ", received is " +
                                       std::to_string(incoming_.written()));
  }
  peer_final_ = final_offset;
  return {};
}

bool StreamState::window_urgent() const {
  if (!told_) return true;
  if (taken_with_end() == told_taken_) return false;
  if (end_taken_) return true;
  const std::uint64_t target = taken_ + window_;
  if (target >= granted_ + window_ / 4) return true;
  // Never more than the least that a sender keeps under way.
  return taken_ >= told_taken_ + std::min(window_ / 4, Flight::kLeast);
}

bool StreamState::window_lazy() const {
  return taken_with_end() != told_taken_;
}

Window StreamState::next_window() {
  granted_ = std::max(granted_, taken_ + window_);
  told_taken_ = taken_with_end();
  told_ = true;
  return {told_taken_, granted_};
}

std::uint64_t StreamState::sendable_end() const {
  return std::min({outgoing_.written(), allowed_, outgoing_.acked() + flight_.limit()});
}

bool StreamState::sendable() const {
  if (!credit_open || reset_sent) return false;
  if (sendable_end() > outgoing_.cursor()) return true;
  // The end needs no credit, but a peer that knows the stream.
  return ended_ && !end_sent_ && window_came_ && outgoing_.cursor() == outgoing_.written();
}

bool StreamState::emit(Batch& batch, std::size_t most, Instant now) {
  if (!sendable()) return false;
  const std::uint64_t offset = outgoing_.cursor();
  const std::uint64_t until = sendable_end();
  if (until > offset) {
    const OffsetBuffer::Pieces pieces = outgoing_.take(
        std::min<std::size_t>(static_cast<std::size_t>(until - offset), most - kDataHeaderBytes));
    const std::size_t size = pieces.first.size() + pieces.second.size();
    // Held by the peer's credit alone, not by what this end dares to have under way.
    const bool held = outgoing_.cursor() == allowed_ && allowed_ < outgoing_.written() &&
                      allowed_ < outgoing_.acked() + flight_.limit();
    const auto header = encode_data_header(slot, number_, offset, size, held ? kFlagHeld : 0);
    batch.add_data_header(header);
    batch.add_view(pieces.first);
    if (!pieces.second.empty()) batch.add_view(pieces.second);
    meter_.count(size, now);
    flight_.sent(outgoing_.cursor(), outgoing_.acked(), now);
    return true;
  }
  batch.add(encode_end(slot, number_, outgoing_.written()));
  end_sent_ = true;
  return true;
}

Priority StreamState::priority() const {
  return options_.interactive && !meter_.bulk() ? Priority::interactive : Priority::bulk;
}

}  // namespace jump::mux
