#include "platform/linux/proc_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/bytes.h"
#include "platform/handle.h"

namespace jump::platform {
namespace {

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || stop == text.data()) return std::nullopt;
  return value;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t begin = text.find_first_not_of(" \t", at);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(text.find_first_of(" \t", begin), text.size());
    found.push_back(text.substr(begin, end - begin));
    at = end;
  }
  return found;
}

// proc(5): space, tab, line end and backslash in a mount point are written as \ooo.
std::string unescape_octal(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t k) {
      return i + k < text.size() && text[i + k] >= '0' && text[i + k] <= '7';
    };
    if (text[i] == '\\' && digit(1) && digit(2) && digit(3)) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

std::optional<std::string> read_text(const std::string& path, std::size_t limit) {
  const Handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.valid()) return std::nullopt;
  std::string text;
  std::array<char, 8192> piece;
  while (text.size() < limit) {
    const ssize_t got = ::read(file.get(), piece.data(), std::min(piece.size(), limit - text.size()));
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank(" \t\r\n\0", 5);
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(at), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string parse_os_name(std::string_view text) {
  std::string pretty;
  std::string name;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view value = trim(line.substr(equals + 1));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
        value.back() == value.front()) {
      value = value.substr(1, value.size() - 2);
    }
    if (line.substr(0, equals) == "PRETTY_NAME") pretty = value;
    if (line.substr(0, equals) == "NAME") name = value;
  }
  return pretty.empty() ? name : pretty;
}

// user nice system idle iowait irq softirq steal; guest time is within user and nice (proc(5)).
std::optional<CpuTimes> parse_cpu_times(std::string_view text) {
  const std::vector<std::string_view> fields = words(text.substr(0, text.find('\n')));
  if (fields.size() < 5 || fields[0] != "cpu") return std::nullopt;
  CpuTimes times;
  for (std::size_t i = 1; i < fields.size() && i <= 8; ++i) {
    const std::optional<std::uint64_t> ticks = to_number(fields[i]);
    if (!ticks) return std::nullopt;
    times.total += *ticks;
    if (i != 4 && i != 5) times.busy += *ticks;
  }
  return times;
}

std::optional<Memory> parse_memory(std::string_view text) {
  Memory memory;
  for (const std::string_view line : split(text, '\n')) {
    const std::vector<std::string_view> fields = words(line);
    if (fields.size() < 2) continue;
    const std::uint64_t bytes = to_number(fields[1]).value_or(0) * 1024;
    if (fields[0] == "MemTotal:") memory.total = bytes;
    if (fields[0] == "MemAvailable:") memory.available = bytes;
    if (fields[0] == "SwapTotal:") memory.swap_total = bytes;
    if (fields[0] == "SwapFree:") memory.swap_free = bytes;
  }
  if (memory.total == 0) return std::nullopt;
  return memory;
}

// 36 35 98:0 /root /mount options shared:1 - ext4 /dev/sda1 rw   (proc(5))
std::vector<Mount> parse_local_mounts(std::string_view text) {
  constexpr std::array<std::string_view, 10> kDisks = {"ext2", "ext3", "ext4", "xfs",   "btrfs",
                                                       "zfs",  "f2fs", "vfat", "exfat", "ntfs3"};
  std::vector<Mount> mounts;
  for (const std::string_view line : split(text, '\n')) {
    const std::vector<std::string_view> fields = words(line);
    const auto dash = std::ranges::find(fields, std::string_view("-"));
    if (fields.size() < 6 || fields.end() - dash < 3) continue;
    Mount mount;
    mount.device = fields[2];
    mount.point = unescape_octal(fields[4]);
    mount.type = *(dash + 1);
    mount.source = unescape_octal(*(dash + 2));
    // The root of a container lies on an overlay: its only disk.
    const bool disk = std::ranges::find(kDisks, mount.type) != kDisks.end() ||
                      (mount.type == "overlay" && mount.point == "/") || mount.type.starts_with("fuseblk");
    const bool seen =
        std::ranges::any_of(mounts, [&](const Mount& other) { return other.device == mount.device; });
    if (disk && !seen) mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  // Field 3 (state) is the first after the name.
  const std::vector<std::string_view> fields = words(text.substr(close + 1));
  if (fields.size() < 22) return std::nullopt;
  ProcessStat stat;
  stat.name = text.substr(open + 1, close - open - 1);
  stat.parent = static_cast<int>(to_number(fields[1]).value_or(0));
  stat.ticks = to_number(fields[11]).value_or(0) + to_number(fields[12]).value_or(0);
  stat.pages = to_number(fields[21]).value_or(0);
  return stat;
}

// ssh.service loaded active running OpenBSD Secure Shell server
std::vector<ServiceInfo> parse_services(std::string_view text, std::size_t limit) {
  std::vector<ServiceInfo> services;
  for (const std::string_view line : split(text, '\n')) {
    const std::vector<std::string_view> fields = words(line);
    if (fields.size() < 4 || services.size() == limit) continue;
    ServiceInfo service;
    service.name = printable(fields[0], 256);
    service.state = printable(fields[2], 64);
    service.detail = printable(fields[3], 64);
    if (fields.size() > 4) {
      service.description =
          printable(trim(line.substr(static_cast<std::size_t>(fields[4].data() - line.data()))), 256);
    }
    services.push_back(std::move(service));
  }
  return services;
}

}  // namespace jump::platform
