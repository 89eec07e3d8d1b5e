// The commands that every service of an endpoint has (jump-client, jumpoint): the service itself, install,
// status, doctor, uninstall. What differs between them stands in ServiceSpec. Each command prints for a
// person, or JSON, and returns the exit status of the program.
#pragma once

#include <string>
#include <vector>

#include "common/endpoint/state.h"
#include "common/endpoint/supervisor.h"
#include "common/identity/enrolment.h"

namespace jump::endpoint {

inline constexpr const char* kVersion = "0.1.0";

struct ServiceSpec {
  std::string program;  // "jump-client": name of the executable, its folders and units
  std::string title;    // "Jump Client", for sentences
  control::Role role = control::Role::agent;
  std::string data;  // folders
  std::string run;
  RouteSettings routes;
  LocalRules rules;
  std::vector<std::string> abilities;  // of a node: what it can do here
  std::vector<std::string> lacking;    // and what not, with the reason
  std::optional<ProxyProgram> proxy;   // of a node: how its Jump Zone Proxy is started
};

// "jump-client 0.1.0 (linux x86_64)"
std::string software(const ServiceSpec& service);

// The service itself, until SIGTERM.
int run_service(const ServiceSpec& service);

struct InstallOptions {
  std::string key_info;       // the deployment key itself: others can read it in the process list
  std::string key_info_file;  // or a file with it, "-" for standard input
  identity::EnrollOverrides overrides;
  std::optional<std::string> session_user;    // sessions run as this user where the configuration names none
  std::optional<std::uint32_t> wait_seconds;  // until the service is online
  bool no_start = false;
  bool json = false;
};
// Where a service manager knows the service, it is started (anew) afterwards, if nobody minds. The exit
// statuses are those of EnrolExit (enrol.h); 2: not exactly one key, or a user that does not exist.
int install(const ServiceSpec& service, const InstallOptions& options);

int show_status(const ServiceSpec& service, bool json);
bool service_runs(const ServiceSpec& service);
int doctor(const ServiceSpec& service, bool json);
int uninstall(const ServiceSpec& service, bool json);
// Says goodbye over a tunnel of its own, within 10 s.
Result<void> tell_uninstalled(const ServiceSpec& service, const EndpointState& state);

}  // namespace jump::endpoint
