// Giving rights up. Each step is one way; each is checked after it was made, and an error means that the
// process must end rather than go on with more rights than it should have.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "platform/users.h"

namespace jump::platform {

// The few rights of root that a process of the suite may keep.
enum class Right {
  raw_network,    // CAP_NET_RAW: magic packets, sweeps
  low_ports,      // CAP_NET_BIND_SERVICE
  change_users,   // CAP_SETUID, CAP_SETGID: a supervisor that starts sessions
  signal_others,  // CAP_KILL
};

struct ResourceLimits {
  std::optional<std::uint64_t> open_files;
  std::optional<std::uint64_t> memory_bytes;  // address space
  std::optional<std::uint64_t> processes;     // of the user, not of this process alone
  std::optional<std::uint64_t> file_bytes;
  std::optional<std::uint64_t> cpu_seconds;
  bool core_dumps = false;  // secrets would be in them
};

// Lowers both the soft and the hard limit. A limit above the present hard one is taken down to that one.
Result<void> set_limits(const ResourceLimits& limits);

struct Confinement {
  std::optional<User> user;       // become this user, with its groups; nullopt: stay
  std::vector<Right> keep;        // all other capabilities go, from the bounding set too
  bool no_new_privileges = true;  // set-user-id programs gain nothing; false for a user's own shell
  ResourceLimits limits;
};

// Limits, groups, user, capabilities, no_new_privileges, in this order. For the whole process; call it
// before a second thread is started.
Result<void> confine(const Confinement& confinement);

// Files of this process cannot be read through /proc by others of the same user, no debugger attaches, no
// core.
Result<void> forbid_inspection();

// Closes every descriptor from `first` on. For the start of a program.
void close_from(int first);

}  // namespace jump::platform
