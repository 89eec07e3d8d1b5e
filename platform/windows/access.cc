#include "platform/windows/access.h"

#include <windows.h>

#include <aclapi.h>
#include <sddl.h>

#include <array>
#include <vector>

#include "platform/windows/native.h"

namespace jump::platform {
namespace {

constexpr DWORD kWriting = FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES |
                           FILE_DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL;
constexpr DWORD kReading = FILE_READ_DATA | GENERIC_READ;

struct Freed {
  explicit Freed(void* p) : at(p) {}
  Freed(const Freed&) = delete;
  Freed& operator=(const Freed&) = delete;
  ~Freed() { ::LocalFree(at); }
  void* at;
};

std::vector<std::uint8_t> own_sid() {
  HANDLE token = nullptr;
  if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &token) == 0) return {};
  const Handle closed = own_handle(token);
  std::vector<std::uint8_t> buffer(sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE);
  DWORD size = 0;
  if (::GetTokenInformation(token, TokenUser, buffer.data(), static_cast<DWORD>(buffer.size()), &size) == 0)
    return {};
  PSID sid = reinterpret_cast<TOKEN_USER*>(buffer.data())->User.Sid;
  const auto* bytes = static_cast<const std::uint8_t*>(sid);
  return {bytes, bytes + ::GetLengthSid(sid)};
}

std::string text_of(PSID sid) {
  LPWSTR text = nullptr;
  if (::ConvertSidToStringSidW(sid, &text) == 0) return {};
  const Freed freed(text);
  return to_utf8(text);
}

bool is_ours(PSID sid) {
  for (const WELL_KNOWN_SID_TYPE known :
       {WinLocalSystemSid, WinBuiltinAdministratorsSid, WinLocalServiceSid, WinNetworkServiceSid,
        WinCreatorOwnerSid, WinCreatorOwnerRightsSid}) {
    if (::IsWellKnownSid(sid, known) != 0) return true;
  }
  static const std::vector<std::uint8_t> own = own_sid();
  if (!own.empty() && ::EqualSid(sid, const_cast<std::uint8_t*>(own.data())) != 0) return true;
  // S-1-5-80: services by name; TrustedInstaller is one.
  return text_of(sid).starts_with("S-1-5-80-");
}

// Calls `take` with each entry that allows something to somebody. False for an object without a list, which
// everybody may do everything with.
template <typename Take>
bool each_allowed(PACL list, Take take) {
  if (list == nullptr) return false;
  for (DWORD i = 0; i < list->AceCount; ++i) {
    void* entry = nullptr;
    if (::GetAce(list, i, &entry) == 0) continue;
    const auto* header = static_cast<const ACE_HEADER*>(entry);
    if (header->AceType != ACCESS_ALLOWED_ACE_TYPE) continue;
    auto* allowed = static_cast<ACCESS_ALLOWED_ACE*>(entry);
    take(&allowed->SidStart, allowed->Mask, (header->AceFlags & INHERIT_ONLY_ACE) != 0);
  }
  return true;
}

Others judge(PACL list) {
  Others result = Others::nothing;
  const bool guarded = each_allowed(list, [&](PSID sid, DWORD mask, bool) {
    if (is_ours(sid)) return;
    if ((mask & kWriting) != 0) result = Others::may_write;
    if ((mask & kReading) != 0 && result == Others::nothing) result = Others::may_read;
  });
  return guarded ? result : Others::may_write;
}

std::wstring own_rules(Others allowed, bool folder, bool service) {
  const std::wstring inherit = folder ? L"OICI" : L"";
  std::wstring text = L"D:P";
  std::vector<std::uint8_t> own = own_sid();
  std::vector<std::wstring> ours = {L"SY", L"BA"};
  if (!own.empty()) ours.push_back(to_wide(text_of(own.data())));
  if (service) ours.push_back(L"LS");
  for (const std::wstring& who : ours) text += L"(A;" + inherit + L";FA;;;" + who + L")";
  if (allowed == Others::may_read) text += L"(A;" + inherit + L";FRFX;;;BU)";
  return text;
}

PSECURITY_DESCRIPTOR to_descriptor(const std::wstring& rules) {
  PSECURITY_DESCRIPTOR made = nullptr;
  ::ConvertStringSecurityDescriptorToSecurityDescriptorW(rules.c_str(), SDDL_REVISION_1, &made, nullptr);
  return made;
}

}  // namespace

Result<Others> others_may(void* handle, const std::string& path) {
  PACL list = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  const DWORD failed = ::GetSecurityInfo(handle, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, nullptr, nullptr,
                                         &list, nullptr, &descriptor);
  if (failed != ERROR_SUCCESS) return windows_error(failed, "ask who may use " + path);
  const Freed freed(descriptor);
  return judge(list);
}

Result<bool> is_owned_by_us(void* handle, const std::string& path) {
  PSID owner = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  const DWORD failed = ::GetSecurityInfo(handle, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, nullptr,
                                         nullptr, nullptr, &descriptor);
  if (failed != ERROR_SUCCESS) return windows_error(failed, "ask who owns " + path);
  const Freed freed(descriptor);
  return owner != nullptr && is_ours(owner);
}

Result<void> shut_others_out(void* handle, Others allowed, bool folder, const std::string& path) {
  PACL old = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  DWORD failed = ::GetSecurityInfo(handle, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, nullptr, nullptr, &old,
                                   nullptr, &descriptor);
  if (failed != ERROR_SUCCESS) return windows_error(failed, "ask who may use " + path);
  const Freed freed_old(descriptor);
  bool service = false;
  each_allowed(old, [&](PSID sid, DWORD, bool) {
    service = service || ::IsWellKnownSid(sid, WinLocalServiceSid) != 0;
  });
  const PSECURITY_DESCRIPTOR wanted = to_descriptor(own_rules(allowed, folder, service));
  const Freed freed(wanted);
  BOOL present = FALSE;
  BOOL defaulted = FALSE;
  PACL list = nullptr;
  if (wanted == nullptr || ::GetSecurityDescriptorDacl(wanted, &present, &list, &defaulted) == 0)
    return windows_error("make the access rights of " + path);
  failed = ::SetSecurityInfo(handle, SE_FILE_OBJECT,
                             DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION, nullptr,
                             nullptr, list, nullptr);
  if (failed != ERROR_SUCCESS) return windows_error(failed, "set the access rights of " + path);
  return {};
}

void* new_descriptor(Others allowed, bool folder) {
  return to_descriptor(own_rules(allowed, folder, false));
}

}  // namespace jump::platform
