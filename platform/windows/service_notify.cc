#include "platform/service_notify.h"

#include "platform/windows/service_state.h"

namespace jump::platform {

// The service control manager knows states and no words, and watches over no process that runs.
ServiceNotify::ServiceNotify() = default;

void ServiceNotify::ready() {
  tell_running();
}
void ServiceNotify::stopping() {
  tell_stopping();
}
void ServiceNotify::reloading() {}
void ServiceNotify::status(std::string_view) {}
void ServiceNotify::watchdog() {}

}  // namespace jump::platform
