#include "common/tunnel/link.h"

#include <algorithm>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/check.h"
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

// A turn of one link, in which it reads or writes. Links of this thread that get something to write meanwhile
// are listed, and write at its end: not within it, when the batch of all links is being filled.
class Link::Round {
 public:
  static bool open() { return list != nullptr; }
  static void add(Link& link) {
    if (!link.is_linked()) list->push_back(link);
  }

  Round() {
    CHECK(!open());
    list = &ready_;
  }
  ~Round() {
    Ready waits;
    while (!ready_.empty()) {
      Link& next = ready_.front();
      ready_.pop_front();
      if (next.flush()) continue;
      if (next.is_linked()) next.unlink();  // listed again by what it sent
      waits.push_back(next);
    }
    list = nullptr;
    // A writer begins at once, with a round of its own.
    while (!waits.empty()) {
      Link& next = waits.front();
      waits.pop_front();
      next.wake_writer();
    }
  }
  Round(const Round&) = delete;
  Round& operator=(const Round&) = delete;

 private:
  using Ready = boost::intrusive::list<Link, boost::intrusive::constant_time_size<false>>;
  static thread_local Ready* list;
  Ready ready_;
};

thread_local Link::Round::Ready* Link::Round::list = nullptr;

Link::Link(asio::any_io_executor executor, Transport& transport, LinkHandler& handler)
    : transport_(transport),
      handler_(handler),
      tasks_(executor),
      work_(executor),
      silence_(executor, [this] { watch(); }),
      outbox_([this] { on_work(); }),
      last_heard_(BootClock::now()),
      batch_limit_(kBatch) {}

Link::~Link() = default;

// Cancelled or not, no task touches the transport any more when this ends.
Task<Error> Link::run() {
  return and_stop(tasks_, read_loop());
}

void Link::on_work() {
  // run() looks itself, and the writer when it can go on.
  if (!running_ || blocked_) return;
  if (Round::open()) return Round::add(*this);
  wake_writer();
}

void Link::wake_writer() {
  work_.set();
  if (!std::exchange(writing_, true)) tasks_.spawn("link writer", write_loop());
}

void Link::close(Error reason) {
  if (reason_) return;
  reason_ = std::make_unique<const Error>(std::move(reason));
  transport_.close();  // it is there that the reader waits
  if (over_ != nullptr) over_->set();
}

void Link::go_away(mux::GoAwayBody body, Error reason) {
  if (reason_ || draining_) return;
  draining_ = std::make_unique<const Error>(std::move(reason));
  outbox_.control(mux::encode_go_away(body));
  // The writer closes when all is written; the watch, when that takes too long.
  tasks_.spawn("link drain", drain());
  on_work();
}

Task<> Link::drain() {
  co_await sleep_for(limits::kShutdownLimit);
  close(*draining_);
}

void Link::set_busy(bool busy) {
  if (busy_ == busy) return;
  busy_ = busy;
  if (running_) watch();
  work_.set();  // an idle writer looks whether it is still wanted
}

Task<Error> Link::read_loop() {
  struct End {
    Link& link;
    ~End() {
      link.running_ = false;
      link.over_ = nullptr;
      link.silence_.clear();
      link.transport_.close();
    }
  } end{*this};
  running_ = true;
  transport_.set_unsent_limit(kBatch);
  if (outbox_.pending() || outbox_.lazy_pending()) on_work();
  watch();
  Turn turn = Turn::empty;
  while (turn != Turn::over) {
    if (turn == Turn::more) {
      co_await asio::post(work_.executor(), asio::use_awaitable);
    } else {
      const Result<void> ready = co_await transport_.readable();
      if (!ready) {
        close(ready.error());
        break;
      }
    }
    // Begun by what another link read, with bytes that were there already.
    if (Round::open()) co_await asio::post(work_.executor(), asio::use_awaitable);
    const Round round;
    turn = read_turn();
  }
  // A peer that broke a rule is still to hear of it.
  if (!reason_) co_await wait_for_reason();
  co_return *reason_;
}

// Not in the reader's own frame, which every idle link has.
Task<> Link::wait_for_reason() {
  Event over(work_.executor());
  over_ = &over;
  while (!reason_) co_await over.wait();
}

// What there is, up to what is one link's share.
Link::Turn Link::read_turn() {
  std::size_t total = 0;
  while (total < kReadTurn) {
    const Result<std::size_t> size = transport_.read_now(reader_.room());
    if (!size) close(size.error());
    // Thousands may be cut at once, and wait for their end, as thousands are idle: not each with a block.
    if (!size || *size == 0) {
      reader_.rest();
      return size ? Turn::empty : Turn::over;
    }
    const Instant now = BootClock::now();
    last_heard_ = now;
    counters_.bytes_in += *size;
    total += *size;
    reader_.filled(*size);
    while (true) {
      const Result<std::optional<mux::FrameView>> frame = reader_.next();
      if (frame && !*frame) break;
      const Result<void> handled = frame ? on_frame(**frame, now) : Result<void>(frame.error());
      if (!handled) {
        go_away({mux::GoAway::protocol, 0, handled.error().message()}, handled.error());
        return Turn::over;
      }
      if (reason_) return Turn::over;
    }
  }
  return Turn::more;
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

void Link::write_what_waits(bool lazy_too) {
  while (!reason_ && !blocked_ && (outbox_.pending() || std::exchange(lazy_too, false))) {
    mux::Batch& batch = worker_batch();
    outbox_.fill(batch, batch_limit_, frame_limit_, BootClock::now());
    if (batch.empty()) continue;
    counters_.bytes_out += batch.bytes();
    ++counters_.writes;
    const Result<void> written = transport_.write_now(batch.parts());
    batch.clear();
    pace();
    if (!written) return close(written.error());
    // On a slow path also without a backlog: send() goes on filling the last segment above the limit.
    blocked_ = transport_.backlog() || batch_limit_ < kBatch;
  }
}

// At the end of a round. False: there is something to wait for, which is the writer's part.
bool Link::flush() {
  if (!running_ || blocked_) return true;
  write_what_waits(false);
  return !blocked_ && !draining_ && (acknowledges_ || !outbox_.lazy_pending());
}

Task<> Link::write_loop() {
  bool lazy_too = false;
  while (true) {
    {
      const Round round;
      write_what_waits(std::exchange(lazy_too, false));
    }
    if (reason_) co_return;
    if (!blocked_ && outbox_.pending()) continue;  // by what others wrote in that round
    if (blocked_) {
      const Result<void> writable = co_await transport_.writable();
      if (!writable) {
        close(writable.error());
        co_return;
      }
      blocked_ = false;
    } else if (draining_) {
      close(*draining_);
      co_return;
    } else if (outbox_.lazy_pending()) {
      // Only acknowledgements that can wait: they go with the next packet, or alone after a while.
      const Instant until = BootClock::now() + kAcknowledgeDelay;
      acknowledges_ = true;
      for (Instant now = BootClock::now(); now < until && !outbox_.pending() && !blocked_ && !draining_;
           now = BootClock::now()) {
        co_await work_.wait_for(until - now);
      }
      acknowledges_ = false;
      lazy_too = true;
    } else if (busy_) {
      co_await work_.wait();
    } else {
      writing_ = false;
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

// Asks when there was silence, ends the link when there is no answer, and sets the alarm for the next look.
void Link::watch() {
  if (reason_) return;
  const Instant now = BootClock::now();
  if (asked_ && last_heard_ < *asked_) {
    const Instant until = *asked_ + (busy_ ? Duration(limits::kPongBusy) : Duration(limits::kPongIdle));
    if (now < until) return silence_.set(until);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - last_heard_).count();
    return close(Error(Fault::timed_out, "the peer has been silent for " + std::to_string(seconds) + " s"));
  }
  asked_.reset();
  const Duration idle = busy_ ? Duration(limits::kPingBusy) : Duration(limits::kPingIdle);
  if (now < last_heard_ + idle) return silence_.set(last_heard_ + idle);
  if (!outbox_.control(mux::encode_ping(mux::Kind::ping, {++pings_})))
    return close(Error(Fault::timed_out, "the peer does not read"));
  asked_ = now;
  silence_.set(now + (busy_ ? Duration(limits::kPongBusy) : Duration(limits::kPongIdle)));
}

}  // namespace jump::tunnel
