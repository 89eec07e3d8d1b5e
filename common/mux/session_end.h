// SessionEnd: one of the two ends of a session, as a state machine over frames and time. It outlives links:
// bind() gives it one, unbind() takes it away, and nothing is lost in between. PROTOCOL.md, "Sessions".
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "common/mux/stream_state.h"

namespace jump::mux {

// What happened; called from within the SessionEnd's own functions. The callee takes note and acts later: it
// must not call the SessionEnd back.
class SessionListener {
 public:
  virtual ~SessionListener() = default;
  // Bytes, room, an end, an acknowledgement or a reset: look at the stream.
  virtual void on_stream(std::uint32_t stream) = 0;
  // The state changed: detached with a reason, live, live with another peer instance, over.
  virtual void on_state() = 0;
};

Error too_many_streams();

class SessionEnd : private FrameSource {
 public:
  enum class State {
    unbound,    // no link
    attaching,  // attach sent
    waiting,    // attached; the other end is not there
    live,
    leaving,  // leave sent
    over,
  };

  struct Options {
    bool console = false;  // opens even streams; else odd ones
    Id16 session{};
    Secret32 secret{};
    Id16 instance{};
    Duration wait_limit = limits::kWaitLimit;
    bool take_over = false;  // a new console of a running session: learns the streams from the other end
    StreamOptions zero;      // stream 0
    // Options of a stream that is learnt in a takeover.
    StreamOptions learnt;
  };

  SessionEnd(const Options& options, SessionListener& listener, Instant now);
  ~SessionEnd() override;

  // --- the user's side ---
  // Refused at limits::kLiveStreams, and while a takeover has not learnt which numbers are used. An own
  // stream may be written at once.
  Result<std::uint32_t> open(const StreamOptions& options);
  // A stream that the peer announced. Refused for a number of the wrong parity or not above earlier ones.
  // When the peer has reset it meanwhile, it is closed already, with reset_text().
  Result<void> adopt(std::uint32_t number, const StreamOptions& options);
  bool live_stream(std::uint32_t stream) const { return streams_.contains(stream); }
  const StreamState* find(std::uint32_t stream) const;

  std::size_t room(std::uint32_t stream) const;
  void write(std::uint32_t stream, ByteView bytes);
  void end(std::uint32_t stream);
  std::size_t read(std::uint32_t stream, std::span<std::uint8_t> into);
  void taken(std::uint32_t stream, std::size_t bytes);
  // The end of the peer's direction has been seen; only when everything before it is taken.
  void end_taken(std::uint32_t stream);
  void reset(std::uint32_t stream, ResetCode code, std::string text);
  // The reason that a reset stream went with; kept for the last few.
  std::string reset_text(std::uint32_t stream) const;
  // Everything written to any stream is with the peer.
  bool flushed() const;
  // Tells the relay that this end is done; told again after a cut until the relay has answered. State `over`
  // follows then, or when the wait limit is over.
  void leave(Reason reason, std::string text);

  State state() const { return state_; }
  // Why it is detached or over.
  const Notice& notice() const { return notice_; }
  const Id16& peer_instance() const { return peer_instance_; }
  // Since when the other end has been away; nothing while live.
  std::optional<Instant> away_since() const { return away_since_; }
  Duration wait_limit() const { return options_.wait_limit; }
  std::optional<Instant> deadline() const;

  // --- the link's side ---
  // Attaches over this link under `slot`. The outbox must outlive the binding.
  void bind(Outbox& outbox, std::uint32_t slot, Instant now);
  void unbind(Instant now);
  bool bound() const { return outbox_ != nullptr; }
  std::uint32_t slot() const { return slot_; }
  // A frame of this session's slot. An error means that the peer broke a rule: the session is over (this end
  // leaves with it), the link is not to blame.
  Result<void> on_frame(const Header& header, ByteView body, Instant now);
  // Ends the session when the wait limit is over.
  void poll(Instant now);

 private:
  bool emit(Batch& batch, std::size_t most, Instant now) override;
  Priority priority() const override { return Priority::session; }
  bool lazy() const override { return urgent_ == 0; }

  // What the peer has said about a stream whose announcement has not been read yet.
  struct Early {
    std::optional<Window> window;  // of this attachment
    std::optional<std::string> reset;
  };

  Result<void> on_attached(const Attached& frame, Instant now);
  void on_detached(const Notice& frame, Instant now);
  Result<void> on_resume(const Resume& frame);
  Result<void> on_resumed(const Resumed& frame);
  Result<void> learn(const Resumed& frame);
  Result<void> on_stream_frame(const Header& header, ByteView body, Instant now);
  Result<void> on_window(const WindowView& frame, Instant now);
  Result<void> on_reset(const ResetView& frame);
  void on_takeover();
  Result<StreamState*> live_or_late(std::uint32_t stream);
  bool unannounced(std::uint32_t stream) const;
  Result<Early*> early(std::uint32_t stream);
  StreamState& add(std::unique_ptr<StreamState> stream);
  void say_reset(std::uint32_t stream, ResetBody body);
  void leave_streams();
  void close_if_complete(std::uint32_t stream);
  void drop(std::uint32_t stream, std::string text);
  void queue(Bytes frame);
  void schedule(StreamState& stream);
  void away(Instant now, Notice notice);
  void finish(Notice notice);
  void send_leave();
  void fail(const Error& error);
  bool own_number(std::uint32_t stream) const;

  Options options_;
  SessionListener& listener_;
  State state_ = State::unbound;
  Notice notice_;
  std::optional<Instant> away_since_;
  std::uint64_t attach_count_ = 0;
  Id16 peer_instance_{};
  bool knows_peer_ = false;
  bool wants_leave_ = false;
  bool fresh_ = false;  // takes over and has not learnt the streams yet

  Outbox* outbox_ = nullptr;
  std::uint32_t slot_ = 0;
  std::uint32_t resume_serial_ = 0;
  bool peer_resumed_ = false;          // in this attachment
  std::deque<Bytes> frames_;           // attach, resumed, resets, leave
  std::size_t urgent_ = 0;             // frames_ and urgent windows that wait
  std::deque<std::uint32_t> windows_;  // streams whose window is due

  WindowPool pool_;
  std::map<std::uint32_t, std::unique_ptr<StreamState>> streams_;
  std::uint32_t highest_own_ = 0;  // numbers given out so far
  std::uint32_t highest_peer_ = 0;
  // Up to here the peer's numbers are of before a takeover: of the console that was there, or learnt from the
  // endpoint's list.
  std::uint32_t settled_ = 0;
  std::map<std::uint32_t, Early> early_;
  // Own resets that the peer has not answered: such a number counts as live, and is told again after a cut.
  struct OwnReset {
    ResetBody body;
    bool said = false;  // in this attachment
  };
  std::map<std::uint32_t, OwnReset> unanswered_;
  std::map<std::uint32_t, std::string> reset_texts_;
};

}  // namespace jump::mux
