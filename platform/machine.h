// What this machine is and how it does. Everything is read fresh with each call and is quick, save where
// said. What cannot be read is left out, never guessed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/task_group.h"

namespace jump::platform {

// Another one after each start of the machine.
Result<std::string> boot_id();

struct MachineName {
  std::string hostname;
  std::string fqdn;  // the host name where the resolver knows no more
};
// Blocking: asks the resolver.
MachineName machine_name();

// "linux", "windows".
std::string_view system_family();

struct OperatingSystem {
  std::string name;          // "Debian GNU/Linux 12 (bookworm)"
  std::string kernel;        // "Linux 6.1.0-18-amd64"
  std::string architecture;  // "x86_64"
};
OperatingSystem operating_system();

std::uint64_t uptime_seconds();

// What tells this machine from others, for the fingerprint: name → values. Names: dmi_uuid, board_serial,
// product_serial, disk_serial, machine_id. Most need root. Values that makers leave empty ("To Be Filled By
// O.E.M.") do not count.
std::map<std::string, std::vector<std::string>> fingerprint_parts();

// Percent of all processors since the last call of the same meter; nothing at the first.
class CpuMeter {
 public:
  std::optional<double> sample();

 private:
  std::uint64_t busy_ = 0;
  std::uint64_t total_ = 0;
};

struct Processor {
  std::string model;
  std::uint32_t count = 0;
};
Processor processor();

struct Load {
  double one = 0, five = 0, fifteen = 0;  // minutes
};
std::optional<Load> load();

struct Memory {
  std::uint64_t total = 0;  // bytes
  std::uint64_t available = 0;
  std::uint64_t swap_total = 0;
  std::uint64_t swap_free = 0;
};
std::optional<Memory> memory();

struct DiskUse {
  std::string mount;
  std::string type;         // "ext4"
  std::uint64_t total = 0;  // bytes
  std::uint64_t used = 0;
};
// Local disks only, each once: asking a network file system whose server is away would hang.
std::vector<DiskUse> disks();

// Who sits at the screen and keyboard.
std::optional<std::string> console_user();

struct ProcessInfo {
  int pid = 0;
  int parent = 0;
  std::string user;
  double cpu_seconds = 0;
  std::uint64_t memory = 0;  // resident bytes
  std::string command;       // at most 1 KiB; bytes that are not UTF-8 are escaped
};
// At most `limit`, lowest process numbers first.
std::vector<ProcessInfo> processes(std::size_t limit = 4096);

struct ServiceInfo {
  std::string name;    // "ssh.service"
  std::string state;   // "active", "inactive", "failed"
  std::string detail;  // "running", "exited"
  std::string description;
};
// Asks systemd by its own command, at most 10 s. Fault::unsupported where systemd does not run.
Task<Result<std::vector<ServiceInfo>>> services(std::size_t limit = 4096);

}  // namespace jump::platform
