// What the commands of jump-client do. Each returns the exit status of the program.
#pragma once

#include <string>

#include "agent/service/config.h"
#include "common/endpoint/state.h"
#include "common/identity/enrolment.h"

namespace jump::agent {

inline constexpr const char* kVersion = "0.1.0";
std::string software();

// The service itself, until SIGTERM.
int run_service(const Config& config);

struct InstallOptions {
  std::string key_info;  // the deployment key
  identity::EnrollOverrides overrides;
  bool json = false;
};
int install(const Config& config, const InstallOptions& options);

int show_status(const Config& config, bool json);
bool endpoint_service_runs(const Config& config);
int doctor(const Config& config, bool json);
int uninstall(const Config& config, bool json);
// Says goodbye over a tunnel of its own, within 10 s.
Result<void> tell_uninstalled(const Config& config, const endpoint::EndpointState& state);

}  // namespace jump::agent
