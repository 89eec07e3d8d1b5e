#include "agent/service/config.h"

#include <algorithm>
#include <filesystem>

#include "common/base/log.h"

namespace jump::agent {
namespace {
constexpr std::array<std::string_view, 5> kKinds{"shell", "exec", "files", "sysinfo", "forward"};
}

void validate(const Config& config, config::Checks& checks) {
  for (const auto& [key, value] : {std::pair{"data", &config.data}, std::pair{"run", &config.run}}) {
    if (!value->empty() && value->front() != '/') checks.fault(key, "expected an absolute path");
  }
  for (const std::string& kind : config.kinds) {
    if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) {
      checks.fault("kinds", "'" + kind + "' is none of shell, exec, files, sysinfo, forward");
    }
  }
  checks.length("addresses", config.addresses, 0, 16);
  checks.length("forward_allow", config.forward_allow, 0, 1000);
  checks.range("most_sessions", config.most_sessions, 0, 512);
  log::Level level{};
  if (!log::parse_level(config.log_level, level)) {
    checks.fault("log_level", "'" + config.log_level + "' is none of error, warning, info, debug");
  }
  if (config.log != "stderr" && config.log != "syslog" && (config.log.empty() || config.log.front() != '/')) {
    checks.fault("log", "expected stderr, syslog or an absolute path");
  }
}

Result<Config> load_config(const std::string& file, bool must_exist) {
  Config config;
  std::error_code ignored;
  if (must_exist || std::filesystem::exists(file, ignored)) {
    Result<Config> read = config::read_config<Config>(file);
    if (!read) return read;
    config = std::move(*read);
  }
  const platform::ProgramPaths paths = platform::program_paths("jump-client");
  if (config.data.empty()) config.data = paths.data;
  if (config.run.empty()) config.run = paths.run;
  return config;
}

endpoint::RouteSettings routes(const Config& config) {
  endpoint::RouteSettings settings;
  settings.addresses = config.addresses;
  if (config.http_proxy) {
    settings.http_proxy = config.http_proxy->address;
    if (!config.http_proxy->user.empty()) {
      settings.http_proxy_user = config.http_proxy->user;
      settings.http_proxy_password = config.http_proxy->password;
    }
  }
  settings.socks5 = config.socks5;
  return settings;
}

endpoint::LocalRules rules(const Config& config) {
  endpoint::LocalRules rules;
  rules.session_user = config.session_user;
  rules.tunnel_user = config.tunnel_user;
  rules.kinds = config.kinds;
  rules.forward_allow = config.forward_allow;
  rules.most_sessions = config.most_sessions;
  if (config.session_memory) rules.session_memory_bytes = config.session_memory->bytes;
  return rules;
}

}  // namespace jump::agent
