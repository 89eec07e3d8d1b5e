// A shell or a command on an SSH target, after the log-in.
#pragma once

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/session/messages.h"
#include "common/session/target.h"
#include "jumpoint/bridge/conversation.h"
#include "jumpoint/bridge/ssh_connection.h"

namespace jump::bridge {

// End when the exit status and all output are with the console; Fault::closed when the person left or the
// session is over.
Task<Result<void>> serve_shell(session::Session& session, SshConnection& connection, Conversation& person,
                               const session::Target& target, session::ShellStart start);
Task<Result<void>> serve_exec(session::Session& session, SshConnection& connection, Conversation& person,
                              const session::Target& target, session::ExecStart start);

}  // namespace jump::bridge
