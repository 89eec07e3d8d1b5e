// Every path of the API in one table: method, pattern, who may, handler.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/appliance/api/call.h"

namespace jump::api {

enum class Need {
  open,           // no token
  somebody,       // a user, or an API account that may configure
  user,           // a user: things of his own
  configuration,  // an administrator, or an API account that may configure
  reports,        // a user (for what he may see), or an API account that may report on sessions
  vault,          // an administrator, or an API account that may configure stored credentials
  events,         // an administrator, or an API account that may read the log
};

using Handler = Reply (*)(Call&);

struct Route {
  std::string_view method;
  std::string_view pattern;  // "/api/config/v1/user/{id}"
  Need need;
  Handler handler;
};

std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;
  std::vector<std::string> arguments;
  std::string allow;  // methods of the path, when only the method does not fit
};
Match match(std::string_view method, const std::vector<std::string>& segments);

bool allowed(Need need, const Principal& who);

}  // namespace jump::api
