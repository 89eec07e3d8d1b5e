#include "platform/local_door.h"

#include "platform/local_stream.h"

namespace jump::platform {

// Windows has no walls that would forbid the process itself to connect (platform/sandbox.h), so nothing
// stands beside it.
Result<LocalDoor> LocalDoor::open() {
  return LocalDoor();
}

Result<void> LocalDoor::lead_to(const std::string& path) {
  path_ = path;
  return {};
}

Result<Handle> LocalDoor::connect() {
  return connect_local(path_);
}

}  // namespace jump::platform
