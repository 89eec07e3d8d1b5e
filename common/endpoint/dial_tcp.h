// Plain TCP to machines of the endpoint's own network.
#pragma once

#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "common/base/error.h"
#include "common/base/task_group.h"

namespace jump::endpoint {

// "10.0.0.5:443", "[fd00::1]:443"
std::string to_text(const asio::ip::tcp::endpoint& endpoint);

// An address stands for itself. Not cancellable once the system asks its servers: its own limits
// (resolv.conf(5)) end it.
Task<Result<std::vector<asio::ip::tcp::endpoint>>> resolve(std::string host, std::uint16_t port);

// Within 10 s; without delays for small writes.
Task<Result<asio::ip::tcp::socket>> connect_tcp(asio::ip::tcp::endpoint to);

}  // namespace jump::endpoint
