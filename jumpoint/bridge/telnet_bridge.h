// Sessions with a Telnet target: kind shell.
//
//   console ── stream ──▶ TelnetProtocol::typed ──▶ socket ──▶ target
//   console ◀── stream ── TelnetProtocol::received ◀── socket ◀── target
//                              └─▶ TelnetLogin: the stored credential at the device's questions
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/session/messages.h"
#include "common/session/stream_io.h"
#include "common/session/target.h"

namespace jump::bridge {

// Over a connection that stands, to the end of the session. An error was told to the console. There is no
// exit status: 0 when the target closes the connection.
Task<Result<void>> run_telnet(session::Session& session, asio::ip::tcp::socket socket, session::Target target,
                              session::ShellStart start);

}  // namespace jump::bridge
