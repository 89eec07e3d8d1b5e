// HandshakeGate: who may compute next. Handshakes are most of what strangers can make a worker do, so they
// take turns, one step for each turn, and get at most half of the worker's time while there is other work.
//
//   order      those who come back by PSK; then full handshakes, the half-done first; one full after eight
//   PSK, so that
//              new ones are accepted while thousands return
//   how much   after a step of t, other handlers of the loop run for t, or until they have nothing to do
//
// One thread. run() is spawned by the owner; the gate outlives all turns.
#pragma once

#include <chrono>
#include <deque>

#include "common/base/task_group.h"

namespace jump::tunnel {

class HandshakeGate {
 public:
  enum class Kind { psk, begin, finish };

  explicit HandshakeGate(asio::any_io_executor executor);

  // Held while one step is computed, never across an await.
  class Turn {
   public:
    explicit Turn(HandshakeGate* gate);
    Turn(Turn&& other) noexcept;
    Turn& operator=(Turn&&) = delete;
    ~Turn();

   private:
    HandshakeGate* gate_;
    std::chrono::steady_clock::time_point began_;
  };
  Task<Turn> turn(Kind kind);

  // Hands out the turns, until cancelled.
  Task<> run();

  std::size_t waiting() const { return psk_.size() + full_.size(); }

 private:
  struct Waiter {
    explicit Waiter(HandshakeGate& owner) : gate(owner), granted(owner.executor_) {}
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter();
    HandshakeGate& gate;
    Event granted;
    bool chosen = false;
    bool holds = false;
  };
  using Clock = std::chrono::steady_clock;

  Waiter* next();
  void ended(Clock::duration spent);
  Task<> let_others_run();

  asio::any_io_executor executor_;
  std::deque<Waiter*> psk_;
  std::deque<Waiter*> full_;
  unsigned psk_in_a_row_ = 0;
  Event work_;
  Event done_;
  Clock::duration spent_{0};
};

}  // namespace jump::tunnel
