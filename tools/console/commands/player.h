// The player of recordings.
#pragma once

#include <cstdio>
#include <optional>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "tools/console/terminal/quiet_line.h"

namespace jump::console {

struct PlayerOptions {
  double speed = 1;
  std::optional<double> idle_seconds;
  bool no_pauses = false;
};

// From the beginning of `file`, which stays open while this runs. A recording that breaks off is played as
// far as it goes. `screen` learns what the recording did to the terminal.
Task<Result<void>> play_recording(std::FILE& file, PlayerOptions options, ScreenTracker& screen);
// The terminal as it should be, also when a recording was left in the middle.
void leave_screen(const ScreenTracker& screen);

}  // namespace jump::console
