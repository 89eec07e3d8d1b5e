#include "tools/appliance/api/routes.h"

#include "tools/appliance/api/handlers.h"

namespace jump::api {
namespace {

#define JUMP_API(path) "/api/config/v1" path

// Fixed segments stand before {…} of the same place.
constexpr Route kRoutes[] = {
    {"GET", "/openapi.yaml", Need::open, get_openapi},
    {"POST", "/oauth2/token", Need::open, issue_account_token},
    // POST JUMP_API("/login") stands in api.cc: the password is checked elsewhere.

    {"GET", JUMP_API("/jump-client/installer"), Need::somebody, list_installers},
    {"POST", JUMP_API("/jump-client/installer"), Need::somebody, create_installer},
    {"GET", JUMP_API("/jump-client/installer/{id}"), Need::somebody, get_installer},
    {"PATCH", JUMP_API("/jump-client/installer/{id}"), Need::somebody, change_installer},
    {"DELETE", JUMP_API("/jump-client/installer/{id}"), Need::somebody, remove_installer},
    {"GET", JUMP_API("/jump-client/installer/{installer_id}/{platform}"), Need::somebody, download_installer},
    {"GET", JUMP_API("/jump-client"), Need::somebody, list_jump_clients},
    {"GET", JUMP_API("/jump-client/{id}"), Need::somebody, get_jump_client},
    {"PATCH", JUMP_API("/jump-client/{id}"), Need::somebody, change_jump_client},
    {"DELETE", JUMP_API("/jump-client/{id}"), Need::somebody, remove_jump_client},
    {"POST", JUMP_API("/jump-client/{id}/copy"), Need::somebody, copy_jump_client},
    {"POST", JUMP_API("/jump-client/{id}/wake"), Need::somebody, wake_jump_client},
    {"GET", JUMP_API("/jump-client/{id}/wake"), Need::somebody, get_wake},
    {"POST", JUMP_API("/jump-client/{id}/approval"), Need::configuration, approve_jump_client},

    {"GET", JUMP_API("/jump-group"), Need::somebody, list_groups},
    {"POST", JUMP_API("/jump-group"), Need::configuration, create_group},
    {"GET", JUMP_API("/jump-group/{id}"), Need::somebody, get_group},
    {"PATCH", JUMP_API("/jump-group/{id}"), Need::configuration, change_group},
    {"DELETE", JUMP_API("/jump-group/{id}"), Need::configuration, remove_group},
    {"GET", JUMP_API("/jump-group/{id}/user"), Need::somebody, list_members},
    {"POST", JUMP_API("/jump-group/{id}/user"), Need::configuration, add_member},
    {"GET", JUMP_API("/jump-group/{id}/user/{user_id}"), Need::somebody, get_member},
    {"PATCH", JUMP_API("/jump-group/{id}/user/{user_id}"), Need::configuration, change_member},
    {"DELETE", JUMP_API("/jump-group/{id}/user/{user_id}"), Need::configuration, remove_member},
    {"GET", JUMP_API("/jump-item-role"), Need::somebody, list_roles},
    {"GET", JUMP_API("/jump-item-role/{id}"), Need::somebody, get_role},

    {"GET", JUMP_API("/jumpoint"), Need::somebody, list_jumpoints},
    {"POST", JUMP_API("/jumpoint"), Need::configuration, create_jumpoint},
    {"GET", JUMP_API("/jumpoint/{id}"), Need::somebody, get_jumpoint},
    {"PATCH", JUMP_API("/jumpoint/{id}"), Need::configuration, change_jumpoint},
    {"DELETE", JUMP_API("/jumpoint/{id}"), Need::configuration, remove_jumpoint},
    {"GET", JUMP_API("/jumpoint/{id}/installer"), Need::configuration, get_jumpoint_installer},
    {"POST", JUMP_API("/jumpoint/{id}/redeploy"), Need::configuration, redeploy_jumpoint},
    {"POST", JUMP_API("/jumpoint/{id}/browse"), Need::somebody, browse_jumpoint},
    {"GET", JUMP_API("/jumpoint/{id}/browse"), Need::somebody, get_browse},
    {"GET", JUMP_API("/jumpoint/{id}/node"), Need::somebody, list_nodes},
    {"GET", JUMP_API("/jumpoint/{id}/node/{node_id}"), Need::somebody, get_node},
    {"PATCH", JUMP_API("/jumpoint/{id}/node/{node_id}"), Need::configuration, change_node},
    {"DELETE", JUMP_API("/jumpoint/{id}/node/{node_id}"), Need::configuration, remove_node},
    {"GET", JUMP_API("/jumpoint/{id}/user"), Need::somebody, list_jumpoint_users},
    {"POST", JUMP_API("/jumpoint/{id}/user"), Need::configuration, add_jumpoint_user},
    {"GET", JUMP_API("/jumpoint/{id}/user/{user_id}"), Need::somebody, get_jumpoint_user},
    {"DELETE", JUMP_API("/jumpoint/{id}/user/{user_id}"), Need::configuration, remove_jumpoint_user},

    {"GET", JUMP_API("/jump-item/shell-jump"), Need::somebody, list_shell_jumps},
    {"POST", JUMP_API("/jump-item/shell-jump"), Need::somebody, create_shell_jump},
    {"GET", JUMP_API("/jump-item/shell-jump/{id}"), Need::somebody, get_shell_jump},
    {"PATCH", JUMP_API("/jump-item/shell-jump/{id}"), Need::somebody, change_shell_jump},
    {"DELETE", JUMP_API("/jump-item/shell-jump/{id}"), Need::somebody, remove_shell_jump},
    {"POST", JUMP_API("/jump-item/shell-jump/{id}/copy"), Need::somebody, copy_shell_jump},
    {"GET", JUMP_API("/jump-item/protocol-tunnel-jump"), Need::somebody, list_tunnel_jumps},
    {"POST", JUMP_API("/jump-item/protocol-tunnel-jump"), Need::somebody, create_tunnel_jump},
    {"GET", JUMP_API("/jump-item/protocol-tunnel-jump/{id}"), Need::somebody, get_tunnel_jump},
    {"PATCH", JUMP_API("/jump-item/protocol-tunnel-jump/{id}"), Need::somebody, change_tunnel_jump},
    {"DELETE", JUMP_API("/jump-item/protocol-tunnel-jump/{id}"), Need::somebody, remove_tunnel_jump},
    {"POST", JUMP_API("/jump-item/protocol-tunnel-jump/{id}/copy"), Need::somebody, copy_tunnel_jump},

    {"GET", JUMP_API("/vault/account"), Need::vault, list_vault_accounts},
    {"POST", JUMP_API("/vault/account"), Need::vault, create_vault_account},
    {"GET", JUMP_API("/vault/account/{id}"), Need::vault, get_vault_account},
    {"PATCH", JUMP_API("/vault/account/{id}"), Need::vault, change_vault_account},
    {"DELETE", JUMP_API("/vault/account/{id}"), Need::vault, remove_vault_account},

    {"GET", JUMP_API("/user"), Need::somebody, list_users},
    {"POST", JUMP_API("/user"), Need::configuration, create_user},
    {"GET", JUMP_API("/user/{id}"), Need::somebody, get_user},
    {"PATCH", JUMP_API("/user/{id}"), Need::configuration, change_user},
    {"DELETE", JUMP_API("/user/{id}"), Need::configuration, remove_user},
    {"POST", JUMP_API("/user/{id}/password"), Need::somebody, set_user_password},

    {"GET", JUMP_API("/api-account"), Need::configuration, list_accounts},
    {"POST", JUMP_API("/api-account"), Need::configuration, create_account},
    {"GET", JUMP_API("/api-account/{id}"), Need::configuration, get_account},
    {"PATCH", JUMP_API("/api-account/{id}"), Need::configuration, change_account},
    {"DELETE", JUMP_API("/api-account/{id}"), Need::configuration, remove_account},
    {"POST", JUMP_API("/api-account/{id}/secret"), Need::configuration, renew_account_secret},

    {"GET", JUMP_API("/whoami"), Need::somebody, who_am_i},
    {"POST", JUMP_API("/logout"), Need::user, log_out},
    {"GET", JUMP_API("/token"), Need::user, list_tokens},
    {"POST", JUMP_API("/token"), Need::user, create_token},
    {"DELETE", JUMP_API("/token/{id}"), Need::user, remove_token},

    {"GET", JUMP_API("/session"), Need::reports, list_sessions},
    {"GET", JUMP_API("/session/{id}"), Need::reports, get_session},
    {"POST", JUMP_API("/session/{id}/end"), Need::reports, end_session},
    {"GET", JUMP_API("/recording/{id}"), Need::reports, get_recording},
    {"GET", JUMP_API("/event"), Need::events, list_events},
    {"GET", JUMP_API("/site"), Need::configuration, get_site},
    {"PATCH", JUMP_API("/site"), Need::configuration, change_site},
};

#undef JUMP_API

// The next segment of a pattern, taken off its front.
std::string_view next_segment(std::string_view& pattern) {
  pattern.remove_prefix(1);
  const std::string_view segment = pattern.substr(0, pattern.find('/'));
  pattern.remove_prefix(segment.size());
  return segment;
}

bool fits(std::string_view pattern, const std::vector<std::string>& segments,
          std::vector<std::string>& arguments) {
  arguments.clear();
  for (const std::string& segment : segments) {
    if (pattern.empty()) return false;
    const std::string_view wanted = next_segment(pattern);
    if (wanted.starts_with('{')) {
      arguments.push_back(segment);
    } else if (wanted != segment) {
      return false;
    }
  }
  return pattern.empty();
}

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

Match match(std::string_view method, const std::vector<std::string>& segments) {
  Match result;
  std::string_view first_fit;
  for (const Route& route : kRoutes) {
    std::vector<std::string> arguments;
    // Routes of one path have one spelling: the first that fits decides which path it is.
    if (!first_fit.empty() && route.pattern != first_fit) continue;
    if (!fits(route.pattern, segments, arguments)) continue;
    first_fit = route.pattern;
    if (route.method == method) {
      result.route = &route;
      result.arguments = std::move(arguments);
      return result;
    }
    result.allow += (result.allow.empty() ? "" : ", ") + std::string(route.method);
  }
  return result;
}

bool allowed(Need need, const Principal& who) {
  switch (need) {
    case Need::open:
      return true;
    case Need::somebody:
      return who.user || who.configures();
    case Need::user:
      return who.user.has_value();
    case Need::configuration:
      return who.configures();
    case Need::reports:
      return who.user ||
             (who.account && (who.account->perm_reporting_support || who.account->perm_reporting_archive ||
                              who.account->perm_command != store::CommandRight::deny));
    case Need::vault:
      return who.administrator() || (who.account && who.account->perm_configuration_vault_account);
    case Need::events:
      return who.administrator() || (who.account && who.account->perm_reporting_syslog);
  }
  return false;
}

}  // namespace jump::api
