#include "common/tunnel/handshake_gate.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/check.h"

namespace jump::tunnel {
namespace {

constexpr unsigned kPskInARow = 8;
// Two rounds of the loop in less than this: nobody else had work.
constexpr std::chrono::microseconds kIdleRounds(30);

}  // namespace

HandshakeGate::HandshakeGate(asio::any_io_executor executor)
    : executor_(executor), work_(executor), done_(executor) {}

HandshakeGate::Turn::Turn(HandshakeGate* gate) : gate_(gate), began_(Clock::now()) {}
HandshakeGate::Turn::Turn(Turn&& other) noexcept
    : gate_(std::exchange(other.gate_, nullptr)), began_(other.began_) {}
HandshakeGate::Turn::~Turn() {
  if (gate_ != nullptr) gate_->ended(Clock::now() - began_);
}

HandshakeGate::Waiter::~Waiter() {
  if (holds) return;  // the Turn gives it back
  if (chosen) {
    gate.ended({});
  } else {
    std::erase(gate.psk_, this);
    std::erase(gate.full_, this);
  }
}

Task<HandshakeGate::Turn> HandshakeGate::turn(Kind kind) {
  Waiter waiter(*this);
  switch (kind) {
    case Kind::psk:
      psk_.push_back(&waiter);
      break;
    case Kind::begin:
      full_.push_back(&waiter);
      break;
    case Kind::finish:
      full_.push_front(&waiter);
      break;
  }
  work_.set();
  co_await waiter.granted.wait();
  waiter.holds = true;
  co_return Turn(this);
}

HandshakeGate::Waiter* HandshakeGate::next() {
  const bool full_first = psk_.empty() || (psk_in_a_row_ >= kPskInARow && !full_.empty());
  std::deque<Waiter*>& queue = full_first ? full_ : psk_;
  if (queue.empty()) return nullptr;
  psk_in_a_row_ = full_first ? 0 : psk_in_a_row_ + 1;
  Waiter* const waiter = queue.front();
  queue.pop_front();
  return waiter;
}

void HandshakeGate::ended(Clock::duration spent) {
  spent_ = spent;
  done_.set();
}

Task<> HandshakeGate::run() {
  for (;;) {
    Waiter* const waiter = next();
    if (waiter == nullptr) {
      co_await work_.wait();
      continue;
    }
    waiter->chosen = true;
    waiter->granted.set();
    co_await done_.wait();
    co_await let_others_run();
  }
}

// One post is one round of the loop: whatever is ready now runs before it comes back.
Task<> HandshakeGate::let_others_run() {
  const Clock::time_point from = Clock::now();
  Clock::time_point before = from;
  for (unsigned round = 0;; ++round) {
    co_await asio::post(executor_, asio::use_awaitable);
    const Clock::time_point now = Clock::now();
    if (now - from >= spent_) co_return;
    if (round % 2 == 1) {
      if (now - before < kIdleRounds) co_return;
      before = now;
    }
  }
}

}  // namespace jump::tunnel
