// The handlers, by resource. Each is called with the caller authenticated, its rights for the route checked,
// and, but for GET, inside the transaction that becomes real when the response is below 400.
#pragma once

#include "tools/appliance/api/call.h"

namespace jump::api {

// jump_client_routes.cc
Reply list_jump_clients(Call& call);
Reply get_jump_client(Call& call);
Reply change_jump_client(Call& call);
Reply remove_jump_client(Call& call);
Reply copy_jump_client(Call& call);
Reply approve_jump_client(Call& call);
// wake_routes.cc
Reply wake_jump_client(Call& call);
Reply get_wake(Call& call);
// browse_routes.cc
Reply browse_jumpoint(Call& call);
Reply get_browse(Call& call);
// installer_routes.cc
Reply list_installers(Call& call);
Reply create_installer(Call& call);
Reply get_installer(Call& call);
Reply change_installer(Call& call);
Reply remove_installer(Call& call);
Reply download_installer(Call& call);
// jumpoint_routes.cc
Reply list_jumpoints(Call& call);
Reply create_jumpoint(Call& call);
Reply get_jumpoint(Call& call);
Reply change_jumpoint(Call& call);
Reply remove_jumpoint(Call& call);
Reply get_jumpoint_installer(Call& call);
Reply redeploy_jumpoint(Call& call);
Reply list_jumpoint_users(Call& call);
Reply add_jumpoint_user(Call& call);
Reply get_jumpoint_user(Call& call);
Reply remove_jumpoint_user(Call& call);
// node_routes.cc
Reply list_nodes(Call& call);
Reply get_node(Call& call);
Reply change_node(Call& call);
Reply remove_node(Call& call);
// jump_item_routes.cc
Reply list_shell_jumps(Call& call);
Reply create_shell_jump(Call& call);
Reply get_shell_jump(Call& call);
Reply change_shell_jump(Call& call);
Reply remove_shell_jump(Call& call);
Reply copy_shell_jump(Call& call);
Reply list_tunnel_jumps(Call& call);
Reply create_tunnel_jump(Call& call);
Reply get_tunnel_jump(Call& call);
Reply change_tunnel_jump(Call& call);
Reply remove_tunnel_jump(Call& call);
Reply copy_tunnel_jump(Call& call);
// vault_routes.cc
Reply list_vault_accounts(Call& call);
Reply create_vault_account(Call& call);
Reply get_vault_account(Call& call);
Reply change_vault_account(Call& call);
Reply remove_vault_account(Call& call);
// group_routes.cc
Reply list_groups(Call& call);
Reply create_group(Call& call);
Reply get_group(Call& call);
Reply change_group(Call& call);
Reply remove_group(Call& call);
Reply list_members(Call& call);
Reply add_member(Call& call);
Reply get_member(Call& call);
Reply change_member(Call& call);
Reply remove_member(Call& call);
Reply list_roles(Call& call);
Reply get_role(Call& call);
// user_routes.cc
Reply list_users(Call& call);
Reply create_user(Call& call);
Reply get_user(Call& call);
Reply change_user(Call& call);
Reply remove_user(Call& call);
Reply set_user_password(Call& call);
// account_routes.cc
Reply list_accounts(Call& call);
Reply create_account(Call& call);
Reply get_account(Call& call);
Reply change_account(Call& call);
Reply remove_account(Call& call);
Reply renew_account_secret(Call& call);
// token_routes.cc
Reply issue_account_token(Call& call);
Reply who_am_i(Call& call);
Reply log_out(Call& call);
Reply list_tokens(Call& call);
Reply create_token(Call& call);
Reply remove_token(Call& call);
// session_routes.cc
Reply list_sessions(Call& call);
Reply get_session(Call& call);
Reply end_session(Call& call);
Reply get_recording(Call& call);
// site_routes.cc
Reply list_events(Call& call);
Reply get_site(Call& call);
Reply change_site(Call& call);
Reply get_openapi(Call& call);

// For log-in as well as for /user.
json::object shown_user(const store::User& user);
// The asset of {id}, or nothing when it is not there or not to be seen.
Result<std::optional<store::JumpClientRow>> visible_jump_client(Call& call);
// Whether and by whom it can be woken: {"possible", "reason", "text"}.
Result<json::object> wake_hint(Call& call, const store::JumpClientRow& row);
// An asset as the API shows it; `site` is read once for a list.
json::object shown_jump_client(Call& call, const store::JumpClientRow& row, const store::SiteSettings& site);

}  // namespace jump::api
