// The session process: the end of one session, and nothing else. It owns the program or the files or the
// connections of the session; tunnels, the tunnel process and the supervisor may die, it comes back and
// attaches. It ends when its work is done and the other side knows, or when the wait limit is over.
#pragma once

#include <functional>

#include "common/endpoint/family.h"
#include "common/endpoint/session_io.h"

namespace jump::endpoint {

// Does the work of the session's kind. An error is told to the person at the console. When the session is
// over, all awaits on it end with Fault::closed, and the runner ends what it started.
using KindRunner = Task<Result<void>> (*)(SessionIo& io, const SessionSetup& setup);

// Reads a SessionSetup from standard input and runs it; the exit code of the process.
int run_session_process(KindRunner runner);

}  // namespace jump::endpoint
