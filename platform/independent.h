// Programs that outlive the one that starts them: the ends of sessions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/base/task_group.h"
#include "platform/users.h"

namespace jump::platform {

// A program that outlives this one, and that the service manager does not count to this service.
//
// Where systemd runs and we are root: a transient unit of its own through systemd-run (argv, no shell),
// started when exec() was done. Elsewhere: fork, setsid, fork, so that init adopts it.
//
// In both ways the program reads `input` from its standard input up to its end, through a pipe. It is never
// in argv, the environment or a unit property, which others may read, nor in a file. A unit inherits no pipe,
// so there it is a named one (mode 0600) in `private_folder`: systemd opens it as root before it becomes the
// user, and its name is removed as soon as it was opened, or the start has failed.
//
// Windows: a process without console, outside of our job; the limit on memory holds for it and all that it
// starts.
struct IndependentSpec {
  std::string name;               // "jump-session-1f2e": [A-Za-z0-9_.-]{1,64}; the unit's name
  std::string description;        // one line for lists of units
  std::vector<std::string> argv;  // argv[0] is an absolute path
  std::vector<std::string> env;
  std::string folder = "/";
  std::optional<User> user;
  Secret input;                // at most 60,000 bytes
  std::string private_folder;  // exists, 0700, ours
  std::string slice;           // unit: "jump-sessions.slice"; empty: the system's default
  // Unit: "login" makes it a log-in session of the user; empty: none. logind then moves the program out of
  // the unit into the scope of that session, so the two limits below do not hold for it (set_limits() does),
  // and a failed exec is not noticed here.
  std::string pam_service;
  std::optional<std::uint64_t> memory_bytes;  // unit only
  std::optional<std::uint32_t> tasks;         // unit only
};
Task<Result<void>> start_independent(IndependentSpec spec);

// The program to start them with, so that another version can be installed while they run. Windows keeps the
// file of a running program locked: there it is a copy of `own` in `folder` (made 0755), and copies that
// nobody runs any more are removed. Linux: `own` itself.
Result<std::string> independent_program(const std::string& own, const std::string& folder);

// True when systemd is the service manager of this machine.
bool systemd_runs();
// The command that start_independent() gives to systemd, for tests and logs.
std::vector<std::string> unit_command(const IndependentSpec& spec, const std::string& input_file);

}  // namespace jump::platform
