// Walls round a process that reads a stranger's bytes: what it was given before stays (open sockets, memory),
// and nothing new can be had from the kernel. One way; for the whole process and all its threads.
#pragma once

#include "common/base/error.h"

namespace jump::platform {

enum class Sandbox {
  // Works on descriptors that are open already, on memory and on clocks. No file, socket, connection,
  // program,
  // process or thread can be made, no memory made executable; descriptors may be received.
  open_descriptors_only,
  // May resolve names and make TCP and local connections (threads and files for that). No programs, no
  // tracing, no mounts, no kernel interfaces beyond.
  connections_only,
  // connections_only, and may listen, splice, and write and rename files: a proxy with an access log.
  relay,
};

// False: this system has none (Windows), and nobody can do better than few rights from the start.
bool system_has_walls();

// What is forbidden fails with "operation not permitted". Fault::unsupported where the system has no such
// walls; then nothing was changed.
Result<void> enter_sandbox(Sandbox kind);
// Whether that works here, tried in a child process: before there is a second thread.
Result<void> try_sandbox(Sandbox kind);

}  // namespace jump::platform
