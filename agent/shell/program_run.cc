#include "agent/shell/program_run.h"

#include <algorithm>
#include <utility>

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

}  // namespace jump::agent
