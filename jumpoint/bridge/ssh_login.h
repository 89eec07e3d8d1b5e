// Logging in at an SSH target: with what is stored for the asset first, then with what the person says, in
// the ways that the target offers.
#pragma once

#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/session/target.h"
#include "jumpoint/bridge/conversation.h"
#include "jumpoint/bridge/ssh_connection.h"

namespace jump::bridge {

// What is used; emptied, and so wiped, when the target has let us in or not.
struct LoginMeans {
  std::string username;  // empty: asked for
  std::optional<session::Credential> credential;
};

Task<Result<void>> log_in(SshConnection& connection, LoginMeans means, Conversation& person);

}  // namespace jump::bridge
