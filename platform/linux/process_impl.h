// What is inside a Process, for process.cc and pty.cc.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "platform/process.h"

namespace jump::platform {

struct Process::Impl {
  Impl(pid_t p, asio::posix::stream_descriptor d) : pid(p), descriptor(std::move(d)) {}
  ~Impl();
  // True when the program has ended; `exit` says how.
  bool look();

  pid_t pid;
  asio::posix::stream_descriptor descriptor;  // pidfd_open(2): readable when the program has ended
  std::optional<ExitStatus> exit;
};

}  // namespace jump::platform
