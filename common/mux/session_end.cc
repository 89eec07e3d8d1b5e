#include "common/mux/session_end.h"

#include <algorithm>

#include "common/base/check.h"

namespace jump::mux {
namespace {
constexpr std::size_t kResetTexts = 64;
constexpr std::size_t kMostWaiting = 2048;
constexpr std::uint32_t kLastNumber = 0xFFFFFFFD;
constexpr Duration kMostWaitLimit = limits::kWaitLimitMost;

Error too_many_streams() {
  return {Fault::too_large,
          "a session has at most " + std::to_string(limits::kLiveStreams) + " streams at once"};
}
}  // namespace

SessionEnd::SessionEnd(const Options& options, SessionListener& listener, Instant now)
    : options_(options), listener_(listener), away_since_(now), fresh_(options.take_over) {
  notice_ = {Reason::not_yet, "connecting"};
  if (!fresh_) add(std::make_unique<StreamState>(0, options_.zero, pool_));
}

SessionEnd::~SessionEnd() = default;

bool SessionEnd::own_number(std::uint32_t stream) const {
  return (stream % 2 == 0) == options_.console;
}

StreamState& SessionEnd::add(std::unique_ptr<StreamState> stream) {
  const std::uint32_t number = stream->number();
  if (number != 0) {
    std::uint32_t& highest = own_number(number) ? highest_own_ : highest_peer_;
    highest = std::max(highest, number);
  }
  stream->slot = slot_;
  return *(streams_[number] = std::move(stream));
}

Result<std::uint32_t> SessionEnd::open(const StreamOptions& options) {
  if (fresh_) return Error(Fault::unavailable, "the session has not been taken over yet");
  if (streams_.size() + unanswered_.size() >= limits::kLiveStreams) return too_many_streams();
  if (highest_own_ >= kLastNumber) return Error(Fault::too_large, "the session has no stream numbers left");
  const std::uint32_t number = highest_own_ == 0 ? (options_.console ? 2 : 1) : highest_own_ + 2;
  StreamState& stream = add(std::make_unique<StreamState>(number, options, pool_));
  // The peer starts at 0 and lets it wait for its window: it has to read of the stream first.
  stream.credit_open = true;
  schedule(stream);
  return number;
}

Result<void> SessionEnd::adopt(std::uint32_t number, const StreamOptions& options) {
  if (!unannounced(number)) {
    if (number != 0 && !own_number(number) && number <= settled_) {
      if (live_stream(number)) return {};
      return Error(Fault::closed, "stream " + std::to_string(number) + " is of before the takeover");
    }
    return Error(Fault::malformed,
                 "stream " + std::to_string(number) + " is not a new number of the other end");
  }
  Early known;
  if (const auto found = early_.find(number); found != early_.end()) known = std::move(found->second);
  // Numbers rise: what was said about lower ones will never be announced.
  early_.erase(early_.begin(), early_.upper_bound(number));
  if (streams_.size() + unanswered_.size() >= limits::kLiveStreams) {
    highest_peer_ = number;
    if (!known.reset) say_reset(number, {ResetCode::too_many, "too many streams"});
    return too_many_streams();
  }
  StreamState& stream = add(std::make_unique<StreamState>(number, options, pool_));
  if (known.reset) {
    drop(number, *known.reset);
    return {};
  }
  stream.credit_open = true;
  if (known.window) {
    // Nothing was sent yet, so there is nothing to time.
    Result<void> result = stream.on_window(*known.window, Instant());
    if (!result) {
      fail(result.error());
      return result;
    }
  }
  schedule(stream);
  return {};
}

const StreamState* SessionEnd::find(std::uint32_t stream) const {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : found->second.get();
}

std::size_t SessionEnd::room(std::uint32_t stream) const {
  const StreamState* state = find(stream);
  return state == nullptr ? 0 : state->room();
}

void SessionEnd::write(std::uint32_t stream, ByteView bytes) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  found->second->write(bytes);
  schedule(*found->second);
}

void SessionEnd::end(std::uint32_t stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  found->second->end();
  schedule(*found->second);
}

std::size_t SessionEnd::read(std::uint32_t stream, std::span<std::uint8_t> into) {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? 0 : found->second->read(into);
}

void SessionEnd::taken(std::uint32_t stream, std::size_t bytes) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  found->second->taken(bytes);
  schedule(*found->second);
}

void SessionEnd::end_taken(std::uint32_t stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  found->second->end_taken();
  schedule(*found->second);
}

void SessionEnd::reset(std::uint32_t stream, ResetCode code, std::string text) {
  if (!streams_.contains(stream) || stream == 0) return;
  if (text.empty()) text = "cancelled";
  say_reset(stream, {code, text});
  drop(stream, std::move(text));
}

// While nobody listens it is told by the next attachment.
void SessionEnd::say_reset(std::uint32_t stream, ResetBody body) {
  const bool said = state_ == State::live;
  if (said) queue(encode_reset(slot_, stream, body));
  unanswered_[stream] = {std::move(body), said};
}

std::string SessionEnd::reset_text(std::uint32_t stream) const {
  const auto found = reset_texts_.find(stream);
  return found == reset_texts_.end() ? std::string() : found->second;
}

void SessionEnd::drop(std::uint32_t stream, std::string text) {
  streams_.erase(stream);
  reset_texts_[stream] = std::move(text);
  if (reset_texts_.size() > kResetTexts) reset_texts_.erase(reset_texts_.begin());
  listener_.on_stream(stream);
}

bool SessionEnd::flushed() const {
  return std::all_of(streams_.begin(), streams_.end(),
                     [](const auto& entry) { return entry.second->flushed(); });
}

void SessionEnd::leave(Reason reason, std::string text) {
  if (state_ == State::over || wants_leave_) return;
  wants_leave_ = true;
  notice_ = {reason, std::move(text)};
  if (state_ == State::waiting || state_ == State::live) send_leave();
}

void SessionEnd::send_leave() {
  queue(encode_notice(Kind::leave, slot_, notice_));
  state_ = State::leaving;
  listener_.on_state();
}

std::optional<Instant> SessionEnd::deadline() const {
  if (!away_since_ || state_ == State::over) return std::nullopt;
  return *away_since_ + options_.wait_limit;
}

void SessionEnd::bind(Outbox& outbox, std::uint32_t slot, Instant now) {
  CHECK(outbox_ == nullptr);
  if (state_ == State::over) return;
  outbox_ = &outbox;
  slot_ = slot;
  for (auto& [number, stream] : streams_) stream->slot = slot;
  if (!away_since_) away_since_ = now;
  state_ = State::attaching;
  const Attach attach{options_.session, options_.secret, options_.instance, ++attach_count_};
  queue(encode_attach(slot_, attach));
}

void SessionEnd::unbind(Instant now) {
  if (outbox_ == nullptr) return;
  leave_streams();
  outbox_->remove(*this);
  outbox_ = nullptr;
  if (state_ == State::over) return;
  state_ = State::unbound;
  away(now, {Reason::link_lost, "connection lost"});
}

// An attachment is over: nothing of it may still be sent.
void SessionEnd::leave_streams() {
  for (auto& [number, stream] : streams_) {
    if (outbox_ != nullptr) outbox_->remove(*stream);
    stream->detach();
  }
  for (auto& [number, early] : early_) early.window.reset();
  for (auto& [number, reset] : unanswered_) reset.said = false;
  frames_.clear();
  windows_.clear();
  urgent_ = 0;
  peer_resumed_ = false;
}

void SessionEnd::away(Instant now, Notice notice) {
  if (!away_since_) away_since_ = now;
  if (!wants_leave_) notice_ = std::move(notice);
  listener_.on_state();
}

void SessionEnd::finish(Notice notice) {
  state_ = State::over;
  notice_ = std::move(notice);
  away_since_.reset();
  listener_.on_state();
  for (const auto& [number, stream] : streams_) listener_.on_stream(number);
}

void SessionEnd::poll(Instant now) {
  const auto limit = deadline();
  if (!limit || now < *limit) return;
  const Notice notice{Reason::wait_limit, "the other end was away for longer than the wait limit"};
  if (state_ == State::waiting) {
    leave(notice.reason, notice.text);
    // The answer has some time of its own.
    away_since_ = now - options_.wait_limit + limits::kShutdownLimit;
    return;
  }
  if (outbox_ != nullptr) {
    leave_streams();
    outbox_->remove(*this);
    outbox_ = nullptr;
  }
  finish(wants_leave_ ? notice_ : notice);
}

void SessionEnd::queue(Bytes frame) {
  if (outbox_ == nullptr) return;
  frames_.push_back(std::move(frame));
  ++urgent_;
  outbox_->ready(*this);
}

// Puts the stream, and its window, where the outbox finds them.
void SessionEnd::schedule(StreamState& stream) {
  if (outbox_ == nullptr || state_ != State::live) return;
  if (stream.sendable()) outbox_->ready(stream);
  if (!stream.window_due()) return;
  const bool urgent = stream.window_urgent();
  if (!stream.window_queued) {
    stream.window_queued = true;
    windows_.push_back(stream.number());
  }
  if (urgent) ++urgent_;
  outbox_->ready(*this);
}

bool SessionEnd::emit(Batch& batch, std::size_t, Instant) {
  if (!frames_.empty()) {
    batch.add(std::move(frames_.front()));
    frames_.pop_front();
    return true;
  }
  while (!windows_.empty()) {
    const std::uint32_t number = windows_.front();
    windows_.pop_front();
    const auto found = streams_.find(number);
    if (found == streams_.end()) continue;
    found->second->window_queued = false;
    if (!found->second->window_due() || state_ != State::live) continue;
    batch.add(encode_window(slot_, number, found->second->next_window()));
    close_if_complete(number);
    return true;
  }
  urgent_ = 0;
  return false;
}

void SessionEnd::close_if_complete(std::uint32_t stream) {
  const auto found = streams_.find(stream);
  if (stream == 0 || found == streams_.end() || !found->second->complete()) return;
  streams_.erase(found);
  listener_.on_stream(stream);
}

void SessionEnd::fail(const Error& error) {
  leave(Reason::protocol, error.message());
}

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
  settled_ = highest_peer_ =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(last + 2 * limits::kLiveStreams, kLastNumber - 1));
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
