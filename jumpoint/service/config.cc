#include "jumpoint/service/config.h"

#include <array>

#include "common/access/address.h"
#include "common/base/file_path.h"
#include "common/endpoint/allow_list.h"
#include "jumpoint/proxy/authority.h"
#include "jumpoint/service/abilities.h"

namespace jump::jumpoint {
namespace {
constexpr std::string_view kProgram = "jumpoint";
constexpr std::array<std::string_view, 6> kKinds{"shell", "exec", "files", "forward", "wake", "browse"};
}  // namespace

Config::Config() {
  kinds = {"shell", "exec", "files", "forward", "wake", "browse"};
  most_sessions = 512;
}

void validate(const Config& config, config::Checks& checks) {
  check_service(config, kKinds, checks);
  checks.length("target_allow", config.target_allow, 0, 1000);
  const Result<endpoint::AllowList> allowed = endpoint::AllowList::parse(config.target_allow);
  if (!allowed) checks.fault("target_allow", allowed.error().message());
}

void validate(const ZoneProxyLimits& limits, config::Checks& checks) {
  using std::chrono::milliseconds;
  if (!limits.access_log.empty() && !file_path(limits.access_log).is_absolute())
    checks.fault("access_log", "expected an absolute path");
  if (!limits.host.empty() && !proxy::parse_host(limits.host) && !access::parse_address(limits.host))
    checks.fault("host", "expected a host name or an address, without http:// or https://");
  if (!limits.listen.empty() && !access::parse_address(limits.listen))
    checks.fault("listen", "expected an address of this machine");
  checks.range("access_log_bytes", limits.access_log_bytes, config::Size{4096}, config::Size{1ULL << 40});
  checks.range("access_logs_kept", limits.access_logs_kept, 0U, 99U);
  checks.range("workers", limits.workers, 0U, 64U);
  checks.range("connections", limits.connections, 1U, 1'000'000U);
  checks.range("connections_per_source", limits.connections_per_source, 1U, 1'000'000U);
  checks.range("header_bytes", limits.header_bytes, 256U, 8192U);
  checks.range("header_time", limits.header_time, milliseconds(100), milliseconds(60'000));
  checks.range("dial_time", limits.dial_time, milliseconds(100), milliseconds(60'000));
}

namespace {

// In the names of jumpoint/proxy/settings.h.
json::object local_settings(const ZoneProxyLimits& limits) {
  json::object local;
  for (const auto& [name, value] :
       {std::pair{"user", &limits.user}, std::pair{"host", &limits.host}, std::pair{"listen", &limits.listen},
        std::pair{"access_log", &limits.access_log}}) {
    if (!value->empty()) local[name] = *value;
  }
  local["access_log_bytes"] = limits.access_log_bytes.bytes;
  local["access_logs_kept"] = limits.access_logs_kept;
  local["workers"] = limits.workers;
  local["connections"] = limits.connections;
  local["connections_per_source"] = limits.connections_per_source;
  local["header_bytes"] = limits.header_bytes;
  local["header_milliseconds"] = limits.header_time.count();
  local["dial_milliseconds"] = limits.dial_time.count();
  return local;
}

}  // namespace

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
  if (config.zone_proxy) proxy.local = local_settings(*config.zone_proxy);
  service.proxy = std::move(proxy);
  Abilities found = find_abilities();
  service.abilities = std::move(found.present);
  service.lacking = std::move(found.lacking);
  return service;
}

}  // namespace jump::jumpoint
