#include "platform/service_manager.h"

#include <windows.h>

#include <chrono>
#include <vector>

#include "common/base/bytes.h"
#include "platform/windows/native.h"
#include "platform/windows/spawn.h"

namespace jump::platform {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);
constexpr DWORD kLookPause = 100;
// After a failure: at once, then later; forgotten after an hour without one.
constexpr DWORD kAgain[] = {1'000, 5'000, 30'000};  // milliseconds
constexpr DWORD kForgotten = 3600;                  // seconds

struct ServiceHandle {
  SC_HANDLE at = nullptr;
  explicit ServiceHandle(SC_HANDLE handle) : at(handle) {}
  ServiceHandle(ServiceHandle&& other) noexcept : at(std::exchange(other.at, nullptr)) {}
  ServiceHandle& operator=(ServiceHandle&&) = delete;
  ~ServiceHandle() {
    if (at != nullptr) ::CloseServiceHandle(at);
  }
};

ServiceHandle open_manager(DWORD rights) {
  return ServiceHandle(::OpenSCManagerW(nullptr, nullptr, rights));
}

ServiceHandle open_service(const std::string& name, DWORD rights) {
  const ServiceHandle manager = open_manager(SC_MANAGER_CONNECT);
  return ServiceHandle(manager.at == nullptr ? nullptr
                                             : ::OpenServiceW(manager.at, to_wide(name).c_str(), rights));
}

constexpr DWORD kRights = SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG | SERVICE_CHANGE_CONFIG |
                          SERVICE_START | SERVICE_STOP | DELETE;

Result<DWORD> state_of(const ServiceHandle& service) {
  SERVICE_STATUS status{};
  if (!::QueryServiceStatus(service.at, &status)) return windows_error("ask how the service does");
  return status.dwCurrentState;
}

// Restarted whenever it fails, also when it says so itself by its exit status.
Result<void> set_recovery(const ServiceHandle& service) {
  SC_ACTION actions[std::size(kAgain)];
  for (std::size_t i = 0; i < std::size(kAgain); ++i) actions[i] = {SC_ACTION_RESTART, kAgain[i]};
  SERVICE_FAILURE_ACTIONSW recovery{};
  recovery.dwResetPeriod = kForgotten;
  recovery.cActions = static_cast<DWORD>(std::size(actions));
  recovery.lpsaActions = actions;
  SERVICE_FAILURE_ACTIONS_FLAG always{TRUE};
  if (!::ChangeServiceConfig2W(service.at, SERVICE_CONFIG_FAILURE_ACTIONS, &recovery) ||
      !::ChangeServiceConfig2W(service.at, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &always))
    return windows_error("tell the service manager to restart the service after a failure");
  return {};
}

Result<void> stop(const ServiceHandle& service, const std::string& name) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const Result<DWORD> state = state_of(service);
    if (!state) return state.error();
    if (*state == SERVICE_STOPPED) return {};
    SERVICE_STATUS ignored{};
    // Refused while it starts, and asked again.
    if (*state != SERVICE_STOP_PENDING) ::ControlService(service.at, SERVICE_CONTROL_STOP, &ignored);
    if (std::chrono::steady_clock::now() > until)
      return Error(Fault::timed_out, "the service " + name + " does not stop within 60 s");
    ::Sleep(kLookPause);
  }
}

}  // namespace

bool service_is_managed(const std::string& name) {
  return open_service(name, kRights).at != nullptr;
}

Result<void> make_service(const ServiceRecord& record) {
  const ServiceHandle manager = open_manager(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
  if (manager.at == nullptr && ::GetLastError() == ERROR_ACCESS_DENIED)
    return Error(Fault::refused, "only administrators can make the service " + record.name);
  if (manager.at == nullptr) return windows_error("ask the service manager");
  const std::wstring name = to_wide(record.name);
  const ServiceHandle service(::CreateServiceW(manager.at, name.c_str(), to_wide(record.title).c_str(),
                                               kRights, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                                               SERVICE_ERROR_NORMAL, command_line(record.argv).c_str(),
                                               nullptr, nullptr, nullptr, nullptr, nullptr));
  if (service.at == nullptr && ::GetLastError() == ERROR_SERVICE_EXISTS) {
    // The package made it, which has no words for that. Wine has no recovery; elsewhere this cannot fail.
    if (const ServiceHandle known = open_service(record.name, kRights); known.at != nullptr)
      (void)set_recovery(known);
    return {};
  }
  if (service.at == nullptr) return windows_error("make the service " + record.name);
  (void)set_recovery(service);
  std::wstring text = to_wide(record.description);
  SERVICE_DESCRIPTIONW description{text.data()};
  ::ChangeServiceConfig2W(service.at, SERVICE_CONFIG_DESCRIPTION, &description);
  return {};
}

Result<void> restart_service(const std::string& name) {
  const ServiceHandle service = open_service(name, kRights);
  if (service.at == nullptr) return windows_error("open the service " + name);
  if (!::ChangeServiceConfigW(service.at, SERVICE_NO_CHANGE, SERVICE_AUTO_START, SERVICE_NO_CHANGE, nullptr,
                              nullptr, nullptr, nullptr, nullptr, nullptr, nullptr))
    return windows_error("let the service " + name + " start with the machine");
  // Wine has no recovery; elsewhere this cannot fail.
  (void)set_recovery(service);
  if (Result<void> stopped = stop(service, name); !stopped) return stopped;
  if (!::StartServiceW(service.at, 0, nullptr) && ::GetLastError() != ERROR_SERVICE_ALREADY_RUNNING)
    return windows_error("start the service " + name);
  return {};
}

Result<void> retire_service(const std::string& name) {
  const ServiceHandle service = open_service(name, kRights);
  if (service.at == nullptr) return windows_error("open the service " + name);
  if (Result<void> stopped = stop(service, name); !stopped) return stopped;
  if (!::DeleteService(service.at) && ::GetLastError() != ERROR_SERVICE_MARKED_FOR_DELETE)
    return windows_error("remove the service " + name);
  return {};
}

}  // namespace jump::platform
