#include "platform/windows/tokens.h"

#include <windows.h>

#include <sddl.h>
#include <wtsapi32.h>

#include "common/base/bytes.h"
#include "platform/windows/native.h"

namespace jump::platform {
namespace {

std::vector<std::uint8_t> ask_user(const Handle& token) {
  DWORD size = 0;
  ::GetTokenInformation(native_handle(token), TokenUser, nullptr, 0, &size);
  std::vector<std::uint8_t> answer(size);
  if (size == 0 || !::GetTokenInformation(native_handle(token), TokenUser, answer.data(), size, &size))
    return {};
  return answer;
}

// Of the sessions at the screen or by Remote Desktop, that of this user.
Result<Handle> token_of_logged_on(const User& user) {
  WTS_SESSION_INFOW* sessions = nullptr;
  DWORD count = 0;
  if (!::WTSEnumerateSessionsW(WTS_CURRENT_SERVER_HANDLE, 0, 1, &sessions, &count))
    return windows_error("list who is logged on");
  Handle found;
  for (DWORD i = 0; i < count && !found.valid(); ++i) {
    HANDLE native = nullptr;
    if (!::WTSQueryUserToken(sessions[i].SessionId, &native)) continue;
    Handle token = own_handle(native);
    std::vector<std::uint8_t> sid = sid_bytes(token);
    const Result<User> who = sid.empty() ? Result<User>(User()) : user_of(sid.data());
    if (who && who->uid == user.uid) found = std::move(token);
  }
  ::WTSFreeMemory(sessions);
  if (found.valid()) return found;
  return Error(Fault::refused, "cannot become user '" + printable(user.name, 64) +
                                   "': Windows lets a service act for another user only while that user is "
                                   "logged on");
}

}  // namespace

Handle own_token() {
  HANDLE token = nullptr;
  constexpr DWORD kRights = TOKEN_QUERY | TOKEN_DUPLICATE | TOKEN_ASSIGN_PRIMARY | TOKEN_ADJUST_PRIVILEGES;
  if (!::OpenProcessToken(::GetCurrentProcess(), kRights, &token)) return {};
  return own_handle(token);
}

std::vector<std::uint8_t> sid_bytes(const Handle& token) {
  const std::vector<std::uint8_t> answer = ask_user(token);
  if (answer.empty()) return {};
  const PSID sid = reinterpret_cast<const TOKEN_USER*>(answer.data())->User.Sid;
  const auto* first = static_cast<const std::uint8_t*>(sid);
  return {first, first + ::GetLengthSid(sid)};
}

std::wstring own_sid() {
  const Handle token = own_token();
  std::vector<std::uint8_t> sid = token.valid() ? sid_bytes(token) : std::vector<std::uint8_t>();
  wchar_t* text = nullptr;
  if (sid.empty() || !::ConvertSidToStringSidW(sid.data(), &text)) return {};
  std::wstring result(text);
  ::LocalFree(text);
  return result;
}

Result<Handle> token_for(const User& user) {
  if (user.name == "LOCAL SERVICE" || user.name == "NETWORK SERVICE") {
    HANDLE token = nullptr;
    if (!::LogonUserW(to_wide(user.name).c_str(), L"NT AUTHORITY", nullptr, LOGON32_LOGON_SERVICE,
                      LOGON32_PROVIDER_DEFAULT, &token))
      return windows_error("log '" + user.name + "' on");
    return own_handle(token);
  }
  return token_of_logged_on(user);
}

Result<Handle> lowered_token() {
  const Handle own = own_token();
  if (!own.valid()) return windows_error("open this process's own token");
  std::uint8_t sid[SECURITY_MAX_SID_SIZE];
  DWORD size = sizeof sid;
  if (!::CreateWellKnownSid(WinBuiltinAdministratorsSid, nullptr, sid, &size))
    return windows_error("name the administrators");
  SID_AND_ATTRIBUTES administrators{sid, 0};
  HANDLE lowered = nullptr;
  if (!::CreateRestrictedToken(native_handle(own), DISABLE_MAX_PRIVILEGE, 1, &administrators, 0, nullptr, 0,
                               nullptr, &lowered))
    return windows_error("make a token with fewer rights");
  return own_handle(lowered);
}

}  // namespace jump::platform
