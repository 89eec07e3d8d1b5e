#include "jumpoint/service/config.h"

#include <array>

#include "common/endpoint/allow_list.h"
#include "jumpoint/service/abilities.h"

namespace jump::jumpoint {
namespace {
constexpr std::string_view kProgram = "jumpoint";
constexpr std::array<std::string_view, 4> kKinds{"shell", "exec", "files", "forward"};
}  // namespace

Config::Config() {
  kinds = {"shell", "exec", "files", "forward"};
  most_sessions = 512;
}

void validate(const Config& config, config::Checks& checks) {
  check_service(config, kKinds, checks);
  checks.length("target_allow", config.target_allow, 0, 1000);
  const Result<endpoint::AllowList> allowed = endpoint::AllowList::parse(config.target_allow);
  if (!allowed) checks.fault("target_allow", allowed.error().message());
  if (config.zone_proxy && !config.zone_proxy->access_log.empty() &&
      config.zone_proxy->access_log.front() != '/') {
    checks.fault("zone_proxy", "access_log: expected an absolute path");
  }
}

Result<Config> load_config(const std::string& file, bool must_exist) {
  return endpoint::load_service_config<Config>(file, must_exist, kProgram);
}

endpoint::ServiceSpec service_of(const Config& config) {
  endpoint::ServiceSpec service;
  service.program = kProgram;
  service.title = "Jumpoint";
  service.role = control::Role::node;
  apply(config, service);
  service.rules.forward_allow = config.target_allow;
  endpoint::ProxyProgram proxy;
  if (config.zone_proxy) {
    json::object local;
    if (!config.zone_proxy->user.empty()) local["user"] = config.zone_proxy->user;
    if (!config.zone_proxy->access_log.empty()) local["access_log"] = config.zone_proxy->access_log;
    proxy.local = std::move(local);
  }
  service.proxy = std::move(proxy);
  Abilities found = find_abilities();
  service.abilities = std::move(found.present);
  service.lacking = std::move(found.lacking);
  return service;
}

}  // namespace jump::jumpoint
