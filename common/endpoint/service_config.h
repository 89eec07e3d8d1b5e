// What the configuration files of all endpoint services have in common (YAML). A program's own Config is
// derived from it and adds its keys.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/config/config.h"
#include "common/endpoint/service.h"

namespace jump::endpoint {

struct ProxyLogin {
  std::string address;  // "host:port"
  std::string user;
  Secret password;
};
BOOST_DESCRIBE_STRUCT(ProxyLogin, (), (address, user, password))

struct ServiceConfig {
  std::string data;                    // empty: /var/lib/PROGRAM
  std::string run;                     // empty: /run/PROGRAM
  std::vector<std::string> addresses;  // of the appliance, besides those that it told
  std::optional<ProxyLogin> http_proxy;
  std::optional<std::string> socks5;
  std::string session_user;  // sessions run as this user; empty: the service's own
  std::string tunnel_user;   // the network process runs as this user; empty: the service's own
  std::vector<std::string> kinds;
  std::uint32_t most_sessions = 64;
  std::optional<config::Size> session_memory;
  std::string log_level = "info";
  std::string log = "stderr";
};
BOOST_DESCRIBE_STRUCT(ServiceConfig, (),
                      (data, run, addresses, http_proxy, socks5, session_user, tunnel_user, kinds,
                       most_sessions, session_memory, log_level, log))

// The rules of these keys; `kinds` are those that the program has.
void check_service(const ServiceConfig& config, std::span<const std::string_view> kinds,
                   config::Checks& checks);

// Fills in the system's folders.
void fill_paths(ServiceConfig& config, std::string_view program);
// Routes and rules of `service` as the file says.
void apply(const ServiceConfig& config, ServiceSpec& service);
// Where the log goes from now on.
void open_log(const ServiceConfig& config, std::string_view program);

bool config_exists(const std::string& file);
// The file with the folders filled in; without one (and `must_exist` false) everything as it is by default.
template <typename C>
Result<C> load_service_config(const std::string& file, bool must_exist, std::string_view program) {
  C config;
  if (must_exist || config_exists(file)) {
    Result<C> read = config::read_config<C>(file);
    if (!read) return read;
    config = std::move(*read);
  }
  fill_paths(config, program);
  return config;
}

}  // namespace jump::endpoint
