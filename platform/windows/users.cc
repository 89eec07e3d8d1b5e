#include "platform/users.h"

#include <windows.h>

#include <sddl.h>
#include <userenv.h>

#include <algorithm>
#include <cwctype>

#include "common/base/bytes.h"
#include "common/base/log.h"
#include "platform/windows/native.h"
#include "platform/windows/tokens.h"

namespace jump::platform {
namespace {

constexpr DWORD kNameMost = 256;

std::wstring text_of(PSID sid) {
  wchar_t* text = nullptr;
  if (!::ConvertSidToStringSidW(sid, &text)) return {};
  std::wstring result(text);
  ::LocalFree(text);
  return result;
}

// Stands for the SID where numbers are compared: 0 is the system itself, who may do everything; the others'
// are a hash (FNV-1a).
std::uint32_t number_of(const std::wstring& sid) {
  if (sid == L"S-1-5-18") return 0;
  std::uint32_t hash = 2166136261U;
  for (const wchar_t letter : sid) hash = (hash ^ static_cast<std::uint32_t>(letter)) * 16777619U;
  return hash == 0 ? 1 : hash;
}

std::string variable(const wchar_t* name) {
  std::wstring value(32767, L'\0');
  value.resize(::GetEnvironmentVariableW(name, value.data(), static_cast<DWORD>(value.size())));
  return to_utf8(value);
}

std::string common_shell() {
  std::string shell = variable(L"ComSpec");
  return shell.empty() ? "C:\\Windows\\System32\\cmd.exe" : shell;
}

std::string profile_of(const std::wstring& sid) {
  const std::wstring key = L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList\\" + sid;
  std::wstring path(1024, L'\0');
  auto size = static_cast<DWORD>(path.size() * sizeof(wchar_t));
  if (::RegGetValueW(HKEY_LOCAL_MACHINE, key.c_str(), L"ProfileImagePath", RRF_RT_REG_SZ, nullptr,
                     path.data(), &size) != ERROR_SUCCESS)
    return "/";
  path.resize(size / sizeof(wchar_t));
  while (path.ends_with(L'\0')) path.pop_back();
  return plain_path(path);
}

Result<User> find_sid(PSID sid, const std::string& what) {
  std::wstring name(kNameMost, L'\0');
  std::wstring domain(kNameMost, L'\0');
  DWORD name_size = kNameMost;
  DWORD domain_size = kNameMost;
  SID_NAME_USE use{};
  if (!::LookupAccountSidW(nullptr, sid, name.data(), &name_size, domain.data(), &domain_size, &use)) {
    if (::GetLastError() == ERROR_NONE_MAPPED)
      return Error(Fault::not_found, what + " does not exist on this machine");
    return windows_error("look up " + what);
  }
  name.resize(name_size);
  const std::wstring text = text_of(sid);
  User user;
  user.name = to_utf8(name);
  user.uid = number_of(text);
  user.gid = user.uid;
  user.home = profile_of(text);
  user.shell = common_shell();
  return user;
}

}  // namespace

Result<User> user_of(void* sid) {
  return find_sid(sid, "user " + to_utf8(text_of(sid)));
}

Result<User> find_user(std::string_view name) {
  const std::string what = "user '" + printable(name, 64) + "'";
  if (name.empty() || name.find('\0') != std::string_view::npos)
    return Error(Fault::not_found, what + " does not exist on this machine");
  std::uint8_t sid[SECURITY_MAX_SID_SIZE];
  DWORD sid_size = sizeof sid;
  std::wstring domain(kNameMost, L'\0');
  DWORD domain_size = kNameMost;
  SID_NAME_USE use{};
  if (!::LookupAccountNameW(nullptr, to_wide(name).c_str(), sid, &sid_size, domain.data(), &domain_size,
                            &use)) {
    if (::GetLastError() == ERROR_NONE_MAPPED)
      return Error(Fault::not_found, what + " does not exist on this machine");
    return windows_error("look up " + what);
  }
  if (use != SidTypeUser && use != SidTypeWellKnownGroup)
    return Error(Fault::not_found, what + " is a group and no user");
  return find_sid(sid, what);
}

// A number says too little: it is only for comparing.
Result<User> find_user(std::uint32_t uid) {
  Result<User> own = current_user();
  if (own && own->uid == uid) return own;
  return Error(Fault::unsupported, "user number " + std::to_string(uid) + ": Windows' users have no numbers");
}

Result<User> current_user() {
  const Handle token = own_token();
  const std::vector<std::uint8_t> sid = token.valid() ? sid_bytes(token) : std::vector<std::uint8_t>();
  if (sid.empty()) return windows_error("ask who this process acts as");
  Result<User> user = find_sid(const_cast<std::uint8_t*>(sid.data()), "this process's own user");
  if (!user) return user;
  // Where the system has put it.
  if (const std::string home = variable(L"USERPROFILE"); !home.empty())
    user->home = plain_path(to_wide(home));
  return user;
}

bool may_become_users() {
  return own_sid() == L"S-1-5-18";
}

Result<std::vector<std::uint32_t>> groups_of(const User& user) {
  return std::vector<std::uint32_t>{user.gid};
}

std::vector<std::string> login_environment(const User& user, const std::vector<std::string>& more) {
  std::vector<std::string> env;
  const Handle token = own_token();
  void* block = nullptr;
  if (token.valid() && ::CreateEnvironmentBlock(&block, native_handle(token), FALSE)) {
    for (const auto* at = static_cast<const wchar_t*>(block); *at != L'\0';
         at += std::wstring_view(at).size() + 1)
      env.push_back(to_utf8(at));
    ::DestroyEnvironmentBlock(block);
  }
  if (env.empty()) env = service_environment();
  const auto name_of = [](const std::string& item) {
    std::string name = item.substr(0, item.find('=', 1));
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 32 : c; });
    return name;
  };
  std::vector<std::string> own = {"HOME=" + user.home, "USER=" + user.name};
  own.insert(own.end(), more.begin(), more.end());
  for (const std::string& item : own) {
    std::erase_if(env, [&](const std::string& old) { return name_of(old) == name_of(item); });
    env.push_back(item);
  }
  return env;
}

Result<std::optional<User>> user_without_rights() {
  return std::optional<User>();
}

std::optional<User> network_user() {
  if (!may_become_users()) return std::nullopt;
  Result<User> user = find_user("LOCAL SERVICE");
  const Result<Handle> token = user ? token_for(*user) : Result<Handle>(user.error());
  if (token) return std::move(*user);
  log::warning("service", "what faces the network runs as the service itself, with fewer rights",
               {{"reason", token.error().message()}});
  return std::nullopt;
}

std::vector<std::string> service_environment() {
  std::vector<std::string> env;
  for (const wchar_t* name :
       {L"SystemRoot", L"SystemDrive", L"windir", L"ComSpec", L"PATH", L"PATHEXT", L"TEMP", L"TMP",
        L"ProgramData", L"ProgramFiles", L"ALLUSERSPROFILE", L"USERPROFILE", L"USERNAME", L"COMPUTERNAME",
        L"NUMBER_OF_PROCESSORS", L"PROCESSOR_ARCHITECTURE", L"OS"}) {
    const std::string value = variable(name);
    if (!value.empty()) env.push_back(to_utf8(name) + "=" + value);
  }
  return env;
}

}  // namespace jump::platform
