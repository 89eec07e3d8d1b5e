// A session in memory: both ends of session::Session with streams between them, as strict as the real one.
// What is written and not yet taken counts against a window of 256 KiB for each stream and direction; a
// Stream that is dropped before its peer has taken everything and both have ended is reset. close() ends the
// session for both.
//
// One thread. The pair outlives its ends, and the ends outlive their streams.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/check.h"
#include "common/session/stream_io.h"

namespace jump::test {

// Wakes everybody who waits, each to look again.
class Bell {
 public:
  explicit Bell(asio::any_io_executor executor) : timer_(executor) {
    timer_.expires_at(asio::steady_timer::time_point::max());
  }
  void ring() { timer_.cancel(); }
  Task<> wait() {
    boost::system::error_code ended;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }

 private:
  asio::steady_timer timer_;
};

// 0 = the console, 1 = the endpoint; a direction is named by its writer.
struct MemoryDirection {
  Bytes waiting;
  std::size_t begin = 0;  // of what waits: what is before was read
  std::uint64_t written = 0;
  std::uint64_t read = 0;
  std::uint64_t taken = 0;
  bool ended = false;
  bool end_seen = false;
};

struct MemoryStreamState {
  std::uint32_t number = 0;
  std::array<MemoryDirection, 2> from;
  std::optional<std::string> reset;
  std::array<bool, 2> held{};  // by which ends
};

struct MemoryShared {
  explicit MemoryShared(asio::any_io_executor executor) : bell(executor) {}
  Bell bell;
  std::array<std::deque<std::string>, 2> messages;  // to this end
  std::map<std::uint32_t, std::shared_ptr<MemoryStreamState>> streams;
  std::array<std::uint32_t, 2> next{2, 1};
  std::optional<std::string> closed;
  std::uint64_t window = 256 * 1024;
  std::uint64_t most_untaken = 0;  // of any direction, ever
};

class MemoryStream : public session::Stream {
 public:
  MemoryStream(std::shared_ptr<MemoryShared> shared, std::shared_ptr<MemoryStreamState> state, int side)
      : shared_(std::move(shared)), state_(std::move(state)), side_(side) {
    state_->held[static_cast<std::size_t>(side_)] = true;
  }
  ~MemoryStream() override {
    const bool out_over = out().ended && out().end_seen && out().taken == out().written;
    const bool in_over = in().end_seen && in().taken == in().written;
    if (!(out_over && in_over)) MemoryStream::reset("the other end dropped the stream");
  }

  std::uint32_t number() const override { return state_->number; }

  Task<Result<std::size_t>> read(std::span<std::uint8_t> into) override {
    while (true) {
      if (std::optional<Error> ended = over()) co_return *ended;
      MemoryDirection& from = in();
      if (from.begin < from.waiting.size()) {
        const std::size_t bytes = std::min(into.size(), from.waiting.size() - from.begin);
        std::copy_n(from.waiting.data() + from.begin, bytes, into.data());
        from.begin += bytes;
        from.read += bytes;
        if (from.begin == from.waiting.size()) {
          from.waiting.clear();
          from.begin = 0;
        }
        co_return bytes;
      }
      if (from.ended) {
        from.end_seen = true;
        shared_->bell.ring();
        co_return std::size_t{0};
      }
      co_await shared_->bell.wait();
    }
  }

  void taken(std::size_t bytes) override {
    in().taken += bytes;
    CHECK(in().taken <= in().read && "more was taken than was read");
    shared_->bell.ring();
  }

  Task<Result<void>> write(ByteView bytes) override {
    CHECK(bytes.size() <= 256 * 1024 && "a write has at most 256 KiB");
    CHECK(!out().ended && "nothing is written after the end");
    while (true) {
      if (std::optional<Error> ended = over()) co_return *ended;
      if (out().written - out().taken + bytes.size() <= shared_->window || out().written == out().taken)
        break;
      co_await shared_->bell.wait();
    }
    out().waiting.insert(out().waiting.end(), bytes.begin(), bytes.end());
    out().written += bytes.size();
    shared_->most_untaken = std::max(shared_->most_untaken, out().written - out().taken);
    shared_->bell.ring();
    co_return Result<void>();
  }

  void end() override {
    out().ended = true;
    shared_->bell.ring();
  }

  Task<Result<void>> flushed() override {
    while (true) {
      if (std::optional<Error> ended = over()) co_return *ended;
      if (out().taken == out().written && (!out().ended || out().end_seen)) co_return Result<void>();
      co_await shared_->bell.wait();
    }
  }

  void reset(std::string reason) override {
    if (!state_->reset) state_->reset = std::move(reason);
    shared_->bell.ring();
  }

 private:
  MemoryDirection& out() { return state_->from[static_cast<std::size_t>(side_)]; }
  MemoryDirection& in() { return state_->from[static_cast<std::size_t>(1 - side_)]; }
  std::optional<Error> over() const {
    if (state_->reset) return Error(Fault::closed, *state_->reset);
    if (shared_->closed) return Error(Fault::closed, *shared_->closed);
    return std::nullopt;
  }

  std::shared_ptr<MemoryShared> shared_;
  std::shared_ptr<MemoryStreamState> state_;
  int side_;
};

class MemorySession : public session::Session {
 public:
  MemorySession(std::shared_ptr<MemoryShared> shared, int side) : shared_(std::move(shared)), side_(side) {}

  void send(std::string message) override {
    CHECK(message.size() <= 16'000 && "a message has at most 16,000 bytes");
    shared_->messages[static_cast<std::size_t>(1 - side_)].push_back(std::move(message));
    shared_->bell.ring();
  }

  Task<Result<std::string>> receive() override {
    std::deque<std::string>& inbox = shared_->messages[static_cast<std::size_t>(side_)];
    while (true) {
      if (!inbox.empty()) {
        std::string message = std::move(inbox.front());
        inbox.pop_front();
        shared_->bell.ring();
        co_return message;
      }
      if (shared_->closed) co_return Error(Fault::closed, *shared_->closed);
      co_await shared_->bell.wait();
    }
  }

  Result<std::unique_ptr<session::Stream>> open_stream() override {
    if (shared_->closed) return Error(Fault::closed, *shared_->closed);
    auto state = std::make_shared<MemoryStreamState>();
    state->number = shared_->next[static_cast<std::size_t>(side_)];
    shared_->next[static_cast<std::size_t>(side_)] += 2;
    shared_->streams[state->number] = state;
    return std::unique_ptr<session::Stream>(std::make_unique<MemoryStream>(shared_, state, side_));
  }

  Result<std::unique_ptr<session::Stream>> adopt_stream(std::uint32_t number) override {
    const auto found = shared_->streams.find(number);
    const bool mine = number % 2 == (side_ == 0 ? 0u : 1u);
    if (mine || found == shared_->streams.end() || found->second->held[static_cast<std::size_t>(side_)]) {
      return Error(Fault::refused, "stream " + std::to_string(number) + " cannot be adopted");
    }
    return std::unique_ptr<session::Stream>(std::make_unique<MemoryStream>(shared_, found->second, side_));
  }

  Task<Result<void>> flushed() override {
    while (true) {
      bool all = shared_->messages[static_cast<std::size_t>(1 - side_)].empty();
      for (const auto& [number, state] : shared_->streams) {
        const MemoryDirection& out = state->from[static_cast<std::size_t>(side_)];
        if (!state->reset && out.taken != out.written) all = false;
      }
      if (all) co_return Result<void>();
      if (shared_->closed) co_return Error(Fault::closed, *shared_->closed);
      co_await shared_->bell.wait();
    }
  }

 private:
  std::shared_ptr<MemoryShared> shared_;
  int side_;
};

class MemorySessionPair {
 public:
  explicit MemorySessionPair(asio::any_io_executor executor)
      : shared_(std::make_shared<MemoryShared>(executor)), console_(shared_, 0), endpoint_(shared_, 1) {}

  session::Session& console() { return console_; }
  session::Session& endpoint() { return endpoint_; }
  // As when the wait limit is over or an administrator ended it.
  void close(std::string reason) {
    shared_->closed = std::move(reason);
    shared_->bell.ring();
  }
  void set_window(std::uint64_t bytes) { shared_->window = bytes; }
  std::uint64_t most_untaken() const { return shared_->most_untaken; }

 private:
  std::shared_ptr<MemoryShared> shared_;
  MemorySession console_;
  MemorySession endpoint_;
};

}  // namespace jump::test
