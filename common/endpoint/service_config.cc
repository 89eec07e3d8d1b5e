#include "common/endpoint/service_config.h"

#include <algorithm>
#include <filesystem>

#include "common/base/log.h"
#include "common/tunnel/address.h"
#include "common/tunnel/routes.h"
#include "platform/paths.h"

namespace jump::endpoint {
namespace {

// The reason that a fault tells; the key stands before it.
Result<void> check_proxy(tunnel::RouteKind kind, const std::string& address, const std::string& user,
                         const Secret& password) {
  tunnel::Route route;
  route.kind = kind;
  route.proxies = {address};
  route.user = user;
  route.password = password;
  return tunnel::check_route(route);
}

bool is_absolute(const std::string& path) {
  return std::filesystem::path(path).is_absolute();
}

}  // namespace

void check_service(const ServiceConfig& config, std::span<const std::string_view> kinds,
                   config::Checks& checks) {
  for (const auto& [key, value] : {std::pair{"data", &config.data}, std::pair{"run", &config.run}}) {
    if (!value->empty() && !is_absolute(*value)) checks.fault(key, "expected an absolute path");
  }
  for (const std::string& kind : config.kinds) {
    if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) continue;
    std::string all;
    for (const std::string_view one : kinds) all += (all.empty() ? "" : ", ") + std::string(one);
    checks.fault("kinds", "'" + kind + "' is none of " + all);
  }
  checks.length("addresses", config.addresses, 0, 16);
  for (const std::string& address : config.addresses) {
    const Result<tunnel::Address> parsed = tunnel::parse_address(address);
    if (!parsed) checks.fault("addresses", parsed.error().context);
  }
  if (config.http_proxy) {
    const Result<void> fine = check_proxy(tunnel::RouteKind::http_proxy, config.http_proxy->address,
                                          config.http_proxy->user, config.http_proxy->password);
    if (!fine) checks.fault("http_proxy", fine.error().context);
  }
  if (config.socks5 && !config.socks5->empty()) {
    const Result<tunnel::Address> parsed = tunnel::parse_address(*config.socks5, tunnel::kSocks5Port);
    if (!parsed) checks.fault("socks5", parsed.error().context);
  }
  checks.range("most_sessions", config.most_sessions, 0, 512);
  log::Level level{};
  if (!log::parse_level(config.log_level, level)) {
    checks.fault("log_level", "'" + config.log_level + "' is none of error, warning, info, debug");
  }
  if (config.log != "stderr" && config.log != "syslog" && !is_absolute(config.log)) {
    checks.fault("log", "expected stderr, syslog or an absolute path");
  }
}

bool config_exists(const std::string& file) {
  std::error_code ignored;
  return std::filesystem::exists(file, ignored);
}

void fill_paths(ServiceConfig& config, std::string_view program) {
  const platform::ProgramPaths paths = platform::program_paths(program);
  if (config.data.empty()) config.data = paths.data;
  if (config.run.empty()) config.run = paths.run;
}

void apply(const ServiceConfig& config, ServiceSpec& service) {
  service.data = config.data;
  service.run = config.run;
  service.routes.addresses = config.addresses;
  if (config.http_proxy) {
    service.routes.http_proxy = config.http_proxy->address;
    if (!config.http_proxy->user.empty()) {
      service.routes.http_proxy_user = config.http_proxy->user;
      service.routes.http_proxy_password = config.http_proxy->password;
    }
  }
  service.routes.socks5 = config.socks5;
  service.rules.session_user = config.session_user;
  service.rules.tunnel_user = config.tunnel_user;
  service.rules.kinds = config.kinds;
  service.rules.most_sessions = config.most_sessions;
  if (config.session_memory) service.rules.session_memory_bytes = config.session_memory->bytes;
}

void open_log(const ServiceConfig& config, std::string_view program) {
  log::Level level = log::Level::info;
  log::parse_level(config.log_level, level);
  log::set_level(level);
  if (config.log == "syslog") {
    log::open(log::Sink::syslog, program);
  } else if (config.log != "stderr") {
    log::open(log::Sink::file, program, config.log);
  }
}

}  // namespace jump::endpoint
