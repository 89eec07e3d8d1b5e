// Sessions: who uses which asset, the hashes of the secrets that its two ends attach with, and where the
// recording is. A row is committed before the endpoint is told to start; so a session id is never started
// twice.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "common/base/json.h"
#include "tools/appliance/store/asset.h"
#include "tools/appliance/store/db.h"
#include "tools/appliance/store/endpoint.h"
#include "tools/appliance/store/page.h"

namespace jump::store {

using SessionId = std::array<std::uint8_t, 16>;
using Hash = std::array<std::uint8_t, 32>;

enum class SessionState { starting, running, ended };
BOOST_DESCRIBE_ENUM(SessionState, starting, running, ended)

struct Session {
  SessionId id{};
  std::int64_t number = 0;  // grows with each session; 0 in, given by create()
  std::int64_t asset = 0;
  std::int64_t agent = 0;  // of the asset (JumpClient::agent); 0: a node's session
  std::string asset_name;  // as it was then
  std::int64_t jump_group_id = 0;
  GroupType jump_group_type = GroupType::shared;
  std::int64_t user_id = 0;
  std::string username;
  std::string kind;  // shell, exec, files, sysinfo, forward
  json::value arguments;
  Hash endpoint_secret_hash{};
  Hash console_secret_hash{};
  std::optional<SessionId> console_instance;  // that is attached or was last
  std::uint64_t console_attach_count = 0;
  std::string endpoint_boot_id;
  SessionState state = SessionState::starting;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> started_at;
  std::optional<std::int64_t> ended_at;
  std::string reason;  // why it ended
  std::uint32_t wait_limit_seconds = 600;
  std::string recording;  // path below the recordings folder; empty: none
  std::uint64_t recording_bytes = 0;
  std::optional<std::int64_t> node;  // of a Jumpoint; none yet: being assigned
  std::string node_name;             // its host, as it was then
  AssetKind asset_kind = AssetKind::jump_client;

  Endpoint endpoint() const {
    return asset_kind == AssetKind::jump_client ? agent_endpoint(agent) : node_endpoint(node.value_or(0));
  }
};
BOOST_DESCRIBE_STRUCT(Session, (),
                      (id, number, asset, agent, asset_name, jump_group_id, jump_group_type, user_id,
                       username, kind, arguments, endpoint_secret_hash, console_secret_hash, console_instance,
                       console_attach_count, endpoint_boot_id, state, created_at, started_at, ended_at,
                       reason, wait_limit_seconds, recording, recording_bytes, node, node_name, asset_kind))

struct SessionFilter {
  std::optional<std::int64_t> asset;
  std::optional<std::int64_t> user_id;
  std::optional<bool> live;
  std::optional<std::string> kind;
  std::optional<std::int64_t>
      visible_to;  // a user: his own, and those of groups whose reports he may view; empty: all
};

class Sessions {
 public:
  explicit Sessions(Db& db) : db_(db) {}

  // False when the id is taken: look it up, and join it or tell how it ended.
  Result<bool> create(Session& session);
  Result<std::optional<Session>> get(const SessionId& id);
  // The latest first.
  Result<Rows<Session>> list(const SessionFilter& filter, const Page& page);
  Result<bool> visible(const SessionId& id, std::int64_t user);
  // starting or running: for the broker after a restart, and for what ends with a user or an asset.
  Result<std::vector<Session>> live();
  Result<std::vector<SessionId>> live_of_asset(std::int64_t asset);
  Result<std::vector<SessionId>> live_of_agent(std::int64_t agent);
  // Live ones whose asset is behind this Jumpoint.
  Result<std::vector<SessionId>> live_of_jumpoint(std::int64_t jumpoint);
  Result<std::vector<SessionId>> live_of_node(std::int64_t node);
  Result<std::vector<SessionId>> live_of_user(std::int64_t user);

  // Another node is asked to start it: a secret of its own for that one.
  Result<void> assign(const SessionId& id, std::int64_t node, std::string_view node_name,
                      const Hash& endpoint_secret_hash);
  Result<void> set_started(const SessionId& id, std::string_view boot_id, std::int64_t now);
  // A console's attach: the instance and its count. A takeover brings a secret of its own.
  Result<void> set_console(const SessionId& id, const SessionId& instance, std::uint64_t attach_count);
  Result<void> take_over(const SessionId& id, const Hash& console_secret_hash);
  Result<void> set_recording(const SessionId& id, std::string_view path);
  // Once: a second end keeps the first reason; then false.
  Result<bool> end(const SessionId& id, std::string_view reason, std::uint64_t recording_bytes,
                   std::int64_t now);

  // Retention: ended sessions that have a recording, the oldest first.
  Result<std::vector<Session>> recorded(std::int64_t ended_before, std::int64_t limit);
  Result<void> forget_recording(const SessionId& id);
  Result<std::uint64_t> recorded_bytes();

 private:
  Db& db_;
};

}  // namespace jump::store
