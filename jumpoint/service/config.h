// The Jumpoint's configuration file (YAML; jumpoint.example.yaml beside this file). What it allows is the
// most that the appliance can ever order here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/endpoint/service_config.h"

namespace jump::jumpoint {

struct ZoneProxyLimits {
  std::string user;        // the proxy process runs as this user; empty: the service's own
  std::string access_log;  // absolute path; empty: none
};
BOOST_DESCRIBE_STRUCT(ZoneProxyLimits, (), (user, access_log))

struct Config : endpoint::ServiceConfig {
  Config();
  // Where sessions may go, "HOST:PORT", "PREFIX:*", "*:*": see common/endpoint/allow_list.h. Loopback,
  // link-local and the node's own addresses need an entry of their own.
  std::vector<std::string> target_allow{"*:*"};
  std::optional<ZoneProxyLimits> zone_proxy;
};
BOOST_DESCRIBE_STRUCT(Config, (endpoint::ServiceConfig), (target_allow, zone_proxy))

void validate(const Config& config, config::Checks& checks);

// With the system's folders filled in.
Result<Config> load_config(const std::string& file, bool must_exist);
// With what this machine can do, which is tried.
endpoint::ServiceSpec service_of(const Config& config);

}  // namespace jump::jumpoint
