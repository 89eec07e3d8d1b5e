#include "common/base/alarm.h"

#include <utility>

namespace jump {

Alarm::Alarm(asio::any_io_executor executor, std::function<void()> ring)
    : timer_(executor), ring_(std::move(ring)) {}

void Alarm::set(Instant at) {
  at_ = at;
  wait();
}

void Alarm::clear() {
  ++turn_;
  timer_.cancel();
}

void Alarm::wait() {
  timer_.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(at_ - BootClock::now()));
  // A wait that has ended already can no longer be cancelled: it looks whether it is still meant, and whether
  // there is anybody.
  auto ended = [this, turn = ++turn_, alive = std::weak_ptr(alive_)](const boost::system::error_code&) {
    if (alive.expired() || turn != turn_) return;
    // The two clocks need not agree to the last nanosecond.
    if (BootClock::now() < at_) return wait();
    ring_();
  };
  timer_.async_wait(std::move(ended));
}

}  // namespace jump
