// Other processes, watched by their number.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

namespace jump::test {

// A zombie does not run.
inline bool is_running(int pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  const std::string text((std::istreambuf_iterator<char>(stat)), {});
  const std::size_t close = text.rfind(')');
  return close != std::string::npos && text[close + 2] != 'Z';
}

// Also for one that is no child of ours.
inline void wait_until_gone(int pid) {
  pollfd watch{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0u)), POLLIN, 0};
  if (watch.fd >= 0) {
    EXPECT_EQ(::poll(&watch, 1, 10'000), 1) << "process " << pid << " is still there";
    ::close(watch.fd);
  }
  EXPECT_FALSE(is_running(pid));
}

}  // namespace jump::test
