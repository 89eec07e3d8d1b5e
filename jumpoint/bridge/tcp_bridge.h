// Tunnel jumps: session kind forward through a node. Each stream "connection" is one TCP connection to the
// target's host, at the port that its argument names; nothing but the ports of the ticket is dialled.
//
//   console ── stream ──▶ socket ──▶ host:port      half-close is kept both ways
//   console ◀── stream ── socket ◀── host:port
#pragma once

#include <optional>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/endpoint/allow_list.h"
#include "common/session/messages.h"
#include "common/session/stream_io.h"
#include "common/session/target.h"

namespace jump::bridge {

// The argument of a stream "connection"; without a port that of the session's start counts.
struct ConnectionStart {
  std::optional<std::uint16_t> port;
};
BOOST_DESCRIBE_STRUCT(ConnectionStart, (), (port))

// Until the console says hangup, or with the error that ended the session. `port` is that of ForwardStart, 0
// when it named none.
Task<Result<void>> run_tcp(session::Session& session, session::Target target, std::uint16_t port,
                           endpoint::AllowList allowed);

}  // namespace jump::bridge
