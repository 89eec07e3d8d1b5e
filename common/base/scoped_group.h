// and_stop: work that spawns into a group, and the group's end with it.
#pragma once

#include <exception>
#include <optional>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "common/base/task_group.h"

namespace jump {

// Runs `work`; whichever way it ends, by its answer or by cancellation, nothing of `group` runs any more when
// this ends. So a coroutine may keep its group as a local variable.
template <typename T>
Task<T> and_stop(TaskGroup& group, Task<T> work) {
  std::optional<T> result;
  std::exception_ptr failure;
  try {
    result.emplace(co_await std::move(work));
  } catch (...) {
    failure = std::current_exception();
  }
  // A cancelled coroutine throws at each await: not at this one.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await group.stop();
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (failure) std::rethrow_exception(failure);
  co_return std::move(*result);
}

}  // namespace jump
