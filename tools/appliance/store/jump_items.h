// Assets behind a Jumpoint: machines that have nothing installed (PRODUCT.md 6). Shell Jumps and tunnel jumps
// share one table; what only one kind knows stays empty for the other. Their ids are of one sequence with
// those of Jump Clients.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "common/session/target.h"
#include "tools/appliance/store/asset.h"
#include "tools/appliance/store/db.h"
#include "tools/appliance/store/page.h"

namespace jump::store {

enum class Protocol { ssh, telnet };
BOOST_DESCRIBE_ENUM(Protocol, ssh, telnet)
enum class Terminal { xterm, VT100 };
BOOST_DESCRIBE_ENUM(Terminal, xterm, VT100)
enum class TunnelType { tcp, mssql, k8s };
BOOST_DESCRIBE_ENUM(TunnelType, tcp, mssql, k8s)

struct JumpItem {
  std::int64_t id = 0;
  AssetKind kind = AssetKind::shell_jump;
  std::string name;
  std::int64_t jumpoint_id = 0;
  std::string hostname;
  std::int64_t jump_group_id = 0;
  GroupType jump_group_type = GroupType::shared;
  std::string tag;
  std::string comments;
  std::optional<std::int64_t> jump_policy_id;
  std::optional<std::int64_t> session_policy_id;
  std::string username;
  std::optional<std::int64_t> vault_account_id;  // whose credential is injected
  std::optional<std::int64_t> node_id;           // only this node starts its sessions
  std::string node_tag;                          // only nodes with this tag do
  std::int64_t created_at = 0;
  std::optional<std::int64_t> last_access_timestamp;
  // Shell Jump
  Protocol protocol = Protocol::ssh;
  std::int32_t port = 22;
  Terminal terminal = Terminal::xterm;
  std::int32_t keep_alive = 0;  // seconds, 0: off
  bool legacy_algorithms = false;
  std::vector<std::string> environment;  // "NAME=VALUE"
  session::FilterMode filter_mode = session::FilterMode::off;
  std::string filter_prompt;  // empty: the default of session::CommandFilter; the same for the log-in prompts
  std::vector<std::string> filter_allow;
  std::vector<std::string> filter_deny;
  std::string login_prompt_username;
  std::string login_prompt_password;
  std::int32_t login_prompt_seconds = 30;
  // tunnel
  std::string tunnel_listen_address;
  std::string tunnel_definitions;  // "22;24;26;28": local and remote ports in turn
  TunnelType tunnel_type = TunnelType::tcp;
  std::string database;
  std::string url;
  std::string ca_certificates;
};
BOOST_DESCRIBE_STRUCT(JumpItem, (),
                      (id, kind, name, jumpoint_id, hostname, jump_group_id, jump_group_type, tag, comments,
                       jump_policy_id, session_policy_id, username, vault_account_id, node_id, node_tag,
                       created_at, last_access_timestamp, protocol, port, terminal, keep_alive,
                       legacy_algorithms, environment, filter_mode, filter_prompt, filter_allow, filter_deny,
                       login_prompt_username, login_prompt_password, login_prompt_seconds,
                       tunnel_listen_address, tunnel_definitions, tunnel_type, database, url,
                       ca_certificates))

// All that are given must match: exactly but for case; each word of `search` (at most 8) as a part of name,
// host, tag, comments, group or Jumpoint.
struct JumpItemFilter {
  AssetKind kind = AssetKind::shell_jump;
  std::optional<std::string> name;
  std::optional<std::string> hostname;
  std::optional<std::int64_t> jump_group_id;
  std::optional<GroupType> jump_group_type;
  std::optional<std::int64_t> jumpoint_id;
  std::optional<std::string> tag;
  std::string search;
  std::optional<std::int64_t> visible_to;  // a user: his groups and his personal list; empty: all
};

struct HostKey {
  std::string key;  // "ssh-ed25519 AAAA…"
  std::int64_t added_at = 0;
  std::string added_by;
};
BOOST_DESCRIBE_STRUCT(HostKey, (), (key, added_at, added_by))

class JumpItems {
 public:
  explicit JumpItems(Db& db) : db_(db) {}

  Result<JumpItem> create(JumpItem item);
  Result<std::optional<JumpItem>> get(std::int64_t id);
  Result<Rows<JumpItem>> list(const JumpItemFilter& filter, const Page& page);
  Result<void> change(const JumpItem& item);
  Result<bool> remove(std::int64_t id);
  Result<void> note_access(std::int64_t id, std::int64_t now);

  Result<std::vector<HostKey>> host_keys(std::int64_t id);
  Result<void> set_host_keys(std::int64_t id, const std::vector<std::string>& keys, std::string_view by,
                             std::int64_t now);
  // Only where none is known: the first that was confirmed stays. False: there is one, or no such asset.
  Result<bool> add_first_host_key(std::int64_t id, std::string_view key, std::string_view by,
                                  std::int64_t now);
  // Of machines that are no assets, as seen from a Jumpoint.
  Result<std::vector<std::string>> ad_hoc_host_keys(std::int64_t jumpoint, std::string_view host,
                                                    std::int64_t port);
  // False: there is one already.
  Result<bool> add_first_ad_hoc_host_key(std::int64_t jumpoint, std::string_view host, std::int64_t port,
                                         std::string_view key, std::string_view by, std::int64_t now);

 private:
  Db& db_;
};

}  // namespace jump::store
