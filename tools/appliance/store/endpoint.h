// What a tunnel and a session end at: an agent or a node, by the number in its certificate.
#pragma once

#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/describe.hpp>

namespace jump::store {

enum class PeerKind { agent, node };
BOOST_DESCRIBE_ENUM(PeerKind, agent, node)

struct Endpoint {
  PeerKind kind = PeerKind::agent;
  std::int64_t id = 0;

  bool node() const { return kind == PeerKind::node; }
  // "agent:17", "node:3": as in certificates, events and the audience of orders.
  std::string name() const { return (node() ? "node:" : "agent:") + std::to_string(id); }
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};
BOOST_DESCRIBE_STRUCT(Endpoint, (), (kind, id))

inline Endpoint agent_endpoint(std::int64_t id) {
  return {PeerKind::agent, id};
}
inline Endpoint node_endpoint(std::int64_t id) {
  return {PeerKind::node, id};
}

// name() back; nothing for anything else.
inline std::optional<Endpoint> endpoint_named(std::string_view name) {
  const bool node = name.starts_with("node:");
  if (!node && !name.starts_with("agent:")) return std::nullopt;
  const std::string_view number = name.substr(name.find(':') + 1);
  std::int64_t id = 0;
  const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), id);
  if (failed != std::errc() || end != number.data() + number.size()) return std::nullopt;
  return node ? node_endpoint(id) : agent_endpoint(id);
}

struct EndpointHash {
  std::size_t operator()(const Endpoint& endpoint) const {
    return std::hash<std::int64_t>()(endpoint.id * 2 + (endpoint.node() ? 1 : 0));
  }
};

}  // namespace jump::store
