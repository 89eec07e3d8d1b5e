// with_timeout: a race between an operation that returns Result and a clock.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/multiple_exceptions.hpp>

#include "common/base/error.h"
#include "common/base/task_group.h"

namespace jump {

// Cancels `operation` after `limit` and returns timed_out with `what` in its words. The operation must
// return on cancellation soon (it may throw operation_aborted). Name the operation first, then await.
template <typename T>
Task<Result<T>> with_timeout(std::chrono::nanoseconds limit, std::string what, Task<Result<T>> operation) {
  using namespace asio::experimental::awaitable_operators;
  std::optional<std::variant<Result<T>, std::monostate>> first;  // not every T can be made from nothing
  try {
    first.emplace(co_await (std::move(operation) || sleep_for(limit)));
  } catch (const asio::multiple_exceptions& both) {
    // Cancelled from outside: the caller expects the one exception that it knows.
    std::rethrow_exception(both.first_exception());
  }
  if (first->index() == 0) co_return std::move(std::get<0>(*first));
  const auto seconds = std::chrono::duration<double>(limit).count();
  std::string number = std::to_string(seconds);
  number.erase(number.find_last_not_of('0') + 1);
  if (number.back() == '.') number.pop_back();
  co_return Error(Fault::timed_out, what + ": no answer within " + number + " s");
}

}  // namespace jump
