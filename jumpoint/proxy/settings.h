// What the proxy process is told: one line of JSON on its standard input at the start and at each change. The
// settings come from the appliance, the targets are the appliance's own addresses, the rest is the node's own
// configuration.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"
#include "common/identity/order.h"
#include "jumpoint/proxy/policy.h"

namespace jump::proxy {

inline constexpr std::size_t kInputBytes = 256 * 1024;  // a line; longer ends the process
inline constexpr std::size_t kTargetsMost = 32;

// All of it may be missing.
struct Local {
  std::optional<std::string> host;        // by which clients reach this node; goes before the settings' one
  std::optional<std::string> listen;      // address of this host; missing: all
  std::optional<std::string> access_log;  // file
  std::optional<std::uint64_t> access_log_bytes;
  std::optional<std::uint32_t> access_logs_kept;
  std::optional<std::string> user;  // to become, where the process was started as root
  std::optional<std::uint32_t> workers;
  std::optional<std::uint32_t> header_bytes;
  std::optional<std::uint32_t> header_milliseconds;
  std::optional<std::uint32_t> dial_milliseconds;
  std::optional<std::uint32_t> connections;
  std::optional<std::uint32_t> connections_per_source;
};
BOOST_DESCRIBE_STRUCT(Local, (),
                      (host, listen, access_log, access_log_bytes, access_logs_kept, user, workers,
                       header_bytes, header_milliseconds, dial_milliseconds, connections,
                       connections_per_source))

struct Input {
  identity::ZoneProxySettings settings;
  std::vector<std::string> targets;  // "host:port"
  std::optional<Local> local;
};
BOOST_DESCRIBE_STRUCT(Input, (), (settings, targets, local))

// Looked through: everything that can be wrong with an Input has been found.
struct Settings {
  std::string host;  // by which clients reach this node; empty: to be found out
  std::uint16_t port = 0;
  bool allow_get = false;
  std::shared_ptr<const access::RuleSet> rules;
  std::vector<Authority> targets;
  Limits limits;
  std::string listen;
  std::vector<std::string> warnings;
};

// The first fault, with the value and the limit.
Result<Settings> check_input(const Input& input);
// Parses the line, too.
Result<Input> read_input(std::string_view line);

}  // namespace jump::proxy
