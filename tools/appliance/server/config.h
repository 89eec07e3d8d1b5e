// The appliance's configuration file (YAML, jump-appliance.example.yaml beside this file).
#pragma once

#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/config/config.h"

namespace jump::appliance {

struct WebFiles {
  std::string chain;  // PEM, its own certificate first
  std::string key;    // PEM
};
BOOST_DESCRIBE_STRUCT(WebFiles, (), (chain, key))

struct Config {
  std::string data = "/var/lib/jump-appliance";
  std::string recordings;  // empty: DATA/recordings
  std::vector<std::string> listen{"0.0.0.0:443", "[::]:443"};
  std::vector<std::string> hosts;           // names in the appliance's certificate
  std::optional<WebFiles> web_certificate;  // shown to browsers instead of the site's own
  std::string log_level = "info";
  std::string log = "stderr";  // stderr, syslog, or a file's path
};
BOOST_DESCRIBE_STRUCT(Config, (), (data, recordings, listen, hosts, web_certificate, log_level, log))

void validate(const Config& config, config::Checks& checks);

std::string recordings_folder(const Config& config);
std::string database_path(const Config& config);

}  // namespace jump::appliance
