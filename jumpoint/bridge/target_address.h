// Which addresses a node dials for a session. A name is resolved first, each address is judged, and the very
// address that was judged is dialled.
//
// Refused, whatever the appliance says: what the node's own list (`target_allow`) does not allow; and
// loopback, link-local and the node's own addresses unless an entry of that list means them by address,
// prefix or name
// ("*" does not).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "common/endpoint/allow_list.h"

namespace jump::bridge {

// Why not; nothing: it may be dialled.
std::optional<std::string> refusal(std::string_view host, const asio::ip::address& address,
                                   std::uint16_t port, const endpoint::AllowList& allowed,
                                   const std::vector<asio::ip::address>& own);

// The addresses of this machine, now.
std::vector<asio::ip::address> own_addresses();

// The first address that is allowed and answers. The error says why the last one did not.
Task<Result<asio::ip::tcp::socket>> dial_target(std::string host, std::uint16_t port,
                                                const endpoint::AllowList& allowed);

}  // namespace jump::bridge
