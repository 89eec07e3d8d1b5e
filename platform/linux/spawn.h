// spawn: the way from our process to a program, shared by process.cc and pty.cc.
//
// All that allocates or asks is done into a SpawnPlan before the fork; between fork and exec only
// async-signal-safe calls run, on memory that nothing else changes. What fails there comes back through
// a close-on-exec pipe.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "platform/users.h"

namespace jump::platform {

enum class Place {
  own_group,     // a process group of its own, the session of ours
  own_terminal,  // a session of its own with `input` as its controlling terminal
  adopted,       // a session of its own, and init becomes its parent
};

struct SpawnPlan {
  std::vector<std::string> argv;
  std::string shown_name;
  std::vector<std::string> env;
  std::string folder;
  std::optional<User> user;
  int input = -1, output = -1, error_output = -1;  // -1 = /dev/null
  Place place = Place::own_group;
};

// The process number of the running program; for Place::adopted it is not our child.
Result<pid_t> spawn(const SpawnPlan& plan);

}  // namespace jump::platform
