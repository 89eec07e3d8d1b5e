#include "platform/ownership.h"

#include <windows.h>

#include <aclapi.h>
#include <sddl.h>

#include "platform/windows/native.h"
#include "platform/windows/tokens.h"

namespace jump::platform {
namespace {

constexpr const wchar_t* kEverything = L"FA";
constexpr const wchar_t* kAllButRights = L"0x1301bf";  // read, write, delete; neither list nor owner

struct Descriptor {
  PSECURITY_DESCRIPTOR words = nullptr;
  ~Descriptor() { ::LocalFree(words); }
};

std::wstring entry(const wchar_t* rights, const std::wstring& who) {
  return std::wstring(L"(A;OICI;") + rights + L";;;" + who + L")";
}

Result<std::wstring> sid_text(const User& user) {
  const Result<User> own = current_user();
  if (own && own->uid == user.uid) return own_sid();
  std::uint8_t sid[SECURITY_MAX_SID_SIZE];
  DWORD sid_size = sizeof sid;
  std::wstring domain(256, L'\0');
  DWORD domain_size = 256;
  SID_NAME_USE use{};
  wchar_t* text = nullptr;
  if (!::LookupAccountNameW(nullptr, to_wide(user.name).c_str(), sid, &sid_size, domain.data(), &domain_size,
                            &use) ||
      !::ConvertSidToStringSidW(sid, &text))
    return windows_error("look up user '" + user.name + "'");
  std::wstring result(text);
  ::LocalFree(text);
  return result;
}

}  // namespace

// What belongs to the administrators or to the system is ours: nobody else runs what asks.
Result<User> owner_of(const std::string& path) {
  PSID owner = nullptr;
  Descriptor descriptor;
  std::wstring name = native_path(path);
  const DWORD failed = ::GetNamedSecurityInfoW(name.data(), SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION,
                                               &owner, nullptr, nullptr, nullptr, &descriptor.words);
  if (failed == ERROR_FILE_NOT_FOUND || failed == ERROR_PATH_NOT_FOUND)
    return Error(Fault::not_found, path + " does not exist");
  if (failed != ERROR_SUCCESS) return windows_error(failed, "ask who owns " + path);
  if (::IsWellKnownSid(owner, WinBuiltinAdministratorsSid) || ::IsWellKnownSid(owner, WinLocalSystemSid))
    return current_user();
  return user_of(owner);
}

// The owner stays: rights do here what ownership does on Linux. What lies in the folder inherits them.
Result<void> give_folder(const std::string& path, const User& user) {
  const Result<std::wstring> sid = sid_text(user);
  if (!sid) return sid.error();
  const std::wstring own = own_sid();
  std::wstring rules = L"D:P" + entry(kEverything, L"SY") + entry(kEverything, L"BA");
  if (!own.empty()) rules += entry(kEverything, own);
  if (*sid != own) rules += entry(kAllButRights, *sid);
  Descriptor wanted;
  BOOL there = FALSE;
  BOOL by_default = FALSE;
  PACL list = nullptr;
  if (!::ConvertStringSecurityDescriptorToSecurityDescriptorW(rules.c_str(), SDDL_REVISION_1, &wanted.words,
                                                              nullptr) ||
      !::GetSecurityDescriptorDacl(wanted.words, &there, &list, &by_default))
    return windows_error("make the access rights of " + path);
  std::wstring name = native_path(path);
  const DWORD failed = ::SetNamedSecurityInfoW(
      name.data(), SE_FILE_OBJECT, DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION, nullptr,
      nullptr, list, nullptr);
  if (failed != ERROR_SUCCESS) return windows_error(failed, "give " + path + " to user '" + user.name + "'");
  return {};
}

// Not needed: what is made in a folder inherits its rights, whoever makes it.
Result<ActingAs> ActingAs::begin(const User&) {
  return ActingAs();
}

ActingAs::ActingAs(ActingAs&& other) noexcept : groups_(std::exchange(other.groups_, std::nullopt)) {}
ActingAs::~ActingAs() = default;

}  // namespace jump::platform
