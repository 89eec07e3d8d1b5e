// Session kind exec: one program with its own standard input, output and error output, without a shell; or on
// a terminal, as shell.h has it.
//
// The console announces two streams, "stdio" (input and output) and "stderr", in any order; then the program
// starts. The end of the console's direction of "stdio" is the end of the program's input.
#pragma once

#include "agent/shell/run_as.h"
#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/session/messages.h"
#include "common/session/stream_io.h"

namespace jump::agent {

// Ends when the exit status and all output are with the console, or with the error that ended the session;
// then the program's group is killed. What the program left running when it ended by itself lives on, and
// output of that is passed on until it falls silent for a second.
Task<Result<void>> run_exec(session::Session& session, session::ExecStart start, RunAs as);

}  // namespace jump::agent
