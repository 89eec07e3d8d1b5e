// How a service begins and is told to end. Linux: a process like any other, and SIGTERM. Windows: the service
// control manager starts the process and speaks to it; by hand it runs in a console.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "platform/handle.h"

namespace jump::platform {

// Runs `body` and returns what it returns, as the service `name` where the manager has started this process
// (Windows: then on another thread, and the manager hears that the service has stopped, and restarts it
// unless the status is 0, 2 or 3: those no restart mends).
int run_as_service(const std::string& name, const std::function<int()>& body);

// Ends when the service shall end: SIGTERM, SIGINT; Windows: an order of the manager, the machine shutting
// down, Ctrl-C, or stop_service_at().
Task<> stop_ordered(asio::any_io_executor executor);

// Nobody reads the standard error of a service of Windows: from now on it is the file, for this process and
// for those that it starts; one above 8 MiB is renamed to FILE.old before. Nothing happens elsewhere, nor
// when the service was started by hand.
Result<void> keep_standard_error(const std::string& file);

// A service may run once at a place: it holds the file (with its process number in it) as long as it lives,
// and the system lets go of it with the process.
class ServiceLock {
 public:
  // Fault::already_exists when another process holds it.
  static Result<ServiceLock> take(const std::string& file);

 private:
  explicit ServiceLock(Handle held) : held_(std::move(held)) {}
  Handle held_;
  Handle asked_;  // Windows: an event that stop_service_at() sets
};

// Asks who holds the lock to stop, and waits for that. True when nobody holds it then.
bool stop_service_at(const std::string& file, std::chrono::nanoseconds patience);

}  // namespace jump::platform
