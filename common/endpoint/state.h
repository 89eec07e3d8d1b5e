// What an endpoint knows after enrolment, on its disk. Two folders with two owners:
//   DATA/state.json       the supervisor's (0600): who we are, the trust bundle, where the appliance is
//   DATA/identity/        the tunnel process's (0700, of tunnel_user where there is one): key.pem, cert.pem
// and sockets that the tunnel process makes, so its as well: RUN/tunnel/{session,status}.sock
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"
#include "common/identity/order.h"
#include "common/identity/trust_bundle.h"

namespace jump::endpoint {

struct EndpointState {
  std::string peer_id;                 // "agent:17"
  identity::TrustBundle trust;         // verified when it came
  std::vector<std::string> addresses;  // "host:port"
  std::uint64_t addresses_serial = 0;
  std::int64_t enrolled = 0;  // seconds since 1970
  std::string fingerprint;    // hex of the summary
  std::string site_salt;      // hex; with it the fingerprint is made anew at each start
  std::vector<std::string> zone_proxies;
  std::optional<identity::ZoneProxySettings> zone_proxy;  // of a node
  std::uint32_t absence_minutes = 0;                      // identity::SettingsOrder
  std::optional<std::string> session_user;  // said at installation; holds where the configuration names none
  std::uint64_t absent_seconds = 0;  // of tries in vain since the last success; counted only while running
};
BOOST_DESCRIBE_STRUCT(EndpointState, (),
                      (peer_id, trust, addresses, addresses_serial, enrolled, fingerprint, site_salt,
                       zone_proxies, zone_proxy, absence_minutes, session_user, absent_seconds))

std::string state_path(const std::string& data);
std::string identity_folder(const std::string& data);
std::string tunnel_folder(const std::string& run);
std::string session_socket(const std::string& run);
std::string status_socket(const std::string& run);
// Fault::not_found: this machine is not enrolled.
Result<EndpointState> load_state(const std::string& data);
Result<void> save_state(const std::string& data, const EndpointState& state);

}  // namespace jump::endpoint
