#include "common/tunnel/link.h"

#include <algorithm>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/scoped_group.h"

namespace jump::tunnel {
namespace {

constexpr std::size_t kBatch = 128 * 1024;     // one write at the most
constexpr std::size_t kReadTurn = 256 * 1024;  // then other connections have their turn
constexpr auto kAcknowledgeDelay = std::chrono::milliseconds(25);
constexpr auto kPaceInterval = std::chrono::milliseconds(50);
constexpr auto kPaceTime = std::chrono::milliseconds(5);
constexpr std::size_t kPaceLeast = 1024;

// Filled, written and empty again between two awaits: one for all links of a worker, so that an idle one
// holds none.
mux::Batch& worker_batch() {
  thread_local mux::Batch batch;
  return batch;
}

}  // namespace

Link::Link(asio::any_io_executor executor, Transport& transport, LinkHandler& handler)
    : transport_(transport),
      handler_(handler),
      tasks_(executor),
      work_(executor),
      over_(executor),
      busy_changed_(executor),
      outbox_([this] { work_.set(); }),
      last_heard_(BootClock::now()),
      batch_limit_(kBatch) {}

Link::~Link() = default;

Task<Error> Link::run() {
  // Cancelled or not, no task touches the transport any more when this ends.
  Task<bool> working = run_until_over();
  co_await and_stop(tasks_, std::move(working));
  co_return reason_ ? *reason_ : Error(Fault::closed, "stopped");
}

Task<bool> Link::run_until_over() {
  struct Close {
    Transport& transport;
    ~Close() { transport.close(); }
  } close{transport_};
  transport_.set_unsent_limit(kBatch);
  tasks_.spawn("link reader", read_loop());
  tasks_.spawn("link writer", write_loop());
  tasks_.spawn("link watch", watch_loop());
  while (!reason_) co_await over_.wait();
  co_return true;
}

void Link::close(Error reason) {
  if (reason_) return;
  reason_ = std::move(reason);
  over_.set();
}

void Link::go_away(mux::GoAwayBody body, Error reason) {
  if (reason_ || draining_) return;
  draining_ = std::move(reason);
  outbox_.control(mux::encode_go_away(body));
  // The writer closes when all is written; the watch, when that takes too long.
  tasks_.spawn("link drain", drain());
  work_.set();
}

Task<> Link::drain() {
  co_await sleep_for(limits::kShutdownLimit);
  close(*draining_);
}

void Link::set_busy(bool busy) {
  if (busy_ == busy) return;
  busy_ = busy;
  busy_changed_.set();
}

Task<> Link::read_loop() {
  while (true) {
    Result<void> ready = co_await transport_.readable();
    if (!ready) {
      close(ready.error());
      co_return;
    }
    std::size_t turn = 0;
    while (true) {
      const std::span<std::uint8_t> room = reader_.room();
      const Result<std::size_t> size = transport_.read_now(room);
      if (!size) {
        // Thousands may be cut at once, and wait for their end: not each with a block.
        reader_.rest();
        close(size.error());
        co_return;
      }
      if (*size == 0) break;
      const Instant now = BootClock::now();
      last_heard_ = now;
      counters_.bytes_in += *size;
      turn += *size;
      reader_.filled(*size);
      while (true) {
        Result<std::optional<mux::FrameView>> frame = reader_.next();
        Result<void> handled = frame ? (*frame ? on_frame(**frame, now) : Result<void>()) : frame.error();
        if (!handled) {
          const mux::GoAwayBody body{mux::GoAway::protocol, 0, handled.error().message()};
          go_away(body, handled.error());
          co_return;
        }
        if (!*frame) break;
        if (reason_) co_return;
      }
      if (turn >= kReadTurn) {
        turn = 0;
        co_await asio::post(work_.executor(), asio::use_awaitable);
      }
    }
    reader_.rest();
  }
}

Result<void> Link::on_frame(const mux::FrameView& frame, Instant now) {
  switch (static_cast<mux::Kind>(frame.header.kind)) {
    case mux::Kind::ping: {
      const Result<mux::Ping> ping = mux::decode_ping(frame.body());
      if (!ping) return ping.error();
      if (!outbox_.control(mux::encode_ping(mux::Kind::pong, *ping))) {
        return Error(Fault::too_large, "pings without end, and answers are not read");
      }
      return {};
    }
    case mux::Kind::pong: {
      const Result<mux::Ping> pong = mux::decode_ping(frame.body());
      return pong ? Result<void>() : pong.error();
    }
    case mux::Kind::go_away: {
      const Result<mux::GoAwayBody> body = mux::decode_go_away(frame.body());
      if (!body) return body.error();
      handler_.on_go_away(*body);
      return {};
    }
    default:
      return handler_.on_frame(frame, now);
  }
}

Task<> Link::write_loop() {
  while (true) {
    if (!outbox_.pending()) {
      if (draining_) {
        close(*draining_);
        co_return;
      }
      if (!outbox_.lazy_pending()) {
        co_await work_.wait();
        continue;
      }
      // Only acknowledgements that can wait: they go with the next packet, or alone after a while.
      const Instant until = BootClock::now() + kAcknowledgeDelay;
      for (Instant now = BootClock::now(); now < until && !outbox_.pending(); now = BootClock::now()) {
        co_await work_.wait_for(until - now);
      }
    }
    mux::Batch& batch = worker_batch();
    outbox_.fill(batch, batch_limit_, frame_limit_, BootClock::now());
    if (batch.empty()) continue;
    counters_.bytes_out += batch.bytes();
    ++counters_.writes;
    Result<void> written = transport_.write_now(batch.parts());
    batch.clear();
    pace();
    // On a slow path also without a backlog: send() goes on filling the last segment above the limit.
    if (written && (transport_.backlog() || batch_limit_ < kBatch)) written = co_await transport_.writable();
    if (!written) {
      close(written.error());
      co_return;
    }
  }
}

// What lies in the kernel before a keystroke shrinks to what the path moves in 5 ms. The kernel would take
// far more without making us wait: so it is looked at by time, not when it refuses.
void Link::pace() {
  const Instant now = BootClock::now();
  if (now - paced_at_ < kPaceInterval) return;
  paced_at_ = now;
  const PathState path = transport_.path();
  // Unknown: the path moved all that there was. It may be faster than we let it be.
  const std::size_t per_turn =
      path.delivery_rate == 0 ? batch_limit_ + batch_limit_ / 4
                              : static_cast<std::size_t>(static_cast<double>(path.delivery_rate) *
                                                         std::chrono::duration<double>(kPaceTime).count());
  if (path.delivery_rate == 0 && batch_limit_ == kBatch) return;
  batch_limit_ = std::clamp(per_turn, kPaceLeast, kBatch);
  frame_limit_ = std::clamp(per_turn, kPaceLeast, limits::kFrameBytes);
  transport_.set_unsent_limit(batch_limit_);
}

Task<> Link::watch_loop() {
  std::uint64_t token = 0;
  while (true) {
    const Duration idle = busy_ ? Duration(limits::kPingBusy) : Duration(limits::kPingIdle);
    const Duration limit = busy_ ? Duration(limits::kPongBusy) : Duration(limits::kPongIdle);
    const Duration silence = BootClock::now() - last_heard_;
    if (silence < idle) {
      co_await busy_changed_.wait_for(idle - silence + std::chrono::milliseconds(1));
      continue;
    }
    const Instant asked = BootClock::now();
    if (!outbox_.control(mux::encode_ping(mux::Kind::ping, {++token}))) {
      close(Error(Fault::timed_out, "the peer does not read"));
      co_return;
    }
    co_await sleep_for(limit);
    if (last_heard_ < asked) {
      const auto seconds =
          std::chrono::duration_cast<std::chrono::seconds>(BootClock::now() - last_heard_).count();
      close(Error(Fault::timed_out, "the peer has been silent for " + std::to_string(seconds) + " s"));
      co_return;
    }
  }
}

}  // namespace jump::tunnel
