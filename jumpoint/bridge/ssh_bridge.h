// Sessions with an SSH target: kinds shell, exec and files, over a connection that stands.
//
//   console ── stream ──▶ (command filter) ──▶ channel ──▶ target
//   console ◀── stream ── channel ◀── target
//   console ── resize, signal, hangup ──▶ channel        target ── exit status, signal ──▶ console
#pragma once

#include <memory>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/control/messages.h"
#include "common/session/stream_io.h"
#include "common/session/target.h"
#include "jumpoint/bridge/ssh_connection.h"

namespace jump::bridge {

// For the connection to this target.
SshOptions ssh_options(const session::Target& target);

// From the handshake to the end of the session. An error was told to the console. `arguments` are those of
// the kind (common/session/messages.h).
Task<Result<void>> run_ssh(session::Session& session, std::unique_ptr<SshConnection> connection,
                           session::Target target, control::SessionKind kind, json::value arguments);

// argv as one line for the target: a single argument is a command line and goes as it is; of several each is
// quoted for a POSIX shell, so that they arrive as they are.
std::string command_line(const std::vector<std::string>& argv);

}  // namespace jump::bridge
