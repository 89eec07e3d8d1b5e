#include "agent/shell/run_as.h"

#include <cstdlib>

namespace jump::agent {

Result<Surroundings> surroundings_of(const RunAs& as, const std::vector<std::string>& more) {
  const Result<platform::User> user = as.user ? Result<platform::User>(*as.user) : platform::current_user();
  if (!user) return user.error();
  Surroundings result;
  result.env = platform::login_environment(*user, more);
  result.folder = user->home;
  if (!as.user) {
    for (const char* name : {"XDG_SESSION_ID", "XDG_SESSION_TYPE", "XDG_SESSION_CLASS", "XDG_RUNTIME_DIR",
                             "DBUS_SESSION_BUS_ADDRESS"}) {
      if (const char* value = std::getenv(name)) result.env.push_back(std::string(name) + "=" + value);
    }
  }
  return result;
}

}  // namespace jump::agent
