// TaskGroup: the only owner of running coroutines. A task ends before what it uses, because the
// group that holds it is joined before that is destroyed.
//
// One thread: a group belongs to one io_context(1) and is used from its thread only.
#pragma once

#include <list>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

namespace jump {

namespace asio = boost::asio;
template <typename T = void>
using Task = asio::awaitable<T>;

class TaskGroup {
 public:
  explicit TaskGroup(asio::any_io_executor executor);
  // Aborts when tasks still run: join() first.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts the task: from the loop at once, up to its first wait. `name` is for the log. A task ends by
  // returning; "operation aborted" after cancel() is an orderly end; other exceptions are our bug, and abort.
  void spawn(std::string name, Task<> task);
  // Asks every task to stop. More may be spawned afterwards; they run. Call it from a handler of the loop:
  // from outside, Asio 1.81 hands the request over by a post, which a task that ends before it does not
  // survive.
  void cancel();
  // Ends when no task runs. Ignores its own cancellation: what is joined is really over. The caller stays
  // cancelled, so its next await throws.
  Task<> join();
  // cancel() and join(), again and again until nothing runs.
  Task<> stop();

  bool empty() const { return tasks_.empty(); }
  std::size_t size() const { return tasks_.size(); }

 private:
  struct Entry {
    std::string name;
    asio::cancellation_signal signal;
  };

  asio::any_io_executor executor_;
  std::list<Entry> tasks_;
  std::unique_ptr<asio::steady_timer> ended_;  // once somebody has waited for the end
};

// Something happened: set() lets one or more waiters go on. A set() without a waiter is kept for the
// next wait(). One thread.
class Event {
 public:
  explicit Event(asio::any_io_executor executor);
  void set();
  // Returns at once when set; clears it. Throws operation_aborted when cancelled.
  Task<> wait();
  // Returns true when set within `limit`.
  Task<bool> wait_for(std::chrono::nanoseconds limit);
  asio::any_io_executor executor() { return timer_.get_executor(); }

 private:
  asio::steady_timer timer_;
  bool set_ = false;
};

// Sleeps; throws operation_aborted when cancelled.
Task<> sleep_for(std::chrono::nanoseconds time);

}  // namespace jump
