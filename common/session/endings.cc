#include "common/session/endings.h"

#include <utility>

#include "common/base/limits.h"
#include "common/base/with_timeout.h"
#include "common/session/codec.h"

namespace jump::session {

Task<Result<void>> fail_session(Session& session, Error error) {
  Fail fail;
  fail.text = error.message();
  session.send_lasting(encode(fail));
  Task<Result<void>> known = session.flushed();
  const Result<void> ignored =
      co_await with_timeout(limits::kShutdownLimit, "tell the console", std::move(known));
  co_return error;
}

Task<Result<void>> all_taken(Session& session, std::vector<Stream*> streams) {
  for (Stream* stream : streams) {
    Result<void> taken = co_await stream->flushed();
    if (!taken) co_return taken.error();
  }
  co_return co_await session.flushed();
}

Task<Result<void>> taken_or_given_up(Session& session, std::vector<Stream*> streams) {
  Task<Result<void>> work = all_taken(session, std::move(streams));
  const Result<void> ignored =
      co_await with_timeout(limits::kShutdownLimit, "tell the console", std::move(work));
  co_return Result<void>();
}

}  // namespace jump::session
