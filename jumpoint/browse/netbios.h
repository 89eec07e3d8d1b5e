// NetBIOS node status (RFC 1002 sections 4.2.17, 4.2.18): the names of a Windows machine, a NAS, a Samba
// server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/bytes.h"

namespace jump::browse {

inline constexpr std::uint16_t kNetbiosPort = 137;

Bytes node_status_query(std::uint16_t id);

struct NodeStatus {
  std::uint16_t id = 0;
  std::string name;   // of the machine; empty: it told none
  std::string group;  // work group or domain
};
std::optional<NodeStatus> read_node_status(ByteView bytes);

}  // namespace jump::browse
