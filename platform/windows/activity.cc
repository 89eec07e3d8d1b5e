#include "platform/machine.h"

#include <windows.h>

#include <psapi.h>
#include <tlhelp32.h>
#include <winternl.h>
#include <wtsapi32.h>

#include <algorithm>
#include <array>

#include "common/base/bytes.h"
#include "platform/windows/native.h"

// What goes on in this machine: load, memory, disks, people, processes, services. What it is stands in
// machine.cc.

namespace jump::platform {
namespace {

std::uint64_t number_of(const FILETIME& time) {
  return std::uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime;
}

std::string session_text(DWORD session, WTS_INFO_CLASS what) {
  LPWSTR text = nullptr;
  DWORD size = 0;
  if (::WTSQuerySessionInformationW(WTS_CURRENT_SERVER_HANDLE, session, what, &text, &size) == 0) return {};
  std::string result = to_utf8(text);
  ::WTSFreeMemory(text);
  return printable(result, 128);
}

// "NT AUTHORITY\SYSTEM". Asked once for each: the answer may come from a domain's server.
class UserNames {
 public:
  std::string of(HANDLE process) {
    HANDLE token = nullptr;
    if (::OpenProcessToken(process, TOKEN_QUERY, &token) == 0) return {};
    const Handle closed = own_handle(token);
    std::array<std::uint8_t, sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE> buffer{};
    DWORD size = 0;
    if (::GetTokenInformation(token, TokenUser, buffer.data(), static_cast<DWORD>(buffer.size()), &size) == 0)
      return {};
    PSID sid = reinterpret_cast<TOKEN_USER*>(buffer.data())->User.Sid;
    const auto* bytes = static_cast<const std::uint8_t*>(sid);
    const std::string key(bytes, bytes + ::GetLengthSid(sid));
    const auto found = known_.find(key);
    if (found != known_.end()) return found->second;
    return known_[key] = look_up(sid);
  }

 private:
  static std::string look_up(PSID sid) {
    std::array<wchar_t, 256> name{};
    std::array<wchar_t, 256> domain{};
    auto name_size = static_cast<DWORD>(name.size());
    auto domain_size = static_cast<DWORD>(domain.size());
    SID_NAME_USE use{};
    if (::LookupAccountSidW(nullptr, sid, name.data(), &name_size, domain.data(), &domain_size, &use) == 0)
      return {};
    const std::string prefix = to_utf8(domain.data());
    return printable(prefix.empty() ? to_utf8(name.data()) : prefix + "\\" + to_utf8(name.data()), 128);
  }

  std::map<std::string, std::string> known_;
};

// The command line where we may read it, else the program, else its name.
std::string command_of(HANDLE process, const wchar_t* name) {
  constexpr auto kCommandLine = static_cast<PROCESSINFOCLASS>(60);  // ProcessCommandLineInformation
  std::vector<std::uint64_t> buffer(8192);
  ULONG got = 0;
  if (process != nullptr && NT_SUCCESS(::NtQueryInformationProcess(
                                process, kCommandLine, buffer.data(),
                                static_cast<ULONG>(buffer.size() * sizeof(std::uint64_t)), &got))) {
    const auto* text = reinterpret_cast<const UNICODE_STRING*>(buffer.data());
    if (text->Length > 0)
      return printable(to_utf8(std::wstring_view(text->Buffer, text->Length / sizeof(wchar_t))), 1024);
  }
  std::array<wchar_t, 1024> path{};
  auto size = static_cast<DWORD>(path.size());
  if (process != nullptr && ::QueryFullProcessImageNameW(process, 0, path.data(), &size) != 0)
    return printable(to_utf8(path.data()), 1024);
  return printable(to_utf8(name), 256);
}

ProcessInfo look_at(const PROCESSENTRY32W& entry, UserNames& names) {
  ProcessInfo info;
  info.pid = static_cast<int>(entry.th32ProcessID);
  info.parent = static_cast<int>(entry.th32ParentProcessID);
  const Handle process =
      own_handle(::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, entry.th32ProcessID));
  HANDLE handle = process.valid() ? native_handle(process) : nullptr;
  info.command = command_of(handle, entry.szExeFile);
  if (handle == nullptr) return info;
  FILETIME created{};
  FILETIME ended{};
  FILETIME kernel{};
  FILETIME user{};
  if (::GetProcessTimes(handle, &created, &ended, &kernel, &user) != 0)
    info.cpu_seconds = static_cast<double>(number_of(kernel) + number_of(user)) / 1e7;
  PROCESS_MEMORY_COUNTERS memory{};
  if (::GetProcessMemoryInfo(handle, &memory, sizeof memory) != 0) info.memory = memory.WorkingSetSize;
  info.user = names.of(handle);
  return info;
}

const char* state_of(DWORD state) {
  switch (state) {
    case SERVICE_RUNNING:
      return "running";
    case SERVICE_STOPPED:
      return "stopped";
    case SERVICE_PAUSED:
      return "paused";
    case SERVICE_START_PENDING:
      return "starting";
    case SERVICE_STOP_PENDING:
      return "stopping";
    default:
      return "changing";
  }
}

}  // namespace

std::optional<double> CpuMeter::sample() {
  FILETIME idle{};
  FILETIME kernel{};
  FILETIME user{};
  if (::GetSystemTimes(&idle, &kernel, &user) == 0) return std::nullopt;
  // The kernel's time counts idling too.
  const std::uint64_t total_now = number_of(kernel) + number_of(user);
  const std::uint64_t busy_now = total_now - std::min(number_of(idle), total_now);
  const std::uint64_t busy = busy_now - std::min(busy_, busy_now);
  const std::uint64_t total = total_now - std::min(total_, total_now);
  const bool first = total_ == 0;
  busy_ = busy_now;
  total_ = total_now;
  if (first || total == 0) return std::nullopt;
  return std::min(100.0, 100.0 * static_cast<double>(busy) / static_cast<double>(total));
}

// Windows counts no such thing.
std::optional<Load> load() {
  return std::nullopt;
}

std::optional<Memory> memory() {
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof status;
  if (::GlobalMemoryStatusEx(&status) == 0) return std::nullopt;
  Memory memory;
  memory.total = status.ullTotalPhys;
  memory.available = status.ullAvailPhys;
  // What may be promised beyond the memory itself: the paging files.
  memory.swap_total = status.ullTotalPageFile - std::min(status.ullTotalPageFile, status.ullTotalPhys);
  memory.swap_free = std::min(
      memory.swap_total, status.ullAvailPageFile - std::min(status.ullAvailPageFile, status.ullAvailPhys));
  return memory;
}

std::vector<DiskUse> disks() {
  std::vector<DiskUse> result;
  std::array<wchar_t, 512> drives{};
  if (::GetLogicalDriveStringsW(static_cast<DWORD>(drives.size() - 1), drives.data()) == 0) return result;
  for (const wchar_t* drive = drives.data(); *drive != L'\0'; drive += std::wstring_view(drive).size() + 1) {
    if (::GetDriveTypeW(drive) != DRIVE_FIXED) continue;
    ULARGE_INTEGER total{};
    ULARGE_INTEGER free{};
    if (::GetDiskFreeSpaceExW(drive, nullptr, &total, &free) == 0 || total.QuadPart == 0) continue;
    std::array<wchar_t, 64> type{};
    ::GetVolumeInformationW(drive, nullptr, 0, nullptr, nullptr, nullptr, type.data(),
                            static_cast<DWORD>(type.size()));
    DiskUse use;
    use.mount = plain_path(drive);
    use.type = printable(to_utf8(type.data()), 32);
    use.total = total.QuadPart;
    use.used = total.QuadPart - std::min(free.QuadPart, total.QuadPart);
    result.push_back(std::move(use));
  }
  return result;
}

std::optional<std::string> console_user() {
  const DWORD session = ::WTSGetActiveConsoleSessionId();
  if (session == 0xFFFFFFFF) return std::nullopt;
  const std::string user = session_text(session, WTSUserName);
  if (user.empty()) return std::nullopt;
  const std::string domain = session_text(session, WTSDomainName);
  return domain.empty() ? user : domain + "\\" + user;
}

std::vector<ProcessInfo> processes(std::size_t limit) {
  std::vector<ProcessInfo> result;
  const Handle snapshot = own_handle(::CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0));
  if (!snapshot.valid()) return result;
  std::vector<PROCESSENTRY32W> entries;
  PROCESSENTRY32W entry{};
  entry.dwSize = sizeof entry;
  for (BOOL more = ::Process32FirstW(native_handle(snapshot), &entry); more != 0;
       more = ::Process32NextW(native_handle(snapshot), &entry)) {
    if (entry.th32ProcessID != 0) entries.push_back(entry);  // 0 is the time when nothing runs
  }
  std::ranges::sort(entries, {}, &PROCESSENTRY32W::th32ProcessID);
  if (entries.size() > limit) entries.resize(limit);
  UserNames names;
  for (const PROCESSENTRY32W& one : entries) result.push_back(look_at(one, names));
  return result;
}

Task<Result<std::vector<ServiceInfo>>> services(std::size_t limit) {
  const SC_HANDLE manager = ::OpenSCManagerW(nullptr, nullptr, SC_MANAGER_ENUMERATE_SERVICE);
  if (manager == nullptr) co_return windows_error("ask the service manager");
  std::vector<ServiceInfo> result;
  std::vector<std::uint64_t> buffer(32 * 1024);  // 256 KiB, the most that one answer may have
  DWORD place = 0;
  bool more = true;
  DWORD failed = ERROR_SUCCESS;
  while (more && result.size() < limit) {
    DWORD missing = 0;
    DWORD count = 0;
    auto* bytes = reinterpret_cast<BYTE*>(buffer.data());
    const BOOL done = ::EnumServicesStatusExW(
        manager, SC_ENUM_PROCESS_INFO, SERVICE_WIN32, SERVICE_STATE_ALL, bytes,
        static_cast<DWORD>(buffer.size() * sizeof(std::uint64_t)), &missing, &count, &place, nullptr);
    more = done == 0 && ::GetLastError() == ERROR_MORE_DATA && count > 0;
    if (done == 0 && !more) failed = ::GetLastError();
    if (failed != ERROR_SUCCESS) break;
    const auto* entries = reinterpret_cast<const ENUM_SERVICE_STATUS_PROCESSW*>(buffer.data());
    for (DWORD i = 0; i < count && result.size() < limit; ++i) {
      const SERVICE_STATUS_PROCESS& status = entries[i].ServiceStatusProcess;
      ServiceInfo info;
      info.name = printable(to_utf8(entries[i].lpServiceName), 256);
      info.state = state_of(status.dwCurrentState);
      if (status.dwProcessId != 0) info.detail = "process " + std::to_string(status.dwProcessId);
      if (status.dwCurrentState == SERVICE_STOPPED && status.dwWin32ExitCode != ERROR_SUCCESS &&
          status.dwWin32ExitCode != ERROR_SERVICE_NEVER_STARTED) {
        info.detail = "ended with " + std::to_string(status.dwWin32ExitCode);
      }
      info.description = printable(to_utf8(entries[i].lpDisplayName), 256);
      result.push_back(std::move(info));
    }
  }
  ::CloseServiceHandle(manager);
  if (failed != ERROR_SUCCESS) co_return windows_error(failed, "list the services");
  co_return result;
}

}  // namespace jump::platform
