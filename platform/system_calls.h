// The system calls that a process may make from now on. One way, for all threads that it starts later; call
// it before the first. Others fail with "not permitted"; those of another architecture end the process.
#pragma once

#include "common/base/error.h"

namespace jump::platform {

enum class Calls {
  relay,  // sockets, pipes, files, threads, timers: no program is started, no process, no other user
};

// Fault::unsupported where the system cannot do it: the caller decides whether to go on.
Result<void> allow_only(Calls calls);

}  // namespace jump::platform
