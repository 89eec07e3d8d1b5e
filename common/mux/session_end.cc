#include "common/mux/session_end.h"

#include <algorithm>

#include "common/base/check.h"

namespace jump::mux {
namespace {
constexpr std::size_t kResetTexts = 64;
constexpr std::size_t kMostWaiting = 2048;
}  // namespace

SessionEnd::SessionEnd(const Options& options, SessionListener& listener, Instant now)
    : options_(options), listener_(listener), away_since_(now), fresh_(options.take_over) {
  notice_ = {Reason::not_yet, "connecting"};
  if (!fresh_) add(0, options_.zero, 0, 0);
}

SessionEnd::~SessionEnd() = default;

bool SessionEnd::own_number(std::uint32_t stream) const {
  return (stream % 2 == 0) == options_.console;
}

StreamState& SessionEnd::add(std::uint32_t number, const StreamOptions& options, std::uint64_t send_start,
                             std::uint64_t receive_start) {
  auto& place = streams_[number];
  place = std::make_unique<StreamState>(number, options, send_start, receive_start);
  place->slot = slot_;
  if (number != 0) {
    std::uint32_t& highest = own_number(number) ? highest_own_ : highest_peer_;
    highest = std::max(highest, number);
  }
  return *place;
}

Result<std::uint32_t> SessionEnd::open(const StreamOptions& options) {
  if (streams_.size() >= limits::kLiveStreams) {
    return Error(Fault::too_large,
                 "a session has at most " + std::to_string(limits::kLiveStreams) + " streams at once");
  }
  const std::uint32_t number = highest_own_ == 0 ? (options_.console ? 2 : 1) : highest_own_ + 2;
  StreamState& stream = add(number, options, 0, 0);
  // Credit and position of a stream that the peer has not seen come with its first window.
  if (state_ == State::live) {
    stream.credit_open = true;
    schedule(stream);
  }
  return number;
}

Result<void> SessionEnd::adopt(std::uint32_t number, const StreamOptions& options) {
  if (number == 0 || own_number(number) || number <= highest_peer_) {
    return Error(Fault::malformed,
                 "stream " + std::to_string(number) + " is not a new number of the other end");
  }
  if (streams_.size() >= limits::kLiveStreams) {
    highest_peer_ = number;
    queue(encode_reset(slot_, number, {ResetCode::too_many, "too many streams"}));
    return Error(Fault::too_large,
                 "a session has at most " + std::to_string(limits::kLiveStreams) + " streams at once");
  }
  StreamState& stream = add(number, options, 0, 0);
  if (state_ == State::live) {
    stream.credit_open = true;
    schedule(stream);
  }
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
  // While nobody listens the reset is told by the next attachment: the peer lists the stream, we know it
  // closed.
  if (state_ == State::live) queue(encode_reset(slot_, stream, {code, text}));
  drop(stream, std::move(text));
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
  for (auto& [number, stream] : streams_) {
    stream->slot = slot;
    stream->detach();
  }
  if (!away_since_) away_since_ = now;
  frames_.clear();
  urgent_ = 0;
  state_ = State::attaching;
  const Attach attach{options_.session, options_.secret, options_.instance, ++attach_count_};
  queue(encode_attach(slot_, attach));
}

void SessionEnd::unbind(Instant now) {
  if (outbox_ == nullptr) return;
  outbox_->remove(*this);
  for (auto& [number, stream] : streams_) {
    outbox_->remove(*stream);
    stream->detach();
  }
  outbox_ = nullptr;
  frames_.clear();
  windows_.clear();
  urgent_ = 0;
  if (state_ == State::over) return;
  state_ = State::unbound;
  away(now, {Reason::link_lost, "connection lost"});
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
    return;
  }
  if (outbox_ != nullptr) {
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
  if (frames_.size() > kMostWaiting)
    return Error(Fault::too_large, "the link does not read what this session sends");
  Result<void> result;
  switch (static_cast<Kind>(header.kind)) {
    case Kind::attached: {
      const Result<Attached> frame = decode_attached(body);
      if (!frame) {
        result = frame.error();
        break;
      }
      if (frame->wait_limit_seconds > 0)
        options_.wait_limit = std::chrono::seconds(frame->wait_limit_seconds);
      if (state_ == State::attaching) state_ = State::waiting;
      away(now, {Reason::not_yet, "waiting for the other end"});
      if (wants_leave_) send_leave();
      break;
    }
    case Kind::refused:
    case Kind::leave: {
      const Result<Notice> frame = decode_notice(body);
      if (!frame) {
        result = frame.error();
        break;
      }
      outbox_->remove(*this);
      for (auto& [number, stream] : streams_) outbox_->remove(*stream);
      outbox_ = nullptr;
      finish(wants_leave_ ? notice_ : *frame);
      return {};
    }
    case Kind::detached: {
      const Result<Notice> frame = decode_notice(body);
      if (!frame) {
        result = frame.error();
        break;
      }
      if (state_ == State::live) state_ = State::waiting;
      for (auto& [number, stream] : streams_) {
        outbox_->remove(*stream);
        stream->detach();
      }
      windows_.clear();
      away(now, *frame);
      // Both ends are there, and only the appliance's disk is full: nobody was away.
      if (frame->reason == Reason::no_space) away_since_.reset();
      break;
    }
    case Kind::resume: {
      const Result<Resume> frame = decode_resume(body);
      result = frame ? on_resume(*frame, now) : frame.error();
      break;
    }
    case Kind::resumed: {
      const Result<Resumed> frame = decode_resumed(body);
      result = frame ? on_resumed(*frame, now) : frame.error();
      break;
    }
    default:
      result = on_stream_frame(header, body, now);
      break;
  }
  if (!result) fail(result.error());
  return result;
}

Result<void> SessionEnd::on_resume(const Resume& frame, Instant) {
  if (state_ == State::leaving) return {};
  if (state_ == State::attaching) return Error(Fault::malformed, "resume before attached");
  const bool another = knows_peer_ && frame.peer_instance != peer_instance_;
  peer_instance_ = frame.peer_instance;
  knows_peer_ = true;
  resume_serial_ = frame.serial;
  for (auto& [number, stream] : streams_) {
    outbox_->remove(*stream);
    stream->detach();
  }
  windows_.clear();
  state_ = State::live;
  if (another && !options_.console) on_takeover();
  Resumed resumed{frame.serial, {}};
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
}

Result<void> SessionEnd::on_resumed(const Resumed& frame, Instant) {
  if (state_ != State::live || frame.serial != resume_serial_) return {};
  for (const StreamPosition& position : frame.streams) {
    const auto found = streams_.find(position.stream);
    if (found != streams_.end()) {
      if (!found->second->peer_position(position)) {
        return Error(Fault::malformed, "stream " + std::to_string(position.stream) +
                                           ": the other end wants offset " + std::to_string(position.next) +
                                           ", which is not kept");
      }
    } else if (fresh_) {
      if (streams_.size() >= limits::kLiveStreams) return Error(Fault::too_large, "too many streams");
      StreamState& stream = add(position.stream, position.stream == 0 ? options_.zero : options_.learnt,
                                position.next, position.start);
      stream.credit_open = true;
    } else if (position.stream <= (own_number(position.stream) ? highest_own_ : highest_peer_)) {
      const std::string text = reset_text(position.stream);
      queue(encode_reset(slot_, position.stream,
                         {text.empty() ? ResetCode::closed : ResetCode::cancelled, text}));
    } else if (own_number(position.stream)) {
      return Error(Fault::malformed, "stream " + std::to_string(position.stream) + " was never opened");
    }
  }
  const bool learnt = std::exchange(fresh_, false);
  // A stream that the peer does not list has not been seen by it yet: it starts where it is.
  for (auto& [number, stream] : streams_) {
    stream->credit_open = true;
    schedule(*stream);
    listener_.on_stream(number);
  }
  if (learnt) listener_.on_state();
  return {};
}

// The stream of a frame; null for one that is closed already, an error for one that never was.
Result<StreamState*> SessionEnd::live_or_late(std::uint32_t stream) {
  const auto found = streams_.find(stream);
  if (found != streams_.end()) return found->second.get();
  if (fresh_ || stream <= (own_number(stream) ? highest_own_ : highest_peer_)) return nullptr;
  return Error(Fault::malformed, "stream " + std::to_string(stream) + " was never opened");
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
      if (stream && *stream != nullptr) result = (*stream)->on_data(*frame);
      break;
    }
    case Kind::window: {
      const Result<WindowView> frame = decode_window(body);
      if (!frame) return frame.error();
      // The window of a stream that this end has opened may come before the peer's list names it.
      stream = live_or_late(frame->stream);
      if (stream && *stream != nullptr) result = (*stream)->on_window(frame->window, now);
      break;
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
  const std::uint32_t number = (*stream)->number();
  schedule(**stream);
  close_if_complete(number);
  if (streams_.contains(number)) listener_.on_stream(number);
  return {};
}

Result<void> SessionEnd::on_reset(const ResetView& frame) {
  const Result<StreamState*> stream = live_or_late(frame.stream);
  if (!stream) return stream.error();
  if (*stream == nullptr) return {};
  if (frame.stream == 0) return Error(Fault::malformed, "reset of stream 0");
  // Each end sends one reset, so that the relay knows when nothing more comes.
  queue(encode_reset(slot_, frame.stream, {frame.body.code, {}}));
  if (frame.body.code == ResetCode::closed) {
    streams_.erase(frame.stream);
    listener_.on_stream(frame.stream);
    return {};
  }
  drop(frame.stream, frame.body.text.empty() ? "reset by the other end" : frame.body.text);
  return {};
}

}  // namespace jump::mux
