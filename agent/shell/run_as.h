// Whose rights a session's programs have, and what they find when they start.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "platform/users.h"

namespace jump::agent {

struct RunAs {
  std::optional<platform::User> user;  // nullopt: this process is the session user already
  std::string shell;                   // empty: the user's own
};

struct Surroundings {
  std::vector<std::string> env;
  std::string folder;  // the user's home
};

// A fresh log-in of that user, with `more` ("KEY=VALUE"). What a log-in service has given to this process
// (its run-time folder, its bus) is handed on when the user stays.
Result<Surroundings> surroundings_of(const RunAs& as, const std::vector<std::string>& more);

}  // namespace jump::agent
