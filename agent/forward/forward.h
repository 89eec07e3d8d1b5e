// Session kind forward: TCP connections from the endpoint to one host and port, one stream "connection" each.
//
//   console ── stream ──▶ socket ──▶ host:port      end of the stream  → the socket's sending side is shut
//   down console ◀── stream ── socket ◀── host:port      end of the socket  → the stream's direction is ended
//
// A connection that is refused, reset or not allowed resets its stream with the reason; the session goes on.
#pragma once

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/endpoint/allow_list.h"
#include "common/session/messages.h"
#include "common/session/stream_io.h"

namespace jump::agent {

using endpoint::AllowList;

// Until the console says hangup, or with the error that ended the session.
Task<Result<void>> run_forward(session::Session& session, session::ForwardStart start, AllowList allowed);

}  // namespace jump::agent
