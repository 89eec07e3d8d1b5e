// Screen: the one writer to the person's terminal in a shell: what the program prints, and the quiet line in
// between.
#pragma once

#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/task_group.h"
#include "tools/console/terminal/query_filter.h"
#include "tools/console/terminal/quiet_line.h"
#include "tools/console/terminal/terminal.h"

namespace jump::console {

class Screen {
 public:
  // `output` outlives this. `quiet` false: no terminal, no line.
  Screen(asio::any_io_executor executor, StandardPipe& output, bool quiet);

  // What comes until the first pause is an older session's output: its questions are not asked again.
  void replay() { replaying_ = true; }
  // The pause.
  Task<> replay_over();
  // Returns when it is with the terminal. A quiet line goes first.
  Task<Result<void>> program(ByteView bytes);
  Task<Result<void>> own(std::string text);
  // The program was left in the middle: the terminal as it should be, on a new line.
  Task<> leave();

  // Shows or renews the line; asks the terminal for its cursor the first time, and shows it when the answer
  // is there or did not come (ask() again, half a second later).
  Task<> lost(std::string text);
  // The line goes. True: the program should redraw.
  Task<bool> back();
  // What was typed, without the terminal's answer.
  std::string typed(std::string_view bytes);
  // What was held back as a possible answer; when there was none within the time for it.
  std::string held();

 private:
  Task<Result<void>> locked_write(std::string_view bytes);

  StandardPipe& output_;
  bool quiet_;
  Event free_;
  bool busy_ = false;
  bool replaying_ = false;
  QueryFilter queries_;
  ScreenTracker tracker_;
  QuietLine line_;
  ReportFilter report_;
  std::optional<std::uint16_t> cursor_row_;
  Instant asked_{};
  bool asking_ = false;
};

}  // namespace jump::console
