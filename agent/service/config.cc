#include "agent/service/config.h"

#include <array>

#include "common/endpoint/allow_list.h"

namespace jump::agent {
namespace {
constexpr std::string_view kProgram = "jump-client";
constexpr std::array<std::string_view, 6> kKinds{"shell", "exec", "files", "sysinfo", "forward", "wake"};
}  // namespace

void validate(const Config& config, config::Checks& checks) {
  check_service(config, kKinds, checks);
  checks.length("forward_allow", config.forward_allow, 0, 1000);
  const Result<endpoint::AllowList> allowed = endpoint::AllowList::parse(config.forward_allow);
  if (!allowed) checks.fault("forward_allow", allowed.error().context);
}

Result<Config> load_config(const std::string& file, bool must_exist) {
  return endpoint::load_service_config<Config>(file, must_exist, kProgram);
}

endpoint::ServiceSpec service_of(const Config& config) {
  endpoint::ServiceSpec service;
  service.program = kProgram;
  service.title = "Jump Client";
  service.role = control::Role::agent;
  apply(config, service);
  service.rules.forward_allow = config.forward_allow;
  service.rules.shell = config.shell;
  return service;
}

}  // namespace jump::agent
