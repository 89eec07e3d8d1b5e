#include "agent/shell/program_run.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/base/with_timeout.h"

namespace jump::agent {

Task<> drain(Event& ended, std::vector<OutputPump*> pumps, std::chrono::nanoseconds quiet) {
  for (OutputPump* pump : pumps) pump->alive();
  while (!std::ranges::all_of(pumps, [](const OutputPump* pump) { return pump->ended(); })) {
    if (co_await ended.wait_for(quiet)) continue;
    bool alive = false;
    for (OutputPump* pump : pumps) alive = pump->alive() || alive;
    if (!alive) co_return;
  }
}

session::Exit to_exit(const platform::ExitStatus& status) {
  session::Exit exit;
  exit.status = status.status;
  exit.signal = status.signal;
  exit.core_dumped = status.core_dumped;
  return exit;
}

Task<Result<void>> fail_session(session::Session& session, Error error) {
  session::Fail fail;
  fail.text = error.message();
  session.send(session::encode(fail));
  Task<Result<void>> known = session.flushed();
  const Result<void> ignored =
      co_await with_timeout(limits::kShutdownLimit, "tell the console", std::move(known));
  co_return error;
}

Task<Result<void>> all_taken(session::Session& session, std::vector<session::Stream*> streams) {
  for (session::Stream* stream : streams) {
    Result<void> taken = co_await stream->flushed();
    if (!taken) co_return taken.error();
  }
  co_return co_await session.flushed();
}

Task<Result<void>> taken_or_given_up(session::Session& session, std::vector<session::Stream*> streams) {
  Task<Result<void>> work = all_taken(session, std::move(streams));
  const Result<void> ignored =
      co_await with_timeout(limits::kShutdownLimit, "tell the console", std::move(work));
  co_return Result<void>();
}

}  // namespace jump::agent
