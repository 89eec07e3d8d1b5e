// LocalDoor: connections to one local socket for a process that will not be allowed to make any itself. A
// tiny process beside it makes them and hands them over; it reads nothing but one byte at a time from us,
// holds no secrets, and ends with us. Windows needs none: what is not allowed there is less.
#pragma once

#include <string>

#include "common/base/error.h"
#include "platform/handle.h"

namespace jump::platform {

class LocalDoor {
 public:
  // Forks: called before there is a second thread, and before anything secret is in memory.
  static Result<LocalDoor> open();

  // Once: the socket that connect() goes to, at most 100 bytes.
  Result<void> lead_to(const std::string& path);
  // As connect_local(path). Works in a sandbox; at most a second.
  Result<Handle> connect();

 private:
  LocalDoor() = default;
  explicit LocalDoor(Handle line) : line_(std::move(line)) {}
  Handle line_;       // to the process beside
  std::string path_;  // where none is needed (Windows)
};

}  // namespace jump::platform
