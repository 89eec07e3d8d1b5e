#include "tools/console/commands/player.h"

#include <memory>
#include <string>

#include "tools/console/terminal/query_filter.h"
#include "tools/console/terminal/terminal.h"
#include "tools/console/text/cast.h"
#include "tools/console/text/event_log.h"

namespace jump::console {
namespace {

bool read_line(std::FILE& file, std::string& line) {
  line.clear();
  int c = 0;
  while ((c = std::getc(&file)) != EOF) {
    if (c == '\n') return true;
    if (line.size() < kCastLineBytes) line += static_cast<char>(c);
  }
  // A last line without its end is still being written.
  return false;
}

Result<void> put(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return Error(Fault::closed, "standard output cannot be written");
  }
  return {};
}

Task<Result<void>> play_cast(std::FILE& file, std::string line, PlayerOptions options,
                             ScreenTracker& screen) {
  const bool terminal = is_terminal(Standard::output);
  const bool paced = !options.no_pauses && terminal;
  // Nobody waits for the answers any more.
  QueryFilter queries;
  std::optional<Duration> idle;
  if (options.idle_seconds) {
    idle = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*options.idle_seconds));
  }
  CastReader reader;
  CastClock clock(options.speed, idle);
  do {
    const Result<std::optional<CastEvent>> event = reader.line(line);
    if (!event) co_return event.error();
    if (!*event || (*event)->code != 'o') continue;
    const Duration pause = clock.pause_before(**event);
    if (paced && pause > Duration(0)) co_await sleep_for(pause);
    const std::string data = terminal ? queries.feed((*event)->data) : (*event)->data;
    screen.feed(data);
    const Result<void> shown = put(data);
    if (!shown) co_return shown;
  } while (read_line(file, line));
  co_return Result<void>();
}

Result<void> print_events(std::FILE& file, std::string line) {
  EventLog log;
  do {
    const Result<std::optional<std::string>> shown = log.line(line);
    if (!shown) return shown.error();
    if (!*shown) continue;
    const Result<void> done = put(**shown + "\n");
    if (!done) return done;
  } while (read_line(file, line));
  return {};
}

}  // namespace

Task<Result<void>> play_recording(std::FILE& file, PlayerOptions options, ScreenTracker& screen) {
  std::string line;
  if (!read_line(file, line)) co_return Error(Fault::malformed, "the recording is empty");
  switch (kind_of_recording(line)) {
    case RecordingKind::cast:
      co_return co_await play_cast(file, std::move(line), options, screen);
    case RecordingKind::events:
      co_return print_events(file, std::move(line));
    case RecordingKind::unknown:
      break;
  }
  co_return Error(Fault::malformed, "this is no recording");
}

void leave_screen(const ScreenTracker& screen) {
  if (!is_terminal(Standard::output)) return;
  static_cast<void>(put(terminal_reset(screen.alternate()) + "\r\n"));
}

}  // namespace jump::console
