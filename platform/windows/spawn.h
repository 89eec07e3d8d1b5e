// spawn: the way from our process to a program, shared by process.cc, pty.cc and independent.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "platform/handle.h"
#include "platform/users.h"

namespace jump::platform {

struct SpawnPlan {
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::string folder;
  std::optional<User> user;
  bool confined = false;                           // ProcessSpec
  int input = -1, output = -1, error_output = -1;  // -1 = the null device
  void* terminal = nullptr;                        // a pseudo-console, in place of the three handles
  bool detached = false;                           // no console, out of our job: it outlives us
  std::optional<std::uint64_t> memory_bytes;       // of it and of all that it starts
};

struct Spawned {
  int pid = 0;
  Handle process;
  Handle job;  // of the program and what it starts; not valid with `detached`
};
Result<Spawned> spawn(const SpawnPlan& plan);

// What it leaves running lives on when the job's handle is closed.
void let_live(const Handle& job);

// The command line that CommandLineToArgvW() and the C library take apart into `argv`.
std::wstring command_line(const std::vector<std::string>& argv);

}  // namespace jump::platform
