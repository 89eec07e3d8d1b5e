#include "tools/appliance/store/networks.h"

#include "tools/appliance/store/rows.h"

namespace jump::store {

Result<void> Networks::set(const Endpoint& endpoint, std::span<const std::string> keys) {
  const bool node = endpoint.node();
  Transaction transaction(db_, Durability::soft);
  Result<void> done = run(
      db_, node ? "DELETE FROM node_networks WHERE node = ?" : "DELETE FROM agent_networks WHERE agent = ?",
      endpoint.id);
  for (const std::string& key : keys) {
    if (!done) return done;
    done = run(db_,
               node ? "INSERT OR IGNORE INTO node_networks (key, node) VALUES (?, ?)"
                    : "INSERT OR IGNORE INTO agent_networks (key, agent) VALUES (?, ?)",
               key, endpoint.id);
  }
  if (!done) return done;
  return transaction.commit();
}

Result<std::vector<Endpoint>> Networks::sharing(std::span<const std::string> keys) {
  std::vector<Endpoint> found;
  // One question for all keys: a machine on two networks comes once, without a walk over what was found.
  const std::vector<std::string> list(keys.begin(), keys.end());
  Result<std::vector<std::int64_t>> agents = all<std::int64_t>(
      db_,
      "SELECT DISTINCT agent FROM agent_networks WHERE key IN (SELECT value FROM json_each(?)) AND EXISTS "
      "(SELECT 1 FROM jump_clients WHERE jump_clients.agent = agent_networks.agent AND NOT disabled)",
      list);
  if (!agents) return agents.error();
  Result<std::vector<std::int64_t>> nodes = all<std::int64_t>(
      db_,
      "SELECT DISTINCT node FROM node_networks JOIN jumpoint_nodes ON jumpoint_nodes.id = node JOIN "
      "jumpoints "
      "ON jumpoints.id = jumpoint_id WHERE key IN (SELECT value FROM json_each(?)) AND jumpoints.enabled",
      list);
  if (!nodes) return nodes.error();
  found.reserve(agents->size() + nodes->size());
  for (const std::int64_t id : *agents) found.push_back(agent_endpoint(id));
  for (const std::int64_t id : *nodes) found.push_back(node_endpoint(id));
  return found;
}

Result<std::optional<NetworkMember>> Networks::member(const Endpoint& endpoint) {
  if (endpoint.node()) {
    return first<NetworkMember>(db_, "SELECT hostname, public_ip, inventory FROM jumpoint_nodes WHERE id = ?",
                                endpoint.id);
  }
  return first<NetworkMember>(
      db_,
      "SELECT name, public_ip, inventory FROM jump_client_reports JOIN jump_clients ON agent = "
      "jump_client_reports.id WHERE agent = ? ORDER BY jump_clients.id LIMIT 1",
      endpoint.id);
}

}  // namespace jump::store
