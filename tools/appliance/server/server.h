// The appliance while it serves: one network thread with everything that moves, one database thread, and
// helpers for passwords. Everything is made here, in this order, and ends in the other.
#pragma once

#include <string>

#include "common/base/error.h"
#include "tools/appliance/server/config.h"

namespace jump::appliance {

inline constexpr const char* kVersion = "0.1.0";

struct ServeOptions {
  Config config;
  std::string config_file;  // read again on SIGHUP
  std::string ready_file;   // written with the listening addresses when ready; for scripts. Empty: none
};

// Until SIGTERM or SIGINT. The exit code of the process.
int serve(const ServeOptions& options);

}  // namespace jump::appliance
