// The Jump Client's configuration file (YAML; jump-client.example.yaml beside this file). What it allows is
// the most that the appliance can ever order here.
#pragma once

#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/config/config.h"
#include "common/endpoint/supervisor.h"
#include "platform/paths.h"

namespace jump::agent {

struct Proxy {
  std::string address;  // "host:port"
  std::string user;
  Secret password;
};
BOOST_DESCRIBE_STRUCT(Proxy, (), (address, user, password))

struct Config {
  std::string data;                    // empty: /var/lib/jump-client
  std::string run;                     // empty: /run/jump-client
  std::vector<std::string> addresses;  // of the appliance, besides those that it told
  std::optional<Proxy> http_proxy;
  std::optional<std::string> socks5;
  std::string session_user;  // shells and files run as this user; empty: the service's own
  std::string tunnel_user;   // the network process runs as this user; empty: the service's own
  std::vector<std::string> kinds{"shell", "exec", "files", "sysinfo", "forward"};
  std::vector<std::string> forward_allow;  // "10.0.0.0/8:22", "[2001:db8::]/32:443", "127.0.0.1:5432"
  std::uint32_t most_sessions = 64;
  std::optional<config::Size> session_memory;
  std::string log_level = "info";
  std::string log = "stderr";
};
BOOST_DESCRIBE_STRUCT(Config, (),
                      (data, run, addresses, http_proxy, socks5, session_user, tunnel_user, kinds,
                       forward_allow, most_sessions, session_memory, log_level, log))

void validate(const Config& config, config::Checks& checks);

// With the system's folders filled in.
Result<Config> load_config(const std::string& file, bool must_exist);
endpoint::RouteSettings routes(const Config& config);
endpoint::LocalRules rules(const Config& config);

}  // namespace jump::agent
