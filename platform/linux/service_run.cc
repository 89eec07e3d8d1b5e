#include "platform/service_run.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace jump::platform {
namespace {

constexpr auto kLookPause = std::chrono::milliseconds(50);

// Of the process that wrote it, 0: none.
int number_in(int file) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(file, text.data(), text.size() - 1, 0);
  return size > 0 ? std::atoi(text.data()) : 0;
}

}  // namespace

int run_as_service(const std::string&, const std::function<int()>& body) {
  return body();
}

Task<> stop_ordered(asio::any_io_executor executor) {
  asio::signal_set signals(executor, SIGTERM, SIGINT);
  co_await signals.async_wait(asio::use_awaitable);
}

Result<void> keep_standard_error(const std::string&) {
  return {};
}

Result<ServiceLock> ServiceLock::take(const std::string& file) {
  Handle held(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!held.valid()) return system_error("open " + file);
  if (::flock(held.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Error(Fault::already_exists, "another process holds " + file);
    return system_error("lock " + file);
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(held.get(), 0) != 0 || ::write(held.get(), pid.data(), pid.size()) < 0) {
    return system_error("write " + file);
  }
  return ServiceLock(std::move(held));
}

bool stop_service_at(const std::string& file, std::chrono::nanoseconds patience) {
  const Handle held(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!held.valid()) return true;
  const auto until = std::chrono::steady_clock::now() + patience;
  const int pid = number_in(held.get());
  bool asked = false;
  // The lock tells whether that process still is the service; a number alone might be anybody's by now.
  while (::flock(held.get(), LOCK_EX | LOCK_NB) != 0) {
    if (!asked && pid > 1) ::kill(pid, SIGTERM);
    asked = true;
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(kLookPause);
  }
  return true;
}

}  // namespace jump::platform
