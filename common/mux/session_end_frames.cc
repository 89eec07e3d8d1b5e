// What arrives for a session end, in the order in which a session meets it: attached, resume, resumed, frames
// of streams.
#include "common/mux/session_end.h"

#include <algorithm>

namespace jump::mux {
namespace {
constexpr std::size_t kMostWaiting = 2048;
constexpr Duration kMostWaitLimit = limits::kWaitLimitMost;
constexpr std::uint32_t kMostGap =
    2 * limits::kLiveStreams;  // between the last number known and the last opened
constexpr std::uint32_t kLastConsoleNumber = 0xFFFFFFFC;
}  // namespace

Result<void> SessionEnd::on_frame(const Header& header, ByteView body, Instant now) {
  if (state_ == State::over || outbox_ == nullptr) return {};
  Result<void> result;
  switch (static_cast<Kind>(header.kind)) {
    case Kind::attached: {
      const Result<Attached> frame = decode_attached(body);
      result = frame ? on_attached(*frame, now) : frame.error();
      break;
    }
    case Kind::refused:
    case Kind::leave: {
      const Result<Notice> frame = decode_notice(body);
      if (!frame) {
        result = frame.error();
        break;
      }
      leave_streams();
      outbox_->remove(*this);
      outbox_ = nullptr;
      finish(wants_leave_ ? notice_ : *frame);
      return {};
    }
    case Kind::detached: {
      const Result<Notice> frame = decode_notice(body);
      if (frame) {
        on_detached(*frame, now);
      } else {
        result = frame.error();
      }
      break;
    }
    case Kind::resume: {
      const Result<Resume> frame = decode_resume(body);
      result = frame ? on_resume(*frame) : frame.error();
      break;
    }
    case Kind::resumed: {
      const Result<Resumed> frame = decode_resumed(body);
      result = frame ? on_resumed(*frame) : frame.error();
      break;
    }
    default:
      result = on_stream_frame(header, body, now);
      break;
  }
  if (result && frames_.size() > kMostWaiting) {
    result = Error(Fault::too_large,
                   "more than " + std::to_string(kMostWaiting) + " frames of the session wait for the link");
  }
  if (!result) fail(result.error());
  return result;
}

Result<void> SessionEnd::on_attached(const Attached& frame, Instant now) {
  if (state_ != State::attaching) return Error(Fault::malformed, "attached without attach");
  if (frame.wait_limit_seconds > 0) {
    options_.wait_limit = std::min<Duration>(std::chrono::seconds(frame.wait_limit_seconds), kMostWaitLimit);
  }
  state_ = State::waiting;
  away(now, {Reason::not_yet, "waiting for the other end"});
  if (wants_leave_) send_leave();
  return {};
}

void SessionEnd::on_detached(const Notice& frame, Instant now) {
  if (state_ != State::live && state_ != State::waiting) return;
  state_ = State::waiting;
  leave_streams();
  away(now, frame);
  // Both ends are there, and only the appliance's disk is full: nobody was away.
  if (frame.reason == Reason::no_space) away_since_.reset();
}

Result<void> SessionEnd::on_resume(const Resume& frame) {
  if (state_ == State::leaving) return {};
  if (state_ == State::attaching) return Error(Fault::malformed, "resume before attached");
  const bool another = knows_peer_ && frame.peer_instance != peer_instance_;
  if (another && options_.console) return Error(Fault::malformed, "the session has another endpoint process");
  peer_instance_ = frame.peer_instance;
  knows_peer_ = true;
  resume_serial_ = frame.serial;
  leave_streams();
  state_ = State::live;
  if (another) on_takeover();
  Resumed resumed;
  resumed.serial = frame.serial;
  resumed.highest_console = options_.console ? highest_own_ : highest_peer_;
  resumed.highest_endpoint = options_.console ? highest_peer_ : highest_own_;
  for (const auto& [number, stream] : streams_) resumed.streams.push_back(stream->position());
  queue(encode_resumed(slot_, resumed));
  away_since_.reset();
  notice_ = {};
  // Windows follow the position; a console that takes over has no streams yet.
  for (auto& [number, stream] : streams_) schedule(*stream);
  listener_.on_state();
  return {};
}

// Another console has come: terminals go on from what is kept, everything else cannot.
void SessionEnd::on_takeover() {
  std::vector<std::uint32_t> lost;
  for (auto& [number, stream] : streams_) {
    if (number == 0) {
      // The new console cannot read on in the middle of a message: what is unsaid is said anew by the
      // session.
      stream->skip_unsent();
    } else if (!stream->start_again()) {
      lost.push_back(number);
    }
  }
  for (const std::uint32_t number : lost) drop(number, "another console took over");
  // The new console knows nothing of what the old one has reset or announced last. What is still unread of
  // those messages must not meet a new stream: numbers go on above all that the old one can have opened.
  unanswered_.clear();
  const std::uint32_t last = early_.empty() ? highest_peer_ : std::max(highest_peer_, early_.rbegin()->first);
  settled_ = highest_peer_ = last < kLastConsoleNumber - kMostGap ? last + kMostGap : kLastConsoleNumber;
  early_.clear();
}

Result<void> SessionEnd::on_resumed(const Resumed& frame) {
  if (state_ != State::live || frame.serial != resume_serial_) return {};
  if (std::exchange(peer_resumed_, true)) return Error(Fault::malformed, "a second resumed");
  const bool learns = std::exchange(fresh_, false);
  if (learns) {
    Result<void> learnt = learn(frame);
    if (!learnt) return learnt;
  }
  // What the peer does not list it has not heard of, or has forgotten: it may still hear of the stream.
  std::map<std::uint32_t, ResetBody> resets;
  for (const auto& [number, reset] : unanswered_) {
    if (!reset.said) resets[number] = reset.body;
  }
  for (const StreamPosition& position : frame.streams) {
    const std::uint32_t number = position.stream;
    const auto found = streams_.find(number);
    if (found != streams_.end()) {
      if (learns || found->second->peer_position(position)) continue;
      return Error(Fault::malformed, "stream " + std::to_string(number) + ": the other end wants offset " +
                                         std::to_string(position.next) + ", which is not kept");
    }
    if (unanswered_.contains(number) || unannounced(number)) continue;
    if (number > (own_number(number) ? highest_own_ : highest_peer_)) {
      return Error(Fault::malformed, "stream " + std::to_string(number) + " was never opened");
    }
    const std::string text = reset_text(number);
    resets[number] = {text.empty() ? ResetCode::closed : ResetCode::cancelled, text};
  }
  for (auto& [number, body] : resets) say_reset(number, std::move(body));
  // A stream that the peer does not list has not been seen by it yet: it starts where it is.
  for (auto& [number, stream] : streams_) {
    stream->credit_open = true;
    schedule(*stream);
    listener_.on_stream(number);
  }
  if (learns) listener_.on_state();
  return {};
}

// This console takes over: its streams are those of the other end.
Result<void> SessionEnd::learn(const Resumed& frame) {
  highest_own_ = frame.highest_console;
  settled_ = highest_peer_ = frame.highest_endpoint;
  for (const StreamPosition& position : frame.streams) {
    const bool zero = position.stream == 0;
    if (!zero && unannounced(position.stream)) {
      return Error(Fault::malformed, "stream " + std::to_string(position.stream) + " is above the highest");
    }
    add(std::make_unique<StreamState>(position, zero ? options_.zero : options_.learnt, pool_));
  }
  if (!streams_.contains(0)) return Error(Fault::malformed, "stream 0 is not listed");
  return {};
}

// The stream of a frame; null for one that is closed already, an error for one that never was.
Result<StreamState*> SessionEnd::live_or_late(std::uint32_t stream) {
  const auto found = streams_.find(stream);
  if (found != streams_.end()) return found->second.get();
  if (fresh_ || stream <= (own_number(stream) ? highest_own_ : highest_peer_)) return nullptr;
  return Error(Fault::malformed, "stream " + std::to_string(stream) + " was never opened");
}

// A number of the peer that no message has announced yet: what it sends of its own accord may come sooner.
bool SessionEnd::unannounced(std::uint32_t stream) const {
  return stream != 0 && !own_number(stream) && stream > highest_peer_;
}

Result<SessionEnd::Early*> SessionEnd::early(std::uint32_t stream) {
  if (early_.size() >= limits::kLiveStreams && !early_.contains(stream)) return too_many_streams();
  return &early_[stream];
}

Result<void> SessionEnd::on_stream_frame(const Header& header, ByteView body, Instant now) {
  if (state_ != State::live) return {};
  Result<StreamState*> stream = nullptr;
  Result<void> result;
  switch (static_cast<Kind>(header.kind)) {
    case Kind::data: {
      const Result<DataView> frame = decode_data(body);
      if (!frame) return frame.error();
      stream = live_or_late(frame->stream);
      if (stream && *stream != nullptr) result = (*stream)->on_data(*frame, (header.flags & kFlagHeld) != 0);
      break;
    }
    case Kind::window: {
      const Result<WindowView> frame = decode_window(body);
      if (!frame) return frame.error();
      return on_window(*frame, now);
    }
    case Kind::end: {
      const Result<EndView> frame = decode_end(body);
      if (!frame) return frame.error();
      stream = live_or_late(frame->stream);
      if (stream && *stream != nullptr) result = (*stream)->on_end(frame->final_offset);
      break;
    }
    case Kind::reset: {
      const Result<ResetView> frame = decode_reset(body);
      if (!frame) return frame.error();
      return on_reset(*frame);
    }
    default:
      if (header.kind >= kFirstSkipped) return {};
      return Error(Fault::malformed, kind_name(header.kind) + " frame is not legal here");
  }
  if (!stream) return stream.error();
  if (!result || *stream == nullptr) return result;
  schedule(**stream);
  listener_.on_stream((*stream)->number());
  return {};
}

Result<void> SessionEnd::on_window(const WindowView& frame, Instant now) {
  if (!fresh_ && unannounced(frame.stream)) {
    const Result<Early*> known = early(frame.stream);
    if (!known) return known.error();
    // No data of this end was sent: only the newest window counts.
    (*known)->window = frame.window;
    return {};
  }
  const Result<StreamState*> stream = live_or_late(frame.stream);
  if (!stream) return stream.error();
  if (*stream == nullptr) return {};
  Result<void> result = (*stream)->on_window(frame.window, now);
  if (!result) return result;
  schedule(**stream);
  close_if_complete(frame.stream);
  if (streams_.contains(frame.stream)) listener_.on_stream(frame.stream);
  return {};
}

// Each end says reset once for a stream in an attachment: either of its own accord, or as the answer.
Result<void> SessionEnd::on_reset(const ResetView& frame) {
  if (frame.stream == 0) return Error(Fault::malformed, "reset of stream 0");
  if (unanswered_.erase(frame.stream) > 0) return {};
  if (!fresh_ && unannounced(frame.stream)) {
    const Result<Early*> known = early(frame.stream);
    if (!known) return known.error();
    (*known)->reset = frame.body.text.empty() ? "reset by the other end" : frame.body.text;
    queue(encode_reset(slot_, frame.stream, {frame.body.code, {}}));
    return {};
  }
  const Result<StreamState*> stream = live_or_late(frame.stream);
  if (!stream) return stream.error();
  queue(encode_reset(slot_, frame.stream, {frame.body.code, {}}));
  if (*stream == nullptr) return {};
  if (frame.body.code == ResetCode::closed && (*stream)->over_here()) {
    streams_.erase(frame.stream);
    listener_.on_stream(frame.stream);
    return {};
  }
  drop(frame.stream, frame.body.text.empty() ? "reset by the other end" : frame.body.text);
  return {};
}

}  // namespace jump::mux
