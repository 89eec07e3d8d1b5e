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
inline Task<> mark(Task<> task, bool& done) {
  co_await std::move(task);
  done = true;
}
}  // namespace run_task_detail

// A test that hangs is ended after `limit`, and fails loudly.
template <typename T>
T run_task(asio::io_context& io, Task<T> task, std::chrono::seconds limit = std::chrono::seconds(20)) {
  std::optional<T> result;
  TaskGroup group(io.get_executor());
  group.spawn("test", run_task_detail::keep(std::move(task), result));
  io.restart();
  io.run_for(limit);
  if (!group.empty()) {
    ADD_FAILURE() << "the task did not end";
    group.cancel();
    io.restart();
    io.run_for(std::chrono::seconds(5));
  }
  CHECK(result.has_value() && "the task gave no result");
  return std::move(*result);
}

inline void run_task(asio::io_context& io, Task<> task,
                     std::chrono::seconds limit = std::chrono::seconds(20)) {
  bool done = false;
  TaskGroup group(io.get_executor());
  group.spawn("test", run_task_detail::mark(std::move(task), done));
  io.restart();
  io.run_for(limit);
  if (!group.empty()) {
    ADD_FAILURE() << "the task did not end";
    group.cancel();
    io.restart();
    io.run_for(std::chrono::seconds(5));
  }
}

}  // namespace jump::test
