// The tables of fields of Jumpoints, of what is behind them, and of stored credentials.
#include <array>

#include "tools/appliance/api/field_makers.h"

namespace jump::api {
namespace {

constexpr std::array kJumpointFields{
    id("id"),
    text("name", kReadWrite | kRequired, 1, 255),
    one_of("platform", kReadWrite | kRequired, "windows-x86 linux-x86"),
    text("code_name", kReadWrite, 0, 64, {}, Pattern::code_name),
    text("comments", kReadWrite, 0, 1024, {}, Pattern::text),
    flag("enabled", kReadWrite, "true"),
    flag("connected", kRead, {}),
    flag("clustered", kReadWrite),
    flag("shell_jump_enabled", kReadWrite),
    text("external_jump_item_network_id", kReadWrite, 0, 1024),
    flag("jzp_enabled", kReadWrite),
    text("jzp_proxy_hostname", kReadWrite, 0, 256),
    number("jzp_proxy_port", kReadWrite, 1, 65535, "9555"),
    flag("jzp_allow_http_get", kReadWrite),
    one_of("jzp_client_address_restrictions_type", kReadWrite, "no_restriction allow_all deny_all",
           R"("no_restriction")"),
    strings("jzp_restricted_ips", kReadWrite, 2000),
    shown_text("docker_deploy_key"),
    shown_text("key_info"),
    // ours
    flag("protocol_tunnel_jump_enabled", kReadWrite),
    flag("online", kRead, {}),
    number("nodes", kRead, 0, kIdMost),
    number("nodes_online", kRead, 0, kIdMost),
    number("sessions", kRead, 0, kIdMost),
    strings("zone_proxies", kRead, 0),
    strings("warnings", kRead, 0),
    time("created_timestamp"),
};

constexpr std::array kNodeFields{
    id("id"),
    time("last_connect_timestamp", kRead | kNullable),
    time("last_disconnect_timestamp", kRead | kNullable),
    text("public_ip", kRead, 1, 45),
    text("private_ip", kRead, 1, 45),
    text("hostname", kRead, 1, 255),
    // ours
    text("tag", kReadWrite, 0, 64),
    flag("draining", kReadWrite, {}),
    flag("online", kRead, {}),
    time("online_since"),
    time("last_seen"),
    shown_text("route"),
    number("sessions", kRead, 0, kIdMost),
    strings("abilities", kRead, 0),
    shown_text("operating_system"),
    shown_text("software_version"),
    object("zone_proxy"),
    time("created_timestamp"),
};

constexpr std::array kJumpointUserFields{
    id("user_id", kReadWrite | kRequired),
    shown_text("username"),  // ours
};

constexpr std::array kShellJumpFields{
    id("id"),
    text("name", kReadWrite | kRequired, 1, 128, "perm_edit_identity"),
    id("jumpoint_id", kReadWrite | kRequired, "perm_edit_identity"),
    text("hostname", kReadWrite | kRequired, 1, 128, "perm_edit_identity"),
    one_of("protocol", kReadWrite | kRequired, "ssh telnet", {}, "perm_edit_identity"),
    number("port", kReadWrite, 1, 65535, {}, "perm_edit_identity"),
    id("jump_group_id", kReadWrite | kRequired, "perm_assign_jump_group"),
    one_of("jump_group_type", kReadWrite, "shared personal", R"("shared")", "perm_assign_jump_group"),
    one_of("terminal", kReadWrite, "xterm VT100", R"("xterm")", "perm_edit_behavior"),
    number("keep_alive", kReadWrite, 0, 300, {}, "perm_edit_behavior"),
    text("tag", kReadWrite, 0, 64, "perm_edit_tag"),
    text("comments", kReadWrite, 0, 1024, "perm_edit_comments", Pattern::text),
    id("jump_policy_id", kReadWrite | kNullable, "perm_edit_jump_policy"),
    text("username", kReadWrite, 0, 128, "perm_edit_identity"),
    number("session_policy_id", kReadWrite | kNullable, 2, kIdMost, {}, "perm_edit_session_policy"),
    // ours
    id("vault_account_id", kReadWrite | kNullable),
    strings("host_keys", kReadWrite, 16),
    flag("legacy_algorithms", kReadWrite, "false", "perm_edit_behavior"),
    id("node_id", kReadWrite | kNullable, "perm_edit_behavior"),
    text("node_tag", kReadWrite, 0, 64, "perm_edit_behavior"),
    strings("environment", kReadWrite, 32, "perm_edit_behavior"),
    one_of("filter_mode", kReadWrite, "off report enforce", R"("off")"),
    text("filter_prompt", kReadWrite, 0, 256),
    strings("filter_allow", kReadWrite, 64),
    strings("filter_deny", kReadWrite, 64),
    text("login_prompt_username", kReadWrite, 0, 256, "perm_edit_behavior"),
    text("login_prompt_password", kReadWrite, 0, 256, "perm_edit_behavior"),
    number("login_prompt_seconds", kReadWrite, 1, 300, "30", "perm_edit_behavior"),
    shown_text("jump_group_name"),
    shown_text("jumpoint_name"),
    one_of("state", kRead, "online offline disabled"),
    flag("online", kRead, {}),
    time("created_timestamp"),
    time("last_access_timestamp"),
};

constexpr std::array kTunnelJumpFields{
    id("id"),
    text("name", kReadWrite | kRequired, 1, 128, "perm_edit_identity"),
    id("jumpoint_id", kReadWrite | kRequired, "perm_edit_identity"),
    text("hostname", kReadWrite | kRequired, 1, 128, "perm_edit_identity"),
    id("jump_group_id", kReadWrite | kRequired, "perm_assign_jump_group"),
    one_of("jump_group_type", kReadWrite, "shared personal", R"("shared")", "perm_assign_jump_group"),
    text("tag", kReadWrite, 0, 64, "perm_edit_tag"),
    text("comments", kReadWrite, 0, 1024, "perm_edit_comments", Pattern::text),
    id("jump_policy_id", kReadWrite | kNullable, "perm_edit_jump_policy"),
    number("session_policy_id", kReadWrite | kNullable, 2, kIdMost, {}, "perm_edit_session_policy"),
    Field{.name = "tunnel_listen_address",
          .rights = kReadWrite,
          .most = 32,
          .initial = R"("127.0.0.1")",
          .role_right = "perm_edit_identity"},
    text("tunnel_definitions", kReadWrite, 0, 5000, "perm_edit_identity"),
    one_of("tunnel_type", kReadWrite, "tcp mssql k8s", R"("tcp")", "perm_edit_identity"),
    text("username", kReadWrite, 0, 128, "perm_edit_identity"),
    text("database", kReadWrite, 0, 128, "perm_edit_identity"),
    text("url", kReadWrite, 1, 256, "perm_edit_identity"),
    text("ca_certificates", kReadWrite, 1, 12288, "perm_edit_identity", Pattern::text),
    // ours
    id("node_id", kReadWrite | kNullable, "perm_edit_behavior"),
    text("node_tag", kReadWrite, 0, 64, "perm_edit_behavior"),
    shown_text("jump_group_name"),
    shown_text("jumpoint_name"),
    one_of("state", kRead, "online offline disabled"),
    flag("online", kRead, {}),
    time("created_timestamp"),
    time("last_access_timestamp"),
};

// All kinds in one table: which of the secrets belong to which type, vault_routes.cc checks.
constexpr std::array kVaultAccountFields{
    id("id"),
    one_of("type", kReadWrite | kRequired, "username_password ssh"),
    text("name", kReadWrite | kRequired, 1, 255),
    text("username", kReadWrite | kRequired, 1, 128),
    Field{.name = "password", .rights = kWrite, .least = 1, .most = 255},
    Field{.name = "private_key", .rights = kWrite, .least = 1, .most = 4096, .pattern = Pattern::text},
    Field{.name = "private_key_passphrase", .rights = kWrite, .least = 1, .most = 1024},
    text("private_key_public_cert", kReadWrite | kNullable, 1, 4096),
    text("description", kReadWrite, 0, 4096, {}, Pattern::text),
    flag("personal"),
    number("account_group_id", kReadWrite, 1, kIdMost, "1"),
    text("account_policy", kReadWrite | kNullable, 1, 64),
    time("created_timestamp"),  // ours
};

}  // namespace

const Schema kJumpointSchema{"Jumpoint", kJumpointFields};
const Schema kNodeSchema{"JumpointNode", kNodeFields};
const Schema kJumpointUserSchema{"JumpointUser", kJumpointUserFields};
const Schema kShellJumpSchema{"ShellJumpItem", kShellJumpFields};
const Schema kTunnelJumpSchema{"ProtocolTunnelJumpItem", kTunnelJumpFields};
const Schema kVaultAccountSchema{"VaultAccount", kVaultAccountFields};

}  // namespace jump::api
