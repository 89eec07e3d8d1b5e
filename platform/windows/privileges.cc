#include "platform/privileges.h"

#include <windows.h>

#include <aclapi.h>
#include <sddl.h>

#include <vector>

#include "platform/windows/native.h"
#include "platform/windows/tokens.h"

namespace jump::platform {
namespace {

// Everybody has it, and without it each folder on the way to a file is asked.
constexpr const wchar_t* kKept = L"SeChangeNotifyPrivilege";

Result<void> drop_privileges() {
  const Handle token = own_token();
  if (!token.valid()) return windows_error("open this process's own token");
  DWORD size = 0;
  ::GetTokenInformation(native_handle(token), TokenPrivileges, nullptr, 0, &size);
  std::vector<std::uint8_t> memory(size);
  if (size == 0 || !::GetTokenInformation(native_handle(token), TokenPrivileges, memory.data(), size, &size))
    return windows_error("list this process's privileges");
  LUID kept{};
  ::LookupPrivilegeValueW(nullptr, kKept, &kept);
  auto* privileges = reinterpret_cast<TOKEN_PRIVILEGES*>(memory.data());
  for (DWORD i = 0; i < privileges->PrivilegeCount; ++i) {
    LUID_AND_ATTRIBUTES& one = privileges->Privileges[i];
    const bool keep = one.Luid.LowPart == kept.LowPart && one.Luid.HighPart == kept.HighPart;
    if (!keep) one.Attributes = SE_PRIVILEGE_REMOVED;
  }
  if (!::AdjustTokenPrivileges(native_handle(token), FALSE, privileges, 0, nullptr, nullptr))
    return windows_error("give privileges up");
  return {};
}

}  // namespace

// Files and processor time have no limits here; the memory of the process, and all that it starts, does.
Result<void> set_limits(const ResourceLimits& limits) {
  if (!limits.memory_bytes) return {};
  const Handle job = own_handle(::CreateJobObjectW(nullptr, nullptr));
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION wanted{};
  wanted.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_JOB_MEMORY | JOB_OBJECT_LIMIT_BREAKAWAY_OK;
  wanted.JobMemoryLimit = static_cast<SIZE_T>(*limits.memory_bytes);
  if (!job.valid() ||
      !::SetInformationJobObject(native_handle(job), JobObjectExtendedLimitInformation, &wanted,
                                 sizeof wanted) ||
      !::AssignProcessToJobObject(native_handle(job), ::GetCurrentProcess()))
    return windows_error("set the limit on memory");
  return {};
}

Result<void> confine(const Confinement& confinement) {
  if (Result<void> set = set_limits(confinement.limits); !set) return set;
  if (confinement.user) {
    const Result<User> own = current_user();
    if (!own) return own.error();
    if (own->uid != confinement.user->uid) {
      return Error(Fault::unsupported,
                   "a running process of Windows cannot become user '" + confinement.user->name + "'");
    }
  }
  return drop_privileges();
}

// Only the system and its administrators may open this process: to read its memory, for example.
Result<void> forbid_inspection() {
  ::SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);  // no window of the service's own
  PSECURITY_DESCRIPTOR words = nullptr;
  if (!::ConvertStringSecurityDescriptorToSecurityDescriptorW(L"D:P(A;;GA;;;SY)(A;;GA;;;BA)", SDDL_REVISION_1,
                                                              &words, nullptr))
    return windows_error("forbid inspection");
  BOOL there = FALSE;
  BOOL by_default = FALSE;
  PACL list = nullptr;
  ::GetSecurityDescriptorDacl(words, &there, &list, &by_default);
  const DWORD failed = ::SetSecurityInfo(::GetCurrentProcess(), SE_KERNEL_OBJECT,
                                         DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                                         nullptr, nullptr, list, nullptr);
  ::LocalFree(words);
  if (failed != ERROR_SUCCESS) return windows_error(failed, "forbid inspection");
  return {};
}

// A program inherits what it was given by name (spawn.cc), and nothing else.
void close_from(int) {}

}  // namespace jump::platform
