// Enrolment: from a deployment key to an identity on this machine (PRODUCT.md 2.2-2.4). Done by the install
// command, with its rights; what comes back is checked against the key's pin before anything is stored.
#pragma once

#include <string>

#include "common/base/task_group.h"
#include "common/endpoint/family.h"
#include "common/identity/deployment_key.h"
#include "common/identity/enrolment.h"

namespace jump::endpoint {

struct EnrolInput {
  control::Role role = control::Role::agent;  // or node
  identity::DeploymentKey key;
  identity::EnrollOverrides overrides;
  RouteSettings routes;                     // addresses of the key are added
  std::string data;                         // folder
  std::string identity_user;                // whose identity/ becomes; empty: ours
  std::optional<std::string> session_user;  // goes into the state
  std::string software;
};

// Why it did not work, as the exit status of the install command (its --help lists them).
enum class EnrolExit {
  done = 0,
  failed = 1,
  no_route = 10,  // no address answers
  proxy = 11,     // a proxy refused or wants other credentials
  tls = 12,       // something answers that is not this appliance
  expired = 13,   // the deployment key's time is over, or it was deleted
  limit = 14,
  override_refused = 15,
  needs_approval = 16,
  refused = 17,
  not_online = 18,  // enrolled, but not online within the time of --wait
};

struct EnrolOutcome {
  EnrolExit exit = EnrolExit::done;
  std::string text;      // why not; or how: "created", "adopted", "cloned"
  std::uint64_t id = 0;  // of the agent or node
};

// Stores key, certificate and state under `data`. A machine that is enrolled already becomes the same asset
// again.
Task<EnrolOutcome> enrol(asio::any_io_executor executor, EnrolInput input);

}  // namespace jump::endpoint
