// What a bridge gives up once its way to the target stands, before it reads a byte of it.
#pragma once

#include <cstdint>

#include "common/base/error.h"

namespace jump::bridge {

enum class Walls {
  target_only,  // SSH, Telnet: the sockets that are open, memory and clocks; nothing else
  connections,  // tunnel jumps: further connections to targets, but no programs
};

// Rights, limits, system calls; for good. `memory_bytes`: 0: 2 GiB.
Result<void> lock_up(Walls walls, std::uint64_t memory_bytes);
// Whether that works here, tried in a process of its own.
Result<void> try_lock_up(Walls walls);

}  // namespace jump::bridge
