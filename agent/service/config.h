// The Jump Client's configuration file (YAML; jump-client.example.yaml beside this file). What it allows is
// the most that the appliance can ever order here.
#pragma once

#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/endpoint/service_config.h"

namespace jump::agent {

struct Config : endpoint::ServiceConfig {
  Config() { kinds = {"shell", "exec", "files", "sysinfo", "forward", "wake"}; }
  std::vector<std::string> forward_allow;  // "10.0.0.0/8:22", "[2001:db8::]/32:443", "127.0.0.1:5432"
  std::string shell;                       // of terminals; empty: the session user's own
};
BOOST_DESCRIBE_STRUCT(Config, (endpoint::ServiceConfig), (forward_allow, shell))

void validate(const Config& config, config::Checks& checks);

// With the system's folders filled in.
Result<Config> load_config(const std::string& file, bool must_exist);
endpoint::ServiceSpec service_of(const Config& config);

}  // namespace jump::agent
