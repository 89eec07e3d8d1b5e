// serve_streams: the endpoint's side of the session kinds whose console opens one stream for each piece of
// work (files, forward, sysinfo).
#pragma once

#include <memory>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/session/messages.h"
#include "common/session/stream_io.h"

namespace jump::session {

class StreamServer {
 public:
  virtual ~StreamServer() = default;
  // One piece of work, a task of its own. It owns the stream; a failure is told by resetting it with the
  // reason.
  virtual Task<> serve(StreamOpen open, std::unique_ptr<Stream> stream) = 0;
};

// Serves what the console opens until it says hangup (then without an error) or the session is over. Either
// way nothing of `server` runs any more at the end. At most limits::kLiveStreams at once; one more is reset.
Task<Result<void>> serve_streams(Session& session, StreamServer& server);

}  // namespace jump::session
