// What platform/link_socket.cc needs of each system.
#pragma once

#include <string>

#include "common/base/error.h"
#include "platform/net_interfaces.h"

namespace jump::platform {

// A UDP socket that is not bound and sends on this interface only, multicasts too. Whoever asked for it
// closes it. Errors begin with `what`.
Result<int> open_tied_socket(const NetInterface& interface, bool ipv6, const std::string& what);

}  // namespace jump::platform
