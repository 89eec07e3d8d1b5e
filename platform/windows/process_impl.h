// What is inside a Process, for process.cc and pty.cc.
#pragma once

#include <optional>
#include <string>

#include "platform/process.h"
#include "platform/windows/object_wait.h"
#include "platform/windows/spawn.h"

namespace jump::platform {

struct Process::Impl {
  Impl(asio::any_io_executor executor, Spawned s);
  ~Impl();
  // True when the program has ended; `exit` says how.
  bool look();
  // Ends the job, and with it all programs in it; wait() tells `name` as the signal.
  void end_all(std::string name) noexcept;

  Spawned spawned;
  ObjectWait ended;
  std::string ended_by;
  std::optional<ExitStatus> exit;
};

}  // namespace jump::platform
