#include "jumpoint/bridge/lock_up.h"

#include "platform/privileges.h"
#include "platform/sandbox.h"

namespace jump::bridge {
namespace {

constexpr std::uint64_t kMemory =
    2ull * 1024 * 1024 * 1024;  // address space; a session's buffers are far below
constexpr std::uint64_t kOpenFiles = 64;
constexpr std::uint64_t kOpenFilesOfTunnels = 2048;

platform::Sandbox sandbox_of(Walls walls) {
  return walls == Walls::target_only ? platform::Sandbox::open_descriptors_only
                                     : platform::Sandbox::connections_only;
}

}  // namespace

Result<void> lock_up(Walls walls, std::uint64_t memory_bytes) {
  platform::Confinement confinement;
  confinement.limits.memory_bytes = memory_bytes > 0 ? memory_bytes : kMemory;
  confinement.limits.open_files = walls == Walls::target_only ? kOpenFiles : kOpenFilesOfTunnels;
  if (Result<void> confined = platform::confine(confinement); !confined) return confined;
  if (Result<void> closed = platform::forbid_inspection(); !closed) return closed;
  return platform::system_has_walls() ? platform::enter_sandbox(sandbox_of(walls)) : Result<void>();
}

Result<void> try_lock_up(Walls walls) {
  return platform::system_has_walls() ? platform::try_sandbox(sandbox_of(walls)) : Result<void>();
}

}  // namespace jump::bridge
