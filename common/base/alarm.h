// Alarm: calls back when its time has come. What it costs while it waits is a timer and no coroutine: for
// what there are thousands of.
#pragma once

#include <functional>
#include <memory>

#include "common/base/clock.h"
#include "common/base/task_group.h"

namespace jump {

// One thread: that of the executor.
class Alarm {
 public:
  // `ring` may set the alarm anew; it must not destroy it.
  Alarm(asio::any_io_executor executor, std::function<void()> ring);
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  // Rings once, at that time and not before; an earlier setting is forgotten. Never from inside of this.
  void set(Instant at);
  void clear();

 private:
  void wait();

  asio::steady_timer timer_;
  std::function<void()> ring_;
  Instant at_ = Instant::max();
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  std::uint64_t turn_ = 0;
};

}  // namespace jump
