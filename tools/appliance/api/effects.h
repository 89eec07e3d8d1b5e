// What the caller must do after a request or an enrolment was committed: the API decides and stores, and
// touches no tunnel. Each may be done twice or for somebody who is not there, without harm.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/secret.h"
#include "common/wake/choice.h"
#include "tools/appliance/store/endpoint.h"
#include "tools/appliance/store/sessions.h"

namespace jump::api {

// Removed: send the uninstall order now if it is connected (it has a tombstone, so later hellos get it too),
// then close.
struct UninstallEndpoint {
  store::Endpoint endpoint;
};
BOOST_DESCRIBE_STRUCT(UninstallEndpoint, (), (endpoint))

// Close its tunnel with this reason; it is refused with it until enabled again.
struct DisableAgent {
  std::int64_t agent = 0;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(DisableAgent, (), (agent, reason))

// Its settings changed (max_offline_minutes, ephemeral, name): tell it if it is connected.
struct RefreshAgent {
  std::int64_t agent = 0;
};
BOOST_DESCRIBE_STRUCT(RefreshAgent, (), (agent))

// This certificate must not be believed from now on, not by PSK either; a tunnel that came by it is closed.
struct RevokeCertificate {
  std::string serial;
  store::Endpoint endpoint;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(RevokeCertificate, (), (serial, endpoint, reason))

// End it at both ends within 5 s, and store that it ended.
struct EndSession {
  store::SessionId session{};
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(EndSession, (), (session, reason))

// A token is void: close the console tunnels that came by it.
struct CloseToken {
  std::int64_t token = 0;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(CloseToken, (), (token, reason))

// Tell all agents the addresses (site settings), and those that connect later.
struct AnnounceAddresses {
  std::uint64_t serial = 0;
};
BOOST_DESCRIBE_STRUCT(AnnounceAddresses, (), (serial))

// Site settings changed: read them again; statistics and periods go to all agents.
struct SettingsChanged {
  bool agents_too = false;
};
BOOST_DESCRIBE_STRUCT(SettingsChanged, (), (agents_too))

// A Jumpoint's Jump Zone Proxy is set otherwise, or another node serves it: settings orders to its nodes and
// to the clients that come through it.
struct ZoneChanged {
  std::int64_t jumpoint = 0;
};
BOOST_DESCRIBE_STRUCT(ZoneChanged, (), (jumpoint))

// Order the plan's helpers to wake a machine, and watch whether it comes; one event at the end (common/wake).
struct WakeMachine {
  std::uint64_t attempt = 0;
  std::int64_t asset = 0;
  std::int64_t agent = 0;
  std::string name;
  wake::Plan plan;
  std::optional<Secret> password;  // SecureOn
  std::string who;                 // for the event
  std::string source;
};

// Order a node to browse its network; one event at the end.
struct BrowseNetwork {
  std::uint64_t sweep = 0;
  std::int64_t jumpoint = 0;
  std::string name;  // of the Jumpoint
  std::int64_t node = 0;
  std::string node_name;
  std::string who;
  std::string source;
};

using Effect =
    std::variant<UninstallEndpoint, DisableAgent, RefreshAgent, RevokeCertificate, EndSession, CloseToken,
                 AnnounceAddresses, SettingsChanged, ZoneChanged, WakeMachine, BrowseNetwork>;
using Effects = std::vector<Effect>;

}  // namespace jump::api
