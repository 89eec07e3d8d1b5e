// For Wine only: its pseudo-console gives a program no standard handles. This opens the console's own and
// runs the shell with them: console_shim.exe [WORDS...] is cmd.exe [WORDS...]
#include <windows.h>

#include <string>

int wmain(int count, wchar_t** words) {
  SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
  const DWORD rights = GENERIC_READ | GENERIC_WRITE;
  const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE;
  HANDLE input = ::CreateFileW(L"CONIN$", rights, share, &inherited, OPEN_EXISTING, 0, nullptr);
  HANDLE output = ::CreateFileW(L"CONOUT$", rights, share, &inherited, OPEN_EXISTING, 0, nullptr);
  STARTUPINFOW start{};
  start.cb = sizeof start;
  start.dwFlags = STARTF_USESTDHANDLES;
  start.hStdInput = input;
  start.hStdOutput = output;
  start.hStdError = output;
  std::wstring line = L"C:\\windows\\system32\\cmd.exe";
  for (int i = 1; i < count; ++i) line += L" " + std::wstring(words[i]);
  PROCESS_INFORMATION made{};
  if (::CreateProcessW(nullptr, line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &start, &made) == 0)
    return 200;
  ::WaitForSingleObject(made.hProcess, INFINITE);
  DWORD status = 0;
  ::GetExitCodeProcess(made.hProcess, &status);
  return static_cast<int>(status);
}
