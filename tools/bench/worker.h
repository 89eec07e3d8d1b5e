// Worker: a thread with an io_context(1) of its own, as an appliance or a tunnel process has; and one
// blocking caller outside, who starts coroutines there and waits for what they return.
#pragma once

#include <exception>
#include <future>
#include <thread>
#include <type_traits>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "common/base/task_group.h"

namespace jump::bench {

class Worker {
 public:
  Worker() : work_(io_.get_executor()), tasks_(io_.get_executor()), thread_([this] { io_.run(); }) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    try {
      stop();
    } catch (...) {
      std::terminate();  // its thread still uses it; as always here, and with what was thrown
    }
  }

  asio::any_io_executor executor() { return io_.get_executor(); }

  // Runs there, and is waited for by get(). What it refers to must outlive it.
  template <typename T>
  std::future<T> start(Task<T> task) {
    auto promise = std::make_unique<std::promise<T>>();
    std::future<T> result = promise->get_future();
    asio::post(io_, [this, task = std::move(task), promise = std::move(promise)]() mutable {
      tasks_.spawn("bench", keep(std::move(task), std::move(promise)));
    });
    return result;
  }
  template <typename T>
  T run(Task<T> task) {
    return start(std::move(task)).get();
  }
  // Goes on in the background until stop().
  void spawn(Task<> task) {
    asio::post(io_, [this, task = std::move(task)]() mutable { tasks_.spawn("bench", std::move(task)); });
  }
  // A plain function on that thread.
  template <typename F>
  auto call(F function) -> decltype(function()) {
    std::packaged_task<decltype(function())()> work(std::move(function));
    auto result = work.get_future();
    // Not the task itself: Asio would take its future.
    asio::post(io_, [work = std::move(work)]() mutable { work(); });
    return result.get();
  }

  // Cancels what runs, and ends the thread when nothing runs any more. Idempotent.
  void stop() {
    if (!thread_.joinable()) return;
    TaskGroup last(io_.get_executor());
    std::promise<void> stopped;
    asio::post(io_, [&] { last.spawn("stop", stop_all(stopped)); });
    stopped.get_future().wait();
    work_.reset();
    thread_.join();
  }

 private:
  template <typename T>
  static Task<> keep(Task<T> task, std::unique_ptr<std::promise<T>> promise) {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
      promise->set_value();
    } else {
      promise->set_value(co_await std::move(task));
    }
  }
  Task<> stop_all(std::promise<void>& stopped) {
    co_await tasks_.stop();
    stopped.set_value();
  }

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  TaskGroup tasks_;
  std::thread thread_;
};

}  // namespace jump::bench
