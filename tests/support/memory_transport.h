// MemoryTransport: a pair of Transports without a kernel, for tests. Each direction is a wire that the test
// may hold, release byte by byte, make short of room, or cut.
//
//     auto [a, b] = memory_pair(io.get_executor());
//     a->wire().hold();        what a writes stays on the way
//     a->wire().release(3);    three bytes of it arrive at b
//     a->wire().cut();         b gets nothing more and no orderly end; a's writes fail
//
// The wire() of an end is the one that it writes into. One thread.
#pragma once

#include <algorithm>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/error.hpp>

#include "common/base/check.h"
#include "common/tunnel/transport.h"

namespace jump::test {

// One direction.
class MemoryWire {
 public:
  explicit MemoryWire(const asio::any_io_executor& executor) : arrived_(executor), room_(executor) {}

  // Bytes that fit on the wire and in its far end together, as the kernel's buffers would; default 256 KiB.
  void set_capacity(std::size_t bytes) {
    capacity_ = bytes;
    room_.set();
  }
  // At most so many for each attempt to write: the rest waits in the writer.
  void set_write_limit(std::size_t bytes) { write_limit_ = bytes; }
  // At most so many for each read_now(); default 16,384, as a TLS record.
  void set_read_limit(std::size_t bytes) { read_limit_ = bytes; }

  void hold() { let_through_ = 0; }
  // So many bytes more may arrive.
  void release(std::size_t bytes) {
    let_through_ += std::min(bytes, kAll - let_through_);
    deliver();
  }
  void release() { release(kAll); }
  void cut() {
    cut_ = true;
    sent_.clear();
    wake();
  }

  std::size_t in_flight() const { return sent_.size(); }
  std::uint64_t total() const { return total_; }  // ever written

 private:
  friend class MemoryTransport;
  static constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

  std::size_t accept(ByteView bytes) {
    const std::size_t used = sent_.size() + there_.size();
    const std::size_t room = used < capacity_ ? capacity_ - used : 0;
    const std::size_t count = std::min({bytes.size(), room, write_limit_});
    sent_.insert(sent_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    total_ += count;
    deliver();
    return count;
  }
  void deliver() {
    const std::size_t count = std::min(sent_.size(), let_through_);
    if (let_through_ != kAll) let_through_ -= count;
    const auto until = sent_.begin() + static_cast<std::ptrdiff_t>(count);
    there_.insert(there_.end(), sent_.begin(), until);
    sent_.erase(sent_.begin(), until);
    if (count > 0 || (ended_ && sent_.empty())) arrived_.set();
  }
  std::size_t take(std::span<std::uint8_t> into) {
    const std::size_t count = std::min({into.size(), there_.size(), read_limit_});
    const auto until = there_.begin() + static_cast<std::ptrdiff_t>(count);
    std::copy(there_.begin(), until, into.begin());
    there_.erase(there_.begin(), until);
    if (count > 0) room_.set();
    return count;
  }
  bool has_room() const { return sent_.size() + there_.size() < capacity_; }
  bool at_end() const { return ended_ && sent_.empty() && there_.empty(); }
  void wake() {
    arrived_.set();
    room_.set();
  }

  std::deque<std::uint8_t> sent_;
  std::deque<std::uint8_t> there_;
  std::size_t let_through_ = kAll;
  std::size_t capacity_ = 256 * 1024;
  std::size_t write_limit_ = kAll;
  std::size_t read_limit_ = 16384;
  std::uint64_t total_ = 0;
  bool ended_ = false;  // orderly
  bool cut_ = false;
  Event arrived_;
  Event room_;
};

class MemoryTransport final : public tunnel::Transport {
 public:
  MemoryTransport(std::shared_ptr<MemoryWire> out, std::shared_ptr<MemoryWire> in, std::string name)
      : out_(std::move(out)), in_(std::move(in)), info_{name, name} {}
  ~MemoryTransport() override { close(); }

  MemoryWire& wire() { return *out_; }
  tunnel::PathState& path_state() { return path_; }
  std::size_t unsent_limit() const { return unsent_limit_; }
  bool closed() const { return closed_; }

  Task<Result<void>> readable() override {
    while (!closed_ && !in_->cut_ && in_->there_.empty() && !in_->at_end()) {
      const bool woken = co_await waited(in_->arrived_);
      if (!woken) co_return cancelled();
    }
    if (closed_) co_return closed_here();
    co_return Result<void>();
  }
  Result<std::size_t> read_now(std::span<std::uint8_t> into) override {
    if (closed_) return closed_here();
    if (in_->there_.empty() && in_->cut_)
      return Error(make_error_code(asio::error::eof), info_.peer_address + ": cut");
    if (in_->at_end()) return Error(Fault::closed, "the peer closed the connection");
    return in_->take(into);
  }

  Result<void> write_now(std::span<const ByteView> parts) override {
    if (closed_) return closed_here();
    CHECK(!backlog());
    if (out_->cut_) return broken();
    std::size_t total = 0;
    for (const ByteView part : parts) {
      total += part.size();
      kept_.insert(kept_.end(), part.begin(), part.end());
    }
    CHECK(total <= 256 * 1024);
    push();
    return {};
  }
  bool backlog() const override { return !kept_.empty(); }
  Task<Result<void>> writable() override {
    std::optional<Result<void>> state = writable_now();
    while (!state) {
      const bool woken = co_await waited(out_->room_);
      if (!woken) co_return cancelled();
      state = writable_now();
    }
    co_return *state;
  }

  void set_unsent_limit(std::size_t bytes) override { unsent_limit_ = bytes; }
  tunnel::PathState path() const override { return path_; }

  Task<Result<void>> shutdown() override {
    while (backlog()) {
      Result<void> sent = co_await writable();
      if (!sent) co_return sent;
    }
    out_->ended_ = true;
    out_->deliver();
    co_return Result<void>();
  }
  // As a socket without close_notify: the peer reads what has arrived, then finds the connection cut.
  void close() noexcept override {
    if (std::exchange(closed_, true)) return;
    if (!out_->ended_) {
      out_->release();
      out_->cut_ = true;
    }
    in_->cut_ = true;
    out_->wake();
    in_->wake();
  }
  const tunnel::TransportInfo& info() const override { return info_; }

 private:
  static Error closed_here() { return {Fault::closed, "the connection was closed here"}; }
  static Error cancelled() { return {make_error_code(asio::error::operation_aborted), "memory transport"}; }
  Error broken() const { return {make_error_code(asio::error::broken_pipe), info_.peer_address}; }

  // Nothing: there is no room yet.
  std::optional<Result<void>> writable_now() {
    while (true) {
      if (closed_) return closed_here();
      if (out_->cut_) return broken();
      push();
      if (!out_->has_room()) return std::nullopt;
      // A limit for each write is no lack of room: the next turn takes more.
      if (!backlog()) return Result<void>();
    }
  }

  // As with sockets, a cancelled wait is an error and no exception.
  static Task<bool> waited(Event& event) {
    try {
      co_await event.wait();
    } catch (const boost::system::system_error&) {
      co_return false;
    }
    co_return true;
  }
  void push() {
    while (!kept_.empty()) {
      const std::size_t count = out_->accept(kept_);
      kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(count));
      if (count == 0 || out_->write_limit_ != MemoryWire::kAll) return;
    }
  }

  std::shared_ptr<MemoryWire> out_;
  std::shared_ptr<MemoryWire> in_;
  tunnel::TransportInfo info_;
  tunnel::PathState path_;
  std::size_t unsent_limit_ = 0;
  bool closed_ = false;
  Bytes kept_;
};

using MemoryPair = std::pair<std::unique_ptr<MemoryTransport>, std::unique_ptr<MemoryTransport>>;
inline MemoryPair memory_pair(const asio::any_io_executor& executor) {
  auto up = std::make_shared<MemoryWire>(executor);
  auto down = std::make_shared<MemoryWire>(executor);
  return {std::make_unique<MemoryTransport>(up, down, "memory a"),
          std::make_unique<MemoryTransport>(down, up, "memory b")};
}

}  // namespace jump::test
