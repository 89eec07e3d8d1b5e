#include "tools/appliance/server/config.h"

#include "common/base/log.h"

namespace jump::appliance {

void validate(const Config& config, config::Checks& checks) {
  checks.length("listen", config.listen, 1, 16);
  checks.length("hosts", config.hosts, 0, 64);
  checks.length("data", config.data, 1, 4000);
  if (!config.data.empty() && config.data.front() != '/') checks.fault("data", "expected an absolute path");
  log::Level level{};
  if (!log::parse_level(config.log_level, level)) {
    checks.fault("log_level", "'" + config.log_level + "' is none of error, warning, info, debug");
  }
  if (config.log != "stderr" && config.log != "syslog" && (config.log.empty() || config.log.front() != '/')) {
    checks.fault("log", "expected stderr, syslog or an absolute path");
  }
}

std::string recordings_folder(const Config& config) {
  return config.recordings.empty() ? config.data + "/recordings" : config.recordings;
}

std::string database_path(const Config& config) {
  return config.data + "/appliance.db";
}

}  // namespace jump::appliance
