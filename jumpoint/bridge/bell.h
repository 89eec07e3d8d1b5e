// Bell: wakes everybody who waits, each to look again. An Event wakes one kind of waiter; the tasks round one
// connection are several.
#pragma once

#include <list>

#include "common/base/clock.h"
#include "common/base/task_group.h"

namespace jump::bridge {

class Bell {
 public:
  explicit Bell(asio::any_io_executor executor) : executor_(executor) {}
  void ring() {
    for (Event* waiter : waiters_) waiter->set();
  }
  // Rings before are not remembered: look, then wait, without an await in between.
  Task<> wait() {
    Event event(executor_);
    const Place place(*this, event);
    co_await event.wait();
  }
  // False: not by then.
  Task<bool> wait_until(Instant until) {
    Event event(executor_);
    const Place place(*this, event);
    const Duration left = until - BootClock::now();
    if (left <= Duration(0)) co_return false;
    co_return co_await event.wait_for(left);
  }

 private:
  struct Place {
    Place(Bell& bell, Event& event) : waiters(bell.waiters_), at(waiters.insert(waiters.end(), &event)) {}
    ~Place() { waiters.erase(at); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    std::list<Event*>& waiters;
    std::list<Event*>::iterator at;
  };

  asio::any_io_executor executor_;
  std::list<Event*> waiters_;
};

}  // namespace jump::bridge
