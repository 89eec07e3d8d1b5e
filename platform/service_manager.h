// The service manager, asked by commands that a person gives (Linux: systemd by systemctl; elsewhere, and for
// who is not root, there is none).
#pragma once

#include <string>

#include "common/base/error.h"

namespace jump::platform {

// True when the manager knows a service of this name and we may tell it what to do.
bool service_is_managed(const std::string& name);

// Starts it anew, and at every boot. Does not wait until it is ready.
Result<void> restart_service(const std::string& name);
// Stops it, waits for that, and does not start it at boot any more.
Result<void> retire_service(const std::string& name);

}  // namespace jump::platform
