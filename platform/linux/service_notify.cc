#include "platform/service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace jump::platform {
namespace {

template <typename T>
std::optional<T> number_from(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  T value{};
  const char* end = text + std::strlen(text);
  const auto [stop, failed] = std::from_chars(text, end, value);
  if (failed != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

// sd_notify(3), sd_watchdog_enabled(3)
ServiceNotify::ServiceNotify() {
  const char* address = std::getenv("NOTIFY_SOCKET");
  if (address == nullptr || (*address != '/' && *address != '@')) return;
  address_ = address;
  if (address_.size() < 2 || address_.size() >= sizeof(sockaddr_un::sun_path)) return;
  if (address_[0] == '@') address_[0] = '\0';
  socket_ = Handle(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::optional<std::int64_t> microseconds = number_from<std::int64_t>("WATCHDOG_USEC");
  const std::optional<pid_t> meant = number_from<pid_t>("WATCHDOG_PID");
  if (microseconds && *microseconds > 0 && (!meant || *meant == ::getpid())) {
    watchdog_ = std::chrono::microseconds(*microseconds / 2);
  }
}

void ServiceNotify::ready() {
  send("READY=1");
}
void ServiceNotify::stopping() {
  send("STOPPING=1");
}
void ServiceNotify::watchdog() {
  send("WATCHDOG=1");
}

void ServiceNotify::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void ServiceNotify::status(std::string_view text) {
  std::string line = "STATUS=" + std::string(text.substr(0, 1024));
  std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  send(line);
}

void ServiceNotify::send(const std::string& text) {
  if (!socket_.valid()) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  // Nobody waits for a manager that does not read.
  ::sendto(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
           reinterpret_cast<sockaddr*>(&to), size);
}

}  // namespace jump::platform
