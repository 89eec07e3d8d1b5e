// ObjectWait: an object of Windows that is signalled some day (a process, an event), waited for by a
// coroutine.
#pragma once

#include <memory>

#include "common/base/task_group.h"

namespace jump::platform {

// One waiter at a time, one thread. The object outlives this.
class ObjectWait {
 public:
  ObjectWait(asio::any_io_executor executor, void* object);
  ObjectWait(const ObjectWait&) = delete;
  ObjectWait& operator=(const ObjectWait&) = delete;
  ~ObjectWait();

  // Ends when the object is signalled; at once when it is. Cancellable.
  Task<> signalled();

 private:
  struct Shared;
  void* object_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace jump::platform
