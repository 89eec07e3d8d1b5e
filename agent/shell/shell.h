// Session kind shell: a real terminal. The way of a keystroke and back:
//
//   console ── stream "tty" ──▶ input() ──▶ pty ──▶ program
//   console ◀── stream "tty" ── output() ◀── pty ◀──
//   console ── resize, signal, hangup ──▶ follow() ──▶ pty
//   console ◀── exit ── go(): when the program has ended and its output is with the console
//
// Nothing is read from the pty while the stream has no room, so a program that writes more than is kept
// waits. A byte of the console counts as taken once it is in the pty.
#pragma once

#include "agent/shell/run_as.h"
#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/session/messages.h"
#include "common/session/stream_io.h"

namespace jump::agent {

// Ends when the exit status is with the console, or with the error that ended the session (what
// could not be started was told to the console too). However it ends, the shell and its foreground job have
// been hung up; what the user put out of their reach (nohup, tmux) lives on.
Task<Result<void>> run_shell(session::Session& session, session::ShellStart start, RunAs as);
// The same with a program in the shell's place.
Task<Result<void>> run_on_terminal(session::Session& session, session::ShellStart terminal,
                                   std::vector<std::string> argv, RunAs as);

}  // namespace jump::agent
