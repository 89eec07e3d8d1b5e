// Text of /proc and /sys taken apart: plain functions, so that tests can show them any machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/machine.h"

namespace jump::platform {

// At most `limit` bytes; nothing when it cannot be read.
std::optional<std::string> read_text(const std::string& path, std::size_t limit = 65536);
std::string_view trim(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char at);

// /etc/os-release: PRETTY_NAME, else NAME; quotes removed.
std::string parse_os_name(std::string_view text);

struct CpuTimes {
  std::uint64_t busy = 0;
  std::uint64_t total = 0;
};
// The first line of /proc/stat.
std::optional<CpuTimes> parse_cpu_times(std::string_view text);
// /proc/meminfo
std::optional<Memory> parse_memory(std::string_view text);

struct Mount {
  std::string device;  // "8:1"
  std::string point;
  std::string type;
  std::string source;
};
// /proc/self/mountinfo: the local disks of it, each device once.
std::vector<Mount> parse_local_mounts(std::string_view text);

struct ProcessStat {
  int parent = 0;
  std::uint64_t ticks = 0;
  std::uint64_t pages = 0;
  std::string name;
};
// /proc/PID/stat; the name may contain anything, brackets too.
std::optional<ProcessStat> parse_process_stat(std::string_view text);

// "systemctl list-units --plain --no-legend"
std::vector<ServiceInfo> parse_services(std::string_view text, std::size_t limit);

}  // namespace jump::platform
