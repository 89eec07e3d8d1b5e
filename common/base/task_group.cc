#include "common/base/task_group.h"

#include <exception>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "common/base/check.h"
#include "common/base/log.h"

namespace jump {

TaskGroup::TaskGroup(asio::any_io_executor executor) : executor_(std::move(executor)) {}

TaskGroup::~TaskGroup() {
  CHECK(tasks_.empty() && "join the group before it goes");
}

void TaskGroup::spawn(std::string name, Task<> task) {
  tasks_.emplace_back();
  const auto entry = std::prev(tasks_.end());
  entry->name = std::move(name);
  auto finished = [this, entry](std::exception_ptr failure) {
    if (failure) {
      try {
        std::rethrow_exception(failure);
      } catch (const boost::system::system_error& error) {
        if (error.code() != asio::error::operation_aborted) {
          log::error("base", "task failed", {{"task", entry->name}, {"error", error.what()}});
          CHECK(false && "a task let an exception out");
        }
      }
    }
    tasks_.erase(entry);
    if (tasks_.empty() && ended_) ended_->cancel();
  };
  asio::co_spawn(executor_, std::move(task),
                 asio::bind_cancellation_slot(entry->signal.slot(), std::move(finished)));
}

void TaskGroup::cancel() {
  for (auto entry = tasks_.begin(); entry != tasks_.end();) {
    // Emitting may end the task and erase its entry.
    const auto next = std::next(entry);
    entry->signal.emit(asio::cancellation_type::terminal);
    entry = next;
  }
}

// Not by reset_cancellation_state: that holds for the caller too, for good, and forgets a cancellation
// that already came. An empty slot keeps the wait itself deaf, and the caller's next await still throws.
Task<> TaskGroup::join() {
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!tasks_.empty()) {
    if (!ended_)
      ended_ = std::make_unique<asio::steady_timer>(executor_, asio::steady_timer::time_point::max());
    boost::system::error_code ignored;
    co_await ended_->async_wait(asio::bind_cancellation_slot(
        asio::cancellation_slot(), asio::redirect_error(asio::use_awaitable, ignored)));
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
}

Task<> TaskGroup::stop() {
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!tasks_.empty()) {
    cancel();
    co_await join();
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
}

Event::Event(asio::any_io_executor executor) : timer_(executor) {
  timer_.expires_at(asio::steady_timer::time_point::max());
}

void Event::set() {
  set_ = true;
  timer_.cancel();
}

Task<> Event::wait() {
  while (!set_) {
    boost::system::error_code ended;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
  set_ = false;
}

Task<bool> Event::wait_for(std::chrono::nanoseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!set_) {
    if (std::chrono::steady_clock::now() >= until) co_return false;
    // One event has one kind of waiter at a time, so its own timer may carry the limit.
    timer_.expires_at(until);
    boost::system::error_code ended;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    timer_.expires_at(asio::steady_timer::time_point::max());
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
  set_ = false;
  co_return true;
}

Task<> sleep_for(std::chrono::nanoseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_after(std::chrono::duration_cast<asio::steady_timer::duration>(time));
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace jump
