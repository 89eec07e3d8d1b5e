#include "platform/service_run.h"

#include <windows.h>

#include <atomic>
#include <iostream>
#include <streambuf>
#include <thread>

#include "common/base/bytes.h"
#include "platform/files.h"
#include "platform/windows/native.h"
#include "platform/windows/object_wait.h"
#include "platform/windows/service_state.h"
#include "platform/windows/tokens.h"

namespace jump::platform {
namespace {

constexpr DWORD kStartHint = 30'000;  // milliseconds until the manager loses its patience
constexpr DWORD kStopHint = 20'000;
constexpr LONGLONG kLogMost = 8LL * 1024 * 1024;
// Statuses of a service that no restart mends: to the manager they are no failures.
constexpr int kWrongUsage = 2;
constexpr int kNotEnrolled = 3;
constexpr DWORD kLookPause = 50;
constexpr DWORD kLockAt = 0x40000000;  // far behind the number, which others may read

// --- the manager ----------------------------------------------------------------------------------------

// The manager calls back without a place for a word of ours.
struct Manager {
  std::atomic<SERVICE_STATUS_HANDLE> ear{nullptr};
  std::wstring name;
  const std::function<int()>* body = nullptr;
  int result = 0;
};
Manager& manager() {
  static Manager one;
  return one;
}

void tell(DWORD state, DWORD hint, int result = 0) {
  static std::atomic<DWORD> step{0};
  SERVICE_STATUS status{};
  status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
  status.dwCurrentState = state;
  status.dwWaitHint = hint;
  if (state == SERVICE_RUNNING) status.dwControlsAccepted = SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN;
  if (state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING) status.dwCheckPoint = ++step;
  if (result != 0) {
    // A failure to the manager, so that it starts the service again.
    status.dwWin32ExitCode = ERROR_SERVICE_SPECIFIC_ERROR;
    status.dwServiceSpecificExitCode = static_cast<DWORD>(result);
  }
  if (manager().ear != nullptr) ::SetServiceStatus(manager().ear, &status);
}

DWORD WINAPI on_control(DWORD control, DWORD, void*, void*) {
  switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
      tell(SERVICE_STOP_PENDING, kStopHint);
      ::SetEvent(stop_event());
      return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
      return NO_ERROR;
    default:
      return ERROR_CALL_NOT_IMPLEMENTED;
  }
}

void WINAPI service_main(DWORD, wchar_t**) {
  Manager& m = manager();
  m.ear = ::RegisterServiceCtrlHandlerExW(m.name.c_str(), &on_control, nullptr);
  if (m.ear == nullptr) return;
  tell(SERVICE_START_PENDING, kStartHint);
  m.result = (*m.body)();
  tell(SERVICE_STOPPED, 0, m.result == kWrongUsage || m.result == kNotEnrolled ? 0 : m.result);
}

// Writes at once, a piece in one call: lines of several processes do not mix.
class StandardError : public std::streambuf {
 public:
  explicit StandardError(Handle to) : to_(std::move(to)) {}

 private:
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    line_.append(text, static_cast<std::size_t>(size));
    if (line_.ends_with('\n')) sync();
    return size;
  }
  int_type overflow(int_type letter) override {
    if (traits_type::eq_int_type(letter, traits_type::eof())) return traits_type::not_eof(letter);
    const char one = traits_type::to_char_type(letter);
    return xsputn(&one, 1) == 1 ? letter : traits_type::eof();
  }
  int sync() override {
    DWORD gone = 0;
    ::WriteFile(native_handle(to_), line_.data(), static_cast<DWORD>(line_.size()), &gone, nullptr);
    line_.clear();
    return 0;
  }

  Handle to_;
  std::string line_;
};

BOOL WINAPI on_console(DWORD event) {
  ::SetEvent(stop_event());
  // The process ends when this returns, and the service is not done yet. Ctrl-C and Ctrl-Break end nothing.
  if (event == CTRL_CLOSE_EVENT || event == CTRL_LOGOFF_EVENT || event == CTRL_SHUTDOWN_EVENT)
    ::Sleep(kStopHint);
  return TRUE;
}

// The event by which another process asks. The folder's rights guard nothing here, so the event has its own.
std::wstring event_name(const std::string& file) {
  std::wstring whole = native_path(file);
  ::CharLowerBuffW(whole.data(), static_cast<DWORD>(whole.size()));
  std::uint64_t hash = 14695981039346656037ULL;
  for (const wchar_t letter : whole) hash = (hash ^ static_cast<std::uint16_t>(letter)) * 1099511628211ULL;
  std::wstring name = L"Global\\jump-stop-";
  for (int shift = 60; shift >= 0; shift -= 4) name += L"0123456789abcdef"[hash >> shift & 15];
  return name;
}

bool lock(const Handle& file) {
  OVERLAPPED place{};
  place.Offset = kLockAt;
  return ::LockFileEx(native_handle(file), LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
                      &place);
}

}  // namespace

void* stop_event() {
  static void* const event = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
  return event;
}

void tell_running() {
  tell(SERVICE_RUNNING, 0);
}
void tell_stopping() {
  tell(SERVICE_STOP_PENDING, kStopHint);
}
bool started_by_manager() {
  return manager().ear != nullptr;
}

int run_as_service(const std::string& name, const std::function<int()>& body) {
  Manager& m = manager();
  m.name = to_wide(name);
  m.body = &body;
  SERVICE_TABLE_ENTRYW table[] = {{m.name.data(), &service_main}, {nullptr, nullptr}};
  if (::StartServiceCtrlDispatcherW(table)) return m.result;
  ::SetConsoleCtrlHandler(&on_console, TRUE);
  return body();
}

Task<> stop_ordered(asio::any_io_executor executor) {
  ObjectWait wait(executor, stop_event());
  co_await wait.signalled();
}

Result<void> keep_standard_error(const std::string& file) {
  if (!started_by_manager()) return {};
  if (Result<void> made = make_private_folder(file.substr(0, file.find_last_of("/\\"))); !made) return made;
  const std::wstring path = native_path(file);
  WIN32_FILE_ATTRIBUTE_DATA info{};
  if (::GetFileAttributesExW(path.c_str(), GetFileExInfoStandard, &info)) {
    const LONGLONG size = (LONGLONG{info.nFileSizeHigh} << 32) | info.nFileSizeLow;
    if (size > kLogMost) ::MoveFileExW(path.c_str(), (path + L".old").c_str(), MOVEFILE_REPLACE_EXISTING);
  }
  // Appending only: each line of each process goes to the end.
  Handle log = own_handle(::CreateFileW(path.c_str(), FILE_APPEND_DATA | SYNCHRONIZE,
                                        FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                        OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!log.valid()) return windows_error("open the log " + file);
  ::SetStdHandle(STD_ERROR_HANDLE, native_handle(log));
  // The C library's stream stays shut in a process that began without standard error, and std::cerr with it.
  static StandardError words(std::move(log));
  std::cerr.rdbuf(&words);
  return {};
}

Result<ServiceLock> ServiceLock::take(const std::string& file) {
  Handle held = own_handle(::CreateFileW(native_path(file).c_str(), GENERIC_READ | GENERIC_WRITE,
                                         FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                         OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!held.valid()) return windows_error("open " + file);
  if (!lock(held)) {
    if (::GetLastError() == ERROR_LOCK_VIOLATION || ::GetLastError() == ERROR_IO_PENDING)
      return Error(Fault::already_exists, "another process holds " + file);
    return windows_error("lock " + file);
  }
  const std::string pid = std::to_string(::GetCurrentProcessId()) + "\n";
  DWORD gone = 0;
  ::SetEndOfFile(native_handle(held));
  if (!::WriteFile(native_handle(held), pid.data(), static_cast<DWORD>(pid.size()), &gone, nullptr))
    return windows_error("write " + file);
  ServiceLock taken(std::move(held));
  // As the default of a service or an administrator has it: the system and administrators, and who we are.
  taken.asked_ = own_handle(::CreateEventW(nullptr, TRUE, FALSE, event_name(file).c_str()));
  if (taken.asked_.valid()) {
    ::ResetEvent(native_handle(taken.asked_));
    std::thread([asked = native_handle(taken.asked_)] {
      const HANDLE both[] = {asked, stop_event()};
      ::WaitForMultipleObjects(2, both, FALSE, INFINITE);
      ::SetEvent(stop_event());
    }).detach();
  }
  return taken;
}

bool stop_service_at(const std::string& file, std::chrono::nanoseconds patience) {
  const Handle held = own_handle(::CreateFileW(native_path(file).c_str(), GENERIC_READ | GENERIC_WRITE,
                                               FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                               nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!held.valid()) return true;
  const auto until = std::chrono::steady_clock::now() + patience;
  const Handle asked = own_handle(::OpenEventW(EVENT_MODIFY_STATE, FALSE, event_name(file).c_str()));
  if (asked.valid()) ::SetEvent(native_handle(asked));
  while (!lock(held)) {
    if (std::chrono::steady_clock::now() > until) return false;
    ::Sleep(kLookPause);
  }
  return true;
}

}  // namespace jump::platform
