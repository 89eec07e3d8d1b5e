#include "common/endpoint/session_io.h"

#include <algorithm>

#include "common/base/check.h"

namespace jump::endpoint {
namespace {
constexpr std::size_t kMessageBacklog = 1024 * 1024;  // unsent messages; the session fails above
constexpr std::size_t kMessagesWaiting = 1024;        // received and not asked for; then the sender waits
}  // namespace

class SessionIo::StreamHandle : public session::Stream {
 public:
  StreamHandle(SessionIo& io, std::uint32_t number, Waiters& waiters)
      : io_(io), number_(number), waiters_(waiters) {}
  ~StreamHandle() override {
    if (io_.end_.live_stream(number_)) {
      const mux::StreamState* state = io_.end_.find(number_);
      // Both directions done but for acknowledgements: those come without this handle.
      const bool over = state->ended() && state->at_end() && state->all_taken();
      if (!over) io_.end_.reset(number_, mux::ResetCode::cancelled, "closed");
    }
    io_.waiters_.erase(number_);
  }

  std::uint32_t number() const override { return number_; }

  Task<Result<std::size_t>> read(std::span<std::uint8_t> into) override {
    while (true) {
      const mux::StreamState* state = io_.end_.find(number_);
      if (state == nullptr) co_return gone();
      if (state->readable() > 0) co_return io_.end_.read(number_, into);
      if (state->at_end()) {
        end_seen_ = true;
        take_end();
        co_return std::size_t{0};
      }
      if (io_.end_.state() == mux::SessionEnd::State::over) co_return io_.over_error();
      co_await waiters_.readable.wait();
    }
  }

  void taken(std::size_t bytes) override {
    io_.end_.taken(number_, bytes);
    take_end();
  }

  Task<Result<void>> write(ByteView bytes) override {
    while (true) {
      const mux::StreamState* state = io_.end_.find(number_);
      if (state == nullptr) co_return gone_error();
      if (io_.end_.state() == mux::SessionEnd::State::over) co_return io_.over_error();
      const std::size_t size = std::min(state->room(), bytes.size());
      io_.end_.write(number_, bytes.first(size));
      bytes = bytes.subspan(size);
      if (bytes.empty()) co_return Result<void>();
      co_await waiters_.writable.wait();
    }
  }

  void end() override {
    const mux::StreamState* state = io_.end_.find(number_);
    if (state != nullptr && !state->ended()) io_.end_.end(number_);
  }

  Task<Result<void>> flushed() override {
    while (true) {
      const mux::StreamState* state = io_.end_.find(number_);
      if (state == nullptr) {
        if (io_.end_.reset_text(number_).empty()) co_return Result<void>();
        co_return gone_error();
      }
      if (state->flushed()) co_return Result<void>();
      if (io_.end_.state() == mux::SessionEnd::State::over) co_return io_.over_error();
      co_await waiters_.writable.wait();
    }
  }

  void reset(std::string reason) override {
    io_.end_.reset(number_, mux::ResetCode::cancelled, std::move(reason));
  }

 private:
  void take_end() {
    const mux::StreamState* state = io_.end_.find(number_);
    if (end_seen_ && state != nullptr && state->at_end() && state->all_taken()) io_.end_.end_taken(number_);
  }
  Result<std::size_t> gone() const {
    if (io_.end_.reset_text(number_).empty()) return std::size_t{0};
    return gone_error();
  }
  Error gone_error() const {
    const std::string text = io_.end_.reset_text(number_);
    return {Fault::closed, text.empty() ? "the stream is closed" : text};
  }

  SessionIo& io_;
  std::uint32_t number_;
  Waiters& waiters_;
  bool end_seen_ = false;
};

SessionIo::SessionIo(asio::any_io_executor executor, mux::SessionEnd::Options options,
                     mux::StreamOptions stream_options)
    : executor_(executor),
      stream_options_(stream_options),
      state_changed_(executor),
      watch_changed_(executor),
      message_came_(executor),
      progress_(executor),
      end_(
          [&] {
            options.learnt = stream_options;
            return options;
          }(),
          *this, BootClock::now()) {}

SessionIo::~SessionIo() = default;

void SessionIo::send(std::string message) {
  CHECK(message.size() <= limits::kSessionMessageBytes);
  const mux::StreamState* zero = end_.find(0);
  if (zero == nullptr) return;
  if (zero->unacked() + message.size() > kMessageBacklog) {
    if (!broken_) broken_ = Error(Fault::too_large, "the other end takes no messages");
    return;
  }
  Bytes framed(2 + message.size());
  put_u16(framed.data(), static_cast<std::uint16_t>(message.size()));
  std::copy(message.begin(), message.end(), framed.begin() + 2);
  end_.write(0, framed);
}

void SessionIo::send_lasting(std::string message) {
  send(message);
  lasting_.push_back(std::move(message));
}

void SessionIo::forget_lasting(const std::string& message) {
  std::erase(lasting_, message);
}

void SessionIo::repeat_lasting() {
  if (!std::exchange(repeat_due_, false)) return;
  for (const std::string& message : lasting_) send(message);
}

// Whole messages only are taken: a console that takes over is never sent half of one.
void SessionIo::take_messages() {
  const mux::StreamState* zero = end_.find(0);
  if (zero == nullptr) return;
  std::array<std::uint8_t, 4096> buffer;
  while (messages_.size() < kMessagesWaiting) {
    const std::size_t size = end_.read(0, buffer);
    if (size == 0) break;
    end_.taken(0, size);
    partial_.append(reinterpret_cast<const char*>(buffer.data()), size);
    while (partial_.size() >= 2) {
      const std::size_t length = get_u16(reinterpret_cast<const std::uint8_t*>(partial_.data()));
      if (length > limits::kSessionMessageBytes) {
        broken_ =
            Error(Fault::malformed, "a session message of " + std::to_string(length) + " bytes, at most " +
                                        std::to_string(limits::kSessionMessageBytes));
        return;
      }
      if (partial_.size() < 2 + length) break;
      messages_.push_back(partial_.substr(2, length));
      partial_.erase(0, 2 + length);
    }
  }
}

Task<Result<std::string>> SessionIo::receive() {
  while (true) {
    take_messages();
    if (!messages_.empty()) {
      std::string message = std::move(messages_.front());
      messages_.pop_front();
      co_return message;
    }
    // Not before: the old console may have given the answer that is asked for.
    repeat_lasting();
    if (broken_) co_return *broken_;
    if (end_.state() == mux::SessionEnd::State::over) co_return over_error();
    co_await message_came_.wait();
  }
}

std::unique_ptr<session::Stream> SessionIo::handle(std::uint32_t number) {
  auto& place = waiters_[number];
  place = std::make_unique<Waiters>(executor_);
  return std::make_unique<StreamHandle>(*this, number, *place);
}

Result<std::unique_ptr<session::Stream>> SessionIo::open_stream() {
  const Result<std::uint32_t> number = end_.open(stream_options_);
  if (!number) return number.error();
  return handle(*number);
}

Result<std::unique_ptr<session::Stream>> SessionIo::adopt_stream(std::uint32_t number) {
  const Result<void> adopted = end_.adopt(number, stream_options_);
  if (!adopted) return adopted.error();
  return handle(number);
}

Result<std::unique_ptr<session::Stream>> SessionIo::learnt_stream(std::uint32_t number) {
  if (!end_.live_stream(number)) {
    return Error(Fault::not_found, "the session has no stream " + std::to_string(number) + " any more");
  }
  return handle(number);
}

Task<Result<void>> SessionIo::flushed() {
  while (!end_.flushed()) {
    if (end_.state() == mux::SessionEnd::State::over) co_return over_error();
    co_await progress_.wait();
  }
  co_return Result<void>();
}

Task<> SessionIo::leave(mux::Reason reason, std::string text, Duration limit) {
  end_.leave(reason, std::move(text));
  const Instant until = BootClock::now() + limit;
  while (end_.state() != mux::SessionEnd::State::over) {
    const Instant now = BootClock::now();
    if (now >= until) co_return;
    co_await state_changed_.wait_for(until - now);
  }
}

Task<> SessionIo::watch() {
  while (end_.state() != mux::SessionEnd::State::over) {
    // Where nobody receives any more.
    if (messages_.empty()) repeat_lasting();
    const std::optional<Instant> deadline = end_.deadline();
    const Instant now = BootClock::now();
    if (!deadline) {
      co_await watch_changed_.wait();
    } else if (now >= *deadline) {
      end_.poll(now);
      if (end_.state() != mux::SessionEnd::State::over)
        co_await watch_changed_.wait_for(std::chrono::seconds(1));
    } else {
      // The timer does not run in standby, the deadline does: look at least twice a minute.
      const Duration wait = std::min<Duration>(*deadline - now, std::chrono::seconds(30));
      co_await watch_changed_.wait_for(wait);
    }
  }
}

Error SessionIo::over_error() const {
  const mux::Notice& notice = end_.notice();
  return {Fault::closed, notice.text.empty() ? "the session is over" : notice.text};
}

void SessionIo::on_stream(std::uint32_t stream) {
  if (stream == 0) message_came_.set();
  progress_.set();
  const auto found = waiters_.find(stream);
  if (found == waiters_.end()) return;
  found->second->readable.set();
  found->second->writable.set();
}

void SessionIo::on_state() {
  if (end_.state() == mux::SessionEnd::State::live) {
    if (peer_known_ && peer_ != end_.peer_instance()) {
      // What the old console said in full still counts; the rest of what it was saying never comes.
      take_messages();
      partial_.clear();
      taken_over_ = true;
      repeat_due_ = !lasting_.empty();
      message_came_.set();
    }
    peer_ = end_.peer_instance();
    peer_known_ = true;
  }
  state_changed_.set();
  watch_changed_.set();
  if (end_.state() == mux::SessionEnd::State::over) {
    message_came_.set();
    progress_.set();
    for (auto& [number, waiters] : waiters_) {
      waiters->readable.set();
      waiters->writable.set();
    }
  }
}

}  // namespace jump::endpoint
