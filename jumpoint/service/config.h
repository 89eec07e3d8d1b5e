// The Jumpoint's configuration file (YAML; jumpoint.example.yaml beside this file). What it allows is the
// most that the appliance can ever order here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/endpoint/service_config.h"

namespace jump::jumpoint {

// What the node's own machine says of the Jump Zone Proxy; the same limits as jumpoint/proxy/settings.h.
struct ZoneProxyLimits {
  std::string user;        // the proxy process runs as this user; empty: nobody, where the service is root
  std::string host;        // by which clients reach this node; empty: the appliance's setting, or found out
  std::string listen;      // address of this machine; empty: all
  std::string access_log;  // absolute path; empty: none
  config::Size access_log_bytes{16 * 1024 * 1024};
  std::uint32_t access_logs_kept = 5;
  std::uint32_t workers = 0;  // 0: one for each core
  std::uint32_t connections = 8192;
  std::uint32_t connections_per_source = 256;  // an IPv4 address, an IPv6 /64
  std::uint32_t header_bytes = 8192;
  std::chrono::milliseconds header_time{5000};
  std::chrono::milliseconds dial_time{10'000};
};
BOOST_DESCRIBE_STRUCT(ZoneProxyLimits, (),
                      (user, host, listen, access_log, access_log_bytes, access_logs_kept, workers,
                       connections, connections_per_source, header_bytes, header_time, dial_time))
void validate(const ZoneProxyLimits& limits, config::Checks& checks);

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
