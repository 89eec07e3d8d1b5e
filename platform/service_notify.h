// Words to the service manager (Linux: the sd_notify protocol over NOTIFY_SOCKET, spoken directly).
// Where no manager listens every call does nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "platform/handle.h"

namespace jump::platform {

class ServiceNotify {
 public:
  // Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  ServiceNotify();

  bool listened_to() const { return socket_.valid(); }
  void ready();
  void stopping();
  void reloading();
  // One line for "systemctl status"; line ends become spaces.
  void status(std::string_view text);
  // Call it at least this often, from the thread whose health it tells; half of what the manager allows.
  std::optional<std::chrono::nanoseconds> watchdog_interval() const { return watchdog_; }
  void watchdog();

 private:
  void send(const std::string& text);
  Handle socket_;
  std::string address_;
  std::optional<std::chrono::nanoseconds> watchdog_;
};

}  // namespace jump::platform
