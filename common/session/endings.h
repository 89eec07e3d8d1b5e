// The last words of the endpoint's side of a session.
#pragma once

#include <vector>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/session/stream_io.h"

namespace jump::session {

// Tells the console why the session cannot go on, waits (at most limits::kShutdownLimit) until it knows, and
// gives the error back.
Task<Result<void>> fail_session(Session& session, Error error);

// Ends when the peer has taken all of these streams and every message.
Task<Result<void>> all_taken(Session& session, std::vector<Stream*> streams);

// The same for a console that said hangup: it may not read any more, so at most limits::kShutdownLimit.
Task<Result<void>> taken_or_given_up(Session& session, std::vector<Stream*> streams);

}  // namespace jump::session
