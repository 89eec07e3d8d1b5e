// StreamState: one stream as one end sees it; both directions. A part of SessionEnd, which owns it.
#pragma once

#include <optional>

#include "common/mux/flight.h"
#include "common/mux/offset_buffer.h"
#include "common/mux/outbox.h"

namespace jump::mux {

struct StreamOptions {
  bool interactive = true;   // until it sends like bulk
  std::uint64_t retain = 0;  // acknowledged bytes kept for a takeover (terminals: limits::kShellKept)
  // A stream that keeps nothing cannot be taken over and is reset then.
};

// What the windows of one session may grow above their start, all streams together.
struct WindowPool {
  std::uint64_t left = limits::kTunnelPool;
};

class StreamState : public FrameSource {
 public:
  StreamState(std::uint32_t number, const StreamOptions& options, WindowPool& pool);
  // In a takeover: as the other end says that the stream stands.
  StreamState(const StreamPosition& peer, const StreamOptions& options, WindowPool& pool);
  ~StreamState() override;

  std::uint32_t number() const { return number_; }
  const StreamOptions& options() const { return options_; }

  // --- for the user of the stream ---
  // Bytes that write() takes now; none after end(). A stream learnt in a takeover may have ended already.
  std::size_t room() const;
  std::uint64_t unacked() const { return outgoing_.unacked(); }
  void write(ByteView bytes);
  void end();
  bool ended() const { return ended_; }
  // All that was written, and the end if there is one, is with the peer.
  bool flushed() const { return ended_ ? end_acked_ : outgoing_.unacked() == 0; }
  std::size_t readable() const { return static_cast<std::size_t>(incoming_.written() - incoming_.cursor()); }
  std::size_t read(std::span<std::uint8_t> into);
  // Everything was read, and the peer ended.
  bool at_end() const { return peer_final_ && incoming_.cursor() == *peer_final_; }
  void taken(std::size_t bytes);
  // Everything that was read is taken.
  bool all_taken() const { return taken_ == incoming_.cursor(); }
  void end_taken();

  // --- for SessionEnd ---
  // A new attachment: no credit, nothing under way.
  void detach();
  StreamPosition position() const;
  // The peer's position of this stream. False: it wants bytes that are gone, or that never were.
  bool peer_position(const StreamPosition& position);
  // A console of another instance took over: what is kept is sent again. False: this stream keeps nothing.
  bool start_again();
  // The same for stream 0: what the old console has not taken is dropped.
  void skip_unsent();

  // `held`: the sender has used up its credit and has more.
  Result<void> on_data(const DataView& frame, bool held);
  Result<void> on_window(const Window& window, Instant now);
  Result<void> on_end(std::uint64_t final_offset);

  // The window to tell, when there is one; with `urgent` false only one that may wait is due as well.
  bool window_due() const { return window_urgent() || window_lazy(); }
  bool window_urgent() const;
  Window next_window();

  // Both directions are over, and the peer has been told so in this attachment.
  bool complete() const { return end_acked_ && end_taken_ && told_ && told_taken_ > *peer_final_; }
  // Both directions are over as far as this end is concerned: only acknowledgements are missing.
  bool over_here() const { return ended_ && end_taken_; }

  std::uint32_t slot = 0;    // of the session on the present link
  bool credit_open = false;  // the peer's position has arrived in this attachment
  bool reset_sent = false;
  bool window_queued = false;  // SessionEnd has it in its list

  bool emit(Batch& batch, std::size_t most, Instant now) override;
  Priority priority() const override;
  // Emit would give something.
  bool sendable() const;

 private:
  bool window_lazy() const;
  std::uint64_t sendable_end() const;
  std::uint64_t taken_with_end() const { return taken_ + (end_taken_ ? 1 : 0); }

  std::uint32_t number_;
  StreamOptions options_;
  WindowPool& pool_;

  OffsetBuffer outgoing_;
  std::uint64_t begin_ = 0;  // what is below was sent by a console that was taken over
  bool ended_ = false;
  bool end_sent_ = false;  // in this attachment
  bool end_acked_ = false;
  std::uint64_t allowed_ = 0;
  bool window_came_ = false;  // in this attachment: the peer knows the stream
  Flight flight_;
  BulkMeter meter_;

  OffsetBuffer incoming_;
  std::uint64_t taken_;
  std::optional<std::uint64_t> peer_final_;
  bool end_taken_ = false;
  std::uint64_t window_ = limits::kWindowStart;
  std::uint64_t grow_behind_ = 0;  // data below this was sent under a smaller window
  std::uint64_t granted_ = 0;      // the allowed that was told in this attachment
  std::uint64_t told_taken_ = 0;
  bool told_ = false;  // in this attachment
};

}  // namespace jump::mux
