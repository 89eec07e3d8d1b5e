// The session process: the end of one session, and nothing else. It owns the program or the files or the
// connections of the session; tunnels, the tunnel process and the supervisor may die, it comes back and
// attaches. It ends when its work is done and the other side knows, or when the wait limit is over.
#pragma once

#include <functional>

#include "common/endpoint/family.h"
#include "common/endpoint/session_io.h"

namespace jump::endpoint {

// Does the work of the session's kind. An error is told to the person at the console. When the session is
// over, all awaits on it end with Fault::closed, and the runner ends what it started. It may take what it
// needs out of the set-up, so that a secret does not stay longer than its use.
using KindRunner = Task<Result<void>> (*)(SessionIo& io, SessionSetup& setup);

// How the process reaches the tunnel process, again and again.
enum class Reach {
  itself,
  by_door,  // a process beside makes the connections (platform/local_door.h): for a runner that locks itself
            // up
};

// Reads a SessionSetup from standard input and runs it; the exit code of the process.
int run_session_process(KindRunner runner, Reach reach = Reach::itself);

}  // namespace jump::endpoint
