#include "platform/machine.h"

#include <dirent.h>
#include <netdb.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <utmpx.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "common/base/bytes.h"
#include "platform/independent.h"
#include "platform/linux/proc_text.h"
#include "platform/process.h"
#include "platform/serial.h"
#include "platform/users.h"

namespace jump::platform {
namespace {

std::vector<std::string> list_folder(const std::string& path) {
  std::vector<std::string> names;
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) return names;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  ::closedir(folder);
  std::ranges::sort(names);
  return names;
}

void add_part(std::map<std::string, std::vector<std::string>>& parts, const char* name,
              const std::string& path) {
  const std::optional<std::string> text = read_text(path, 4096);
  if (!text || !is_real_serial(*text)) return;
  std::vector<std::string>& values = parts[name];
  std::string value(trim(*text));
  if (std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
}

// Disks that were plugged in may be pulled again; loop, ram and mapped devices are no hardware.
bool is_fixed_disk(const std::string& name) {
  for (const char* prefix : {"loop", "ram", "dm-", "md", "zram", "sr", "fd", "nbd"}) {
    if (name.starts_with(prefix)) return false;
  }
  const std::optional<std::string> removable = read_text("/sys/block/" + name + "/removable", 16);
  return !removable || trim(*removable) != "1";
}

}  // namespace

Result<std::string> boot_id() {
  const std::optional<std::string> text = read_text("/proc/sys/kernel/random/boot_id", 128);
  if (!text || trim(*text).empty()) return Error(Fault::unavailable, "the machine's boot id cannot be read");
  return std::string(trim(*text));
}

MachineName machine_name() {
  MachineName name;
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) name.hostname = printable(host.data(), 255);
  name.fqdn = name.hostname;
  addrinfo hints{};
  hints.ai_flags = AI_CANONNAME;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.data(), nullptr, &hints, &found) == 0) {
    const std::string canonical =
        found->ai_canonname != nullptr ? printable(found->ai_canonname, 255) : std::string();
    // A machine that calls itself localhost to its own resolver has no name there.
    if (canonical.find('.') != std::string::npos && !canonical.starts_with("localhost"))
      name.fqdn = canonical;
    ::freeaddrinfo(found);
  }
  return name;
}

std::string_view system_family() {
  return "linux";
}

OperatingSystem operating_system() {
  OperatingSystem system;
  utsname names{};
  if (::uname(&names) == 0) {
    system.kernel = std::string(names.sysname) + " " + names.release;
    system.architecture = names.machine;
  }
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    if (const std::optional<std::string> text = read_text(path)) {
      system.name = printable(parse_os_name(*text), 128);
      break;
    }
  }
  if (system.name.empty()) system.name = system.kernel;
  return system;
}

std::uint64_t uptime_seconds() {
  struct sysinfo info{};
  return ::sysinfo(&info) == 0 ? static_cast<std::uint64_t>(info.uptime) : 0;
}

std::map<std::string, std::vector<std::string>> fingerprint_parts() {
  std::map<std::string, std::vector<std::string>> parts;
  add_part(parts, "dmi_uuid", "/sys/class/dmi/id/product_uuid");
  add_part(parts, "board_serial", "/sys/class/dmi/id/board_serial");
  add_part(parts, "product_serial", "/sys/class/dmi/id/product_serial");
  for (const std::string& disk : list_folder("/sys/block")) {
    if (!is_fixed_disk(disk)) continue;
    // virtio, NVMe and SATA put it at different places; the first that is there counts.
    for (const char* place : {"/serial", "/device/serial", "/wwid", "/device/wwid"}) {
      const std::size_t before = parts.count("disk_serial") != 0 ? parts["disk_serial"].size() : 0;
      add_part(parts, "disk_serial", "/sys/block/" + disk + place);
      if (parts.count("disk_serial") != 0 && parts["disk_serial"].size() != before) break;
    }
  }
  add_part(parts, "machine_id", "/etc/machine-id");
  return parts;
}

std::optional<double> CpuMeter::sample() {
  const std::optional<std::string> text = read_text("/proc/stat", 4096);
  const std::optional<CpuTimes> now = text ? parse_cpu_times(*text) : std::nullopt;
  if (!now) return std::nullopt;
  const std::uint64_t busy = now->busy - std::min(busy_, now->busy);
  const std::uint64_t total = now->total - std::min(total_, now->total);
  const bool first = total_ == 0;
  busy_ = now->busy;
  total_ = now->total;
  if (first || total == 0) return std::nullopt;
  return std::min(100.0, 100.0 * static_cast<double>(busy) / static_cast<double>(total));
}

Processor processor() {
  Processor result;
  const long count = ::sysconf(_SC_NPROCESSORS_ONLN);
  result.count = count > 0 ? static_cast<std::uint32_t>(count) : 0;
  const std::optional<std::string> text = read_text("/proc/cpuinfo", 16384);
  if (!text) return result;
  for (const std::string_view line : split(*text, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && trim(line.substr(0, colon)) == "model name") {
      result.model = printable(trim(line.substr(colon + 1)), 128);
      break;
    }
  }
  return result;
}

std::optional<Load> load() {
  std::array<double, 3> values{};
  if (::getloadavg(values.data(), 3) != 3) return std::nullopt;
  Load result;
  result.one = values[0];
  result.five = values[1];
  result.fifteen = values[2];
  return result;
}

std::optional<Memory> memory() {
  const std::optional<std::string> text = read_text("/proc/meminfo");
  return text ? parse_memory(*text) : std::nullopt;
}

std::vector<DiskUse> disks() {
  std::vector<DiskUse> result;
  const std::optional<std::string> text = read_text("/proc/self/mountinfo", 1024 * 1024);
  if (!text) return result;
  for (const Mount& mount : parse_local_mounts(*text)) {
    // A file mounted over a file (containers do it with /etc/hosts) is no disk to show.
    struct stat info{};
    struct statvfs space{};
    if (::stat(mount.point.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) continue;
    if (::statvfs(mount.point.c_str(), &space) != 0 || space.f_blocks == 0) continue;
    DiskUse use;
    use.mount = printable(mount.point, 256);
    use.type = mount.type;
    use.total = std::uint64_t{space.f_blocks} * space.f_frsize;
    use.used = std::uint64_t{space.f_blocks - space.f_bfree} * space.f_frsize;
    result.push_back(std::move(use));
  }
  return result;
}

namespace {

// What logind writes down for its own use; its library reads the same file.
std::optional<std::string> seat_user() {
  const std::optional<std::string> seat = read_text("/run/systemd/seats/seat0", 4096);
  if (!seat) return std::nullopt;
  for (const std::string_view line : split(*seat, '\n')) {
    constexpr std::string_view kKey = "ACTIVE_UID=";
    if (!line.starts_with(kKey)) continue;
    std::uint32_t uid = 0;
    const std::string_view number = line.substr(kKey.size());
    if (std::from_chars(number.data(), number.data() + number.size(), uid).ec != std::errc())
      return std::nullopt;
    const Result<User> user = find_user(uid);
    return user ? std::optional(user->name) : std::nullopt;
  }
  return std::nullopt;
}

bool is_console_line(std::string_view line) {
  return line.starts_with(":") ||
         (line.starts_with("tty") && line.size() > 3 && std::isdigit(static_cast<unsigned char>(line[3])));
}

std::optional<std::string> utmp_user() {
  std::optional<std::string> name;
  ::setutxent();
  while (const utmpx* entry = ::getutxent()) {
    const std::string_view line(entry->ut_line, ::strnlen(entry->ut_line, sizeof entry->ut_line));
    if (entry->ut_type == USER_PROCESS && is_console_line(line)) {
      name =
          printable(std::string_view(entry->ut_user, ::strnlen(entry->ut_user, sizeof entry->ut_user)), 64);
    }
  }
  ::endutxent();
  return name;
}

std::string user_name(std::uint32_t uid, std::map<std::uint32_t, std::string>& known) {
  const auto found = known.find(uid);
  if (found != known.end()) return found->second;
  const Result<User> user = find_user(uid);
  return known[uid] = user ? user->name : std::to_string(uid);
}

// Arguments are apart by NUL. A kernel thread has none and is shown as [name].
std::string command_of(const std::string& folder, const std::string& name) {
  std::string text = read_text(folder + "/cmdline", 1024).value_or(std::string());
  while (!text.empty() && text.back() == '\0') text.pop_back();
  if (text.empty()) return printable("[" + name + "]", 64);
  std::ranges::replace(text, '\0', ' ');
  return printable(text, 1024);
}

}  // namespace

std::optional<std::string> console_user() {
  if (std::optional<std::string> name = seat_user()) return name;
  return utmp_user();
}

std::vector<ProcessInfo> processes(std::size_t limit) {
  std::vector<int> numbers;
  for (const std::string& name : list_folder("/proc")) {
    int pid = 0;
    const auto [stop, failed] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (failed == std::errc() && stop == name.data() + name.size()) numbers.push_back(pid);
  }
  std::ranges::sort(numbers);
  const auto ticks = static_cast<double>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  const auto page = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_PAGESIZE)));
  std::map<std::uint32_t, std::string> names;
  std::vector<ProcessInfo> result;
  for (const int pid : numbers) {
    if (result.size() == limit) break;
    const std::string folder = "/proc/" + std::to_string(pid);
    struct stat owner{};
    const std::optional<std::string> text = read_text(folder + "/stat", 4096);
    // It may have ended since the list was made.
    const std::optional<ProcessStat> stat = text ? parse_process_stat(*text) : std::nullopt;
    if (!stat || ::stat(folder.c_str(), &owner) != 0) continue;
    ProcessInfo info;
    info.pid = pid;
    info.parent = stat->parent;
    info.user = user_name(owner.st_uid, names);
    info.cpu_seconds = static_cast<double>(stat->ticks) / ticks;
    info.memory = stat->pages * page;
    info.command = command_of(folder, stat->name);
    result.push_back(std::move(info));
  }
  return result;
}

Task<Result<std::vector<ServiceInfo>>> services(std::size_t limit) {
  if (!systemd_runs()) co_return Error(Fault::unsupported, "services are listed only where systemd runs");
  ProcessSpec spec;
  spec.argv = {"systemctl", "list-units",  "--type=service", "--all",
               "--plain",   "--no-legend", "--no-pager",     "--full"};
  spec.env = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "SYSTEMD_COLORS=0"};
  const Result<Captured> captured = co_await run_and_capture(spec, 4 * 1024 * 1024, std::chrono::seconds(10));
  if (!captured) co_return captured.error();
  if (captured->exit.status != 0) {
    co_return Error(Fault::unavailable, "systemctl: " + printable(captured->error_output));
  }
  co_return parse_services(captured->output, limit);
}

}  // namespace jump::platform
