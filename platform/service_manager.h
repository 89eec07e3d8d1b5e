// The service manager, asked by commands that a person gives (Linux: systemd by systemctl; elsewhere, and for
// who is not root, there is none. Windows: the service control manager, for administrators).
#pragma once

#include <string>
#include <vector>

#include "common/base/error.h"

namespace jump::platform {

// True when the manager knows a service of this name and we may tell it what to do.
bool service_is_managed(const std::string& name);

struct ServiceRecord {
  std::string name;   // "jump-client"
  std::string title;  // "Jump Client"
  std::string description;
  std::vector<std::string> argv;
};
// Windows: has the manager know the service, which starts with the machine then; one that it knows stays as
// it is. Linux: nothing; the unit comes with the package.
Result<void> make_service(const ServiceRecord& record);

// Starts it anew, and at every boot; Windows: and after every failure. Does not wait until it is ready.
Result<void> restart_service(const std::string& name);
// Stops it, waits for that, and does not start it at boot any more. Windows: the manager forgets it.
Result<void> retire_service(const std::string& name);

}  // namespace jump::platform
