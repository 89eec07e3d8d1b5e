// run_task: one coroutine on an io_context of its own, to its end, for tests.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>

#include "common/base/check.h"
#include "common/base/task_group.h"

namespace jump::test {

namespace run_task_detail {
template <typename T>
Task<> keep(Task<T> task, std::optional<T>& to) {
  to.emplace(co_await std::move(task));
}
}  // namespace run_task_detail

namespace run_task_detail {
// Until nothing of the group runs; other work of the io_context waits for the next call then.
inline void run_until_over(asio::io_context& io, TaskGroup& group, std::chrono::seconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  io.restart();
  while (!group.empty() && io.run_one_until(until) != 0) {
  }
  if (group.empty()) return;
  ADD_FAILURE() << "the task did not end";
  group.cancel();
  const auto last = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  io.restart();
  while (!group.empty() && io.run_one_until(last) != 0) {
  }
}
}  // namespace run_task_detail

// A test that hangs is ended after `limit`, and fails loudly. Ends as soon as the task has ended, whatever
// else is still going on.
template <typename T>
T run_task(asio::io_context& io, Task<T> task, std::chrono::seconds limit = std::chrono::seconds(20)) {
  std::optional<T> result;
  TaskGroup group(io.get_executor());
  group.spawn("test", run_task_detail::keep(std::move(task), result));
  run_task_detail::run_until_over(io, group, limit);
  CHECK(result.has_value() && "the task gave no result");
  return std::move(*result);
}

inline void run_task(asio::io_context& io, Task<> task,
                     std::chrono::seconds limit = std::chrono::seconds(20)) {
  TaskGroup group(io.get_executor());
  group.spawn("test", std::move(task));
  run_task_detail::run_until_over(io, group, limit);
}

// Waits until everything in the group has ended by itself.
inline void run_to_end(asio::io_context& io, TaskGroup& group,
                       std::chrono::seconds limit = std::chrono::seconds(20)) {
  run_task_detail::run_until_over(io, group, limit);
}

}  // namespace jump::test
