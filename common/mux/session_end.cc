#include "common/mux/session_end.h"

#include <algorithm>

#include "common/base/check.h"

namespace jump::mux {
namespace {
constexpr std::size_t kResetTexts = 64;
constexpr std::uint32_t kLastNumber = 0xFFFFFFFD;
}  // namespace

Error too_many_streams() {
  return {Fault::too_large,
          "a session has at most " + std::to_string(limits::kLiveStreams) + " streams at once"};
}

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

}  // namespace jump::mux
