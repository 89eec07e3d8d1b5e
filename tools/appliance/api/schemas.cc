// The tables of fields. The order is that of the responses. What follows a comment "ours" is beyond the
// common shape.
#include <array>

#include "tools/appliance/api/fields.h"

namespace jump::api {
namespace {

constexpr std::int64_t kIdMost = 2147483647;

constexpr Field id(std::string_view name, unsigned rights = kRead, std::string_view role_right = {}) {
  return {.name = name,
          .kind = Kind::integer,
          .rights = rights,
          .least = 1,
          .most = kIdMost,
          .role_right = role_right};
}
constexpr Field number(std::string_view name, unsigned rights, std::int64_t least, std::int64_t most,
                       std::string_view initial = {}, std::string_view role_right = {}) {
  return {.name = name,
          .kind = Kind::integer,
          .rights = rights,
          .least = least,
          .most = most,
          .initial = initial,
          .role_right = role_right};
}
constexpr Field text(std::string_view name, unsigned rights, std::int64_t least, std::int64_t most,
                     std::string_view role_right = {}, Pattern pattern = Pattern::none) {
  return {.name = name,
          .rights = rights,
          .least = least,
          .most = most,
          .pattern = pattern,
          .role_right = role_right};
}
constexpr Field shown_text(std::string_view name) {
  return {.name = name};
}
constexpr Field one_of(std::string_view name, unsigned rights, std::string_view values,
                       std::string_view initial = {}, std::string_view role_right = {}) {
  return {.name = name, .rights = rights, .values = values, .initial = initial, .role_right = role_right};
}
constexpr Field flag(std::string_view name, unsigned rights = kRead, std::string_view initial = "false",
                     std::string_view role_right = {}) {
  return {
      .name = name, .kind = Kind::boolean, .rights = rights, .initial = initial, .role_right = role_right};
}
constexpr Field time(std::string_view name, unsigned rights = kRead) {
  return {.name = name, .kind = Kind::date_time, .rights = rights};
}
constexpr Field object(std::string_view name) {
  return {.name = name, .kind = Kind::object};
}

constexpr std::array kJumpClientFields{
    id("id"),
    id("jump_group_id", kReadWrite | kRequired, "perm_assign_jump_group"),
    one_of("jump_group_type", kReadWrite, "shared personal", R"("shared")", "perm_assign_jump_group"),
    text("name", kReadWrite, 1, 128, "perm_edit_identity"),
    text("hostname", kRead, 1, 255),
    text("fqdn", kRead, 1, 255),
    text("tag", kReadWrite, 0, 64, "perm_edit_tag"),
    text("comments", kReadWrite, 0, 1024, "perm_edit_comments", Pattern::text),
    id("jump_policy_id", kReadWrite | kNullable, "perm_edit_jump_policy"),
    number("attended_session_policy_id", kReadWrite | kNullable, 2, kIdMost, {}, "perm_edit_session_policy"),
    number("unattended_session_policy_id", kReadWrite | kNullable, 2, kIdMost, {},
           "perm_edit_session_policy"),
    text("public_site_address", kReadWrite, 1, 128, "perm_edit_public_portal"),
    text("support_button_profile_code_name", kReadWrite, 0, 64, "perm_edit_support_button",
         Pattern::code_name),
    text("support_button_direct_queue", kReadWrite, 0, 69, "perm_edit_support_button", Pattern::team_queue),
    one_of("customer_client_start_mode", kReadWrite, "normal minimized hidden", R"("normal")",
           "perm_edit_behavior"),
    flag("is_quiet", kReadWrite, "false", "perm_edit_behavior"),
    one_of("install_mode", kRead, "unknown user service"),
    one_of("connection_type", kRead, "active passive uninstalled", R"("active")"),
    time("last_connect_timestamp"),
    time("last_disconnect_timestamp"),
    flag("is_lost", kRead, {}),
    flag("needs_update", kRead, {}),
    one_of("unavailable_reason", kRead, "none disabled"),
    shown_text("operating_system"),
    shown_text("public_ip"),
    shown_text("private_ip"),
    shown_text("console_user"),
    time("expiration_timestamp"),
    number("max_offline_minutes", kReadWrite, 0, kIdMost, {}, "perm_edit_behavior"),
    time("last_access_timestamp"),
    // ours
    shown_text("jump_group_name"),
    flag("disabled", kReadWrite, "false", "perm_edit_behavior"),
    flag("ephemeral", kReadWrite, "false", "perm_edit_behavior"),
    one_of("state", kRead, "online offline in_use upgrade_pending lost uninstalled disabled"),
    flag("online", kRead, {}),
    time("online_since"),
    time("last_seen"),
    shown_text("route"),
    number("sessions", kRead, 0, kIdMost),
    shown_text("software_version"),
    time("created_timestamp"),
    id("agent"),
    object("inventory"),
    time("inventory_timestamp"),
    object("statistics"),
    time("statistics_timestamp"),
};

constexpr std::array kInstallerFields{
    id("id"),
    id("jump_group_id", kReadWrite | kRequired),
    one_of("jump_group_type", kReadWrite, "shared personal", R"("shared")"),
    text("name", kReadWrite, 0, 128),
    text("tag", kReadWrite, 0, 64),
    text("comments", kReadWrite, 0, 1024, {}, Pattern::text),
    id("jump_policy_id", kReadWrite | kNullable),
    number("attended_session_policy_id", kReadWrite | kNullable, 2, kIdMost),
    number("unattended_session_policy_id", kReadWrite | kNullable, 2, kIdMost),
    text("public_site_address", kReadWrite, 1, 128),
    text("support_button_profile_code_name", kReadWrite, 0, 64, {}, Pattern::code_name),
    flag("allow_override_support_button_profile", kReadWrite),
    text("support_button_direct_queue", kReadWrite, 0, 69, {}, Pattern::team_queue),
    flag("allow_override_support_button_direct_queue", kReadWrite),
    one_of("connection_type", kReadWrite, "active passive", R"("active")"),
    time("expiration_timestamp"),
    number("max_offline_minutes", kReadWrite, 0, kIdMost),
    flag("elevate_install", kReadWrite, "true"),
    flag("elevate_prompt", kReadWrite, "true"),
    flag("is_quiet", kRead),
    one_of("customer_client_start_mode", kReadWrite, "normal minimized hidden", R"("normal")"),
    flag("allow_override_jump_group", kReadWrite),
    flag("allow_override_jump_policy", kReadWrite),
    flag("allow_override_name", kReadWrite),
    flag("allow_override_tag", kReadWrite),
    flag("allow_override_comments", kReadWrite),
    flag("allow_override_attended_session_policy", kReadWrite),
    flag("allow_override_unattended_session_policy", kReadWrite),
    text("installer_id", kRead, 32, 32),
    object("key_info"),
    text("jumpoint_proxy", kReadWrite, 0, 64),
    // ours
    number("valid_minutes", kReadWrite, 10, 525600, "1440"),
    flag("ephemeral", kReadWrite),
    flag("allow_override_max_offline_minutes", kReadWrite),
    shown_text("jump_group_name"),
    flag("expired", kRead, {}),
    time("created_timestamp"),
    shown_text("created_by"),
    number("used", kRead, 0, kIdMost),
};

constexpr std::array kJumpGroupFields{
    id("id"),
    text("name", kReadWrite | kRequired, 1, 255),
    text("code_name", kReadWrite, 0, 64, {}, Pattern::code_name),
    text("comments", kReadWrite | kNullable, 0, 4096, {}, Pattern::text),
};

constexpr std::array kJumpGroupUserFields{
    id("user_id", kReadWrite | kRequired),
    Field{.name = "jump_item_role_id",
          .kind = Kind::integer,
          .rights = kReadWrite,
          .least = 1,
          .most = kIdMost,
          .initial = "4"},
    shown_text("username"),  // ours
};

constexpr std::array kRoleFields{
    id("id"),
    text("name", kRead, 1, 255),
    text("description", kRead, 0, 4096),
    flag("perm_add"),
    flag("perm_assign_jump_group"),
    flag("perm_remove"),
    flag("perm_start"),
    flag("perm_edit_tag"),
    flag("perm_edit_comments"),
    flag("perm_edit_jump_policy"),
    flag("perm_edit_session_policy"),
    flag("perm_edit_identity"),
    flag("perm_edit_behavior"),
    flag("perm_view_jump_item_report"),
    flag("perm_edit_public_portal"),
    flag("perm_edit_support_button"),
};

constexpr std::array kUserFields{
    id("id"),
    id("security_provider_id"),
    id("display_number", kReadWrite),
    text("username", kReadWrite | kRequired, 1, 64),
    Field{.name = "password", .rights = kWrite, .least = 0, .most = 256},
    text("public_display_name", kReadWrite, 1, 64),
    text("private_display_name", kReadWrite, 1, 64),
    time("password_expiration", kReadWrite | kNullable),
    text("email_address", kReadWrite, 3, 255),
    Field{.name = "preferred_email_language",
          .rights = kReadWrite,
          .least = 2,
          .most = 10,
          .initial = R"("en-us")"},
    flag("two_factor_required", kReadWrite),
    flag("enabled", kReadWrite, "true"),
    time("last_authentication"),
    number("failed_logins", kReadWrite, 0, kIdMost, "0"),
    flag("password_reset_next_login", kReadWrite),
    time("created_at"),
    flag("two_factor_enabled"),
    number("fido2_credential_count", kRead, 0, kIdMost, "0"),
    time("fido2_last_used_date"),
    flag("perm_admin", kReadWrite),  // writable: ours, for there are no group policies to grant it yet
    flag("perm_set_passwords"),
    flag("perm_admin_pushagents"),
    one_of("perm_view_support_reports", kRead,
           "not_allowed user_sessions all_sessions team_sessions jump_group_sessions", R"("not_allowed")"),
    one_of("perm_view_vault_reports", kRead, "not_allowed view_user_events view_all_events",
           R"("not_allowed")"),
    flag("perm_view_license_reports"),
    flag("perm_view_syslog_reports"),
    flag("perm_view_sd_recordings"),
    flag("perm_edit_ambush"),
    flag("perm_edit_jump_groups"),
    flag("perm_edit_public_template"),
    flag("perm_edit_public_file_store"),
    flag("perm_edit_messages"),
    flag("perm_edit_sd_teams"),
    flag("perm_edit_issues"),
    flag("perm_edit_skills"),
    flag("perm_edit_callback_button_profiles"),
    flag("perm_edit_canned_scripts"),
    flag("perm_edit_custom_rep_links"),
    flag("perm_change_display_name"),
    flag("perm_change_rep_avatar"),
    flag("perm_show_on_public_list"),
    one_of("perm_support_allowed", kRead, "not_allowed full_support", R"("not_allowed")"),
    flag("perm_share_other_team"),
    flag("perm_invite_external_rep"),
    flag("perm_extended_availability_mode_allowed"),
    flag("perm_edit_external_key"),
    number("perm_session_idle_timeout", kRead, -1, 86400, "-1"),
    flag("perm_collaborate"),
    flag("perm_collaborate_control"),
    flag("perm_jump_client"),
    flag("perm_local_jump"),
    flag("perm_remote_jump"),
    flag("perm_remote_vnc"),
    flag("perm_remote_rdp"),
    flag("perm_shell_jump"),
    number("default_jump_item_role_id", kRead, 1, kIdMost, "1"),
    number("private_jump_item_role_id", kRead, 1, kIdMost, "1"),
    number("inferior_jump_item_role_id", kRead, 1, kIdMost, "1"),
    number("unassigned_jump_item_role_id", kRead, 1, kIdMost, "1"),
    flag("perm_generate_session_key"),
    flag("perm_send_ios_profiles"),
    flag("perm_accept_team_sessions"),
    flag("perm_transfer_other_team"),
    flag("perm_next_session_button"),
    flag("perm_disable_auto_assignment"),
    number("perm_routing_idle_timeout", kRead, 0, 3600, "900"),
    number("auto_assignment_max_sessions", kRead, 1, 10, "3"),
    flag("perm_support_button_personal_deploy"),
    flag("perm_support_button_team_manage"),
    flag("perm_support_button_change_public_sites"),
    flag("perm_support_button_team_deploy"),
    flag("perm_local_vnc"),
    flag("perm_local_rdp"),
    flag("perm_vpro"),
    number("perm_console_idle_timeout", kRead, -1, 86400, "-1"),
    flag("perm_edit_iphone_content"),
    flag("perm_vault"),
    one_of("perm_endpoint_automation", kRead, "not_allowed user administrator", R"("not_allowed")"),
};

// All but id and counts is writable: ours, for POST and PATCH are ours.
constexpr std::array kApiAccountFields{
    id("id"),
    text("name", kReadWrite | kRequired, 1, 255),
    text("comments", kReadWrite, 0, 4096, {}, Pattern::text),
    flag("enabled", kReadWrite, "true"),
    text("ip_addresses", kReadWrite, 0, 4096, {}, Pattern::text),
    text("client_id", kRead, 0, 40),
    number("failed_login_attempts", kRead, 0, kIdMost),
    shown_text("failed_login_expiration"),
    one_of("perm_command", kReadWrite, "deny read_only full_access", R"("deny")"),
    flag("perm_reporting_support", kReadWrite),
    flag("perm_reporting_license", kReadWrite),
    flag("perm_reporting_archive", kReadWrite),
    flag("perm_reporting_vault", kReadWrite),
    flag("perm_reporting_jump_item", kReadWrite),
    flag("perm_reporting_syslog", kReadWrite),
    flag("perm_backup", kReadWrite),
    flag("perm_vault_backup", kReadWrite),
    flag("perm_real_time_state", kReadWrite),
    flag("perm_ecm", kReadWrite),
    flag("perm_configuration", kReadWrite),
    flag("perm_configuration_vault_account", kReadWrite),
    time("created_timestamp"),    // ours
    shown_text("client_secret"),  // ours, once
};

constexpr std::array kSessionFields{
    text("id", kRead, 32, 32),
    number("number", kRead, 1, kIdMost),
    id("jump_client_id"),
    shown_text("jump_client_name"),
    id("jump_group_id"),
    one_of("jump_group_type", kRead, "shared personal"),
    id("user_id"),
    shown_text("username"),
    one_of("kind", kRead, "shell exec files sysinfo forward"),
    object("arguments"),
    one_of("state", kRead, "starting running ended"),
    time("created_timestamp"),
    time("started_timestamp"),
    time("ended_timestamp"),
    shown_text("reason"),
    number("wait_limit_seconds", kRead, 0, kIdMost),
    flag("recorded", kRead, {}),
    number("recording_bytes", kRead, 0, 0),
};

constexpr std::array kEventFields{
    number("id", kRead, 1, 0),
    time("timestamp"),
    shown_text("who"),
    shown_text("source"),
    shown_text("what"),
    shown_text("object"),
    one_of("result", kRead, "ok refused failed"),
    shown_text("text"),
    object("details"),
};

constexpr std::array kSiteFields{
    text("site_name", kReadWrite, 1, 128),
    number("lost_days", kReadWrite, 1, 3650),
    number("absence_days", kReadWrite, 1, 3650),
    one_of("uninstalled", kReadWrite, "mark remove"),
    one_of("mass_removal", kReadWrite, "hold allow"),
    number("wait_limit_seconds", kReadWrite, 0, 2592000),
    number("statistics_interval_seconds", kReadWrite, 0, 86400),
    Field{.name = "statistics",
          .kind = Kind::strings,
          .rights = kReadWrite,
          .least = 0,
          .most = 4,
          .values = "cpu console_user disk uptime"},
    one_of("adopt", kReadWrite, "automatic ask never"),
    one_of("clones", kReadWrite, "allow ask"),
    one_of("recording", kReadWrite, "required best_effort"),
    number("retention_days", kReadWrite, 0, 36500),
    number("retention_gib", kReadWrite, 0, 1048576),
    number("console_token_minutes", kReadWrite, 5, 43200),
    number("api_token_days", kReadWrite, 1, 3650),
    number("account_token_seconds", kReadWrite, 60, 86400),
    Field{.name = "addresses",
          .kind = Kind::strings,
          .rights = kReadWrite,
          .least = 1,
          .most = 16,
          .pattern = Pattern::address},
    number("addresses_serial", kRead, 0, 0),
    number("agents", kRead, 0, 0),
    number("agents_online", kRead, 0, 0),
    number("agents_knowing_addresses", kRead, 0, 0),
};

constexpr std::array kTokenFields{
    id("id"),
    one_of("kind", kRead, "login personal account"),
    id("user_id"),
    text("name", kReadWrite | kRequired, 1, 128),
    number("valid_days", kWrite, 1, 3650),
    time("created_timestamp"),
    time("expires_timestamp"),
    time("last_used_timestamp"),
    shown_text("last_address"),
    flag("current", kRead, {}),
    shown_text("token"),  // once
};

}  // namespace

const Schema kJumpClientSchema{"JumpClient", kJumpClientFields};
const Schema kInstallerSchema{"JumpClientInstaller", kInstallerFields};
const Schema kJumpGroupSchema{"JumpGroup", kJumpGroupFields};
const Schema kJumpGroupUserSchema{"JumpGroupUser", kJumpGroupUserFields};
const Schema kRoleSchema{"JumpItemRole", kRoleFields};
const Schema kUserSchema{"User", kUserFields};
const Schema kApiAccountSchema{"ApiAccount", kApiAccountFields};
const Schema kSessionSchema{"Session", kSessionFields};
const Schema kEventSchema{"Event", kEventFields};
const Schema kSiteSchema{"Site", kSiteFields};
const Schema kTokenSchema{"Token", kTokenFields};

std::span<const Schema* const> all_schemas() {
  static constexpr std::array kAll{&kJumpClientSchema,    &kInstallerSchema, &kJumpGroupSchema,
                                   &kJumpGroupUserSchema, &kRoleSchema,      &kUserSchema,
                                   &kApiAccountSchema,    &kSessionSchema,   &kEventSchema,
                                   &kSiteSchema,          &kTokenSchema};
  return kAll;
}

}  // namespace jump::api
