// Every command of `jump`. The order here is the order of the help.
#pragma once

#include "tools/console/commands/command.h"

namespace jump::console {

void add_login_commands(CLI::App& app, Chosen& chosen);       // login, logout, whoami, passwd
void add_asset_commands(CLI::App& app, Chosen& chosen);       // assets, info
void add_asset_edit_commands(CLI::App& app, Chosen& chosen);  // asset add|edit|remove|host-keys
void add_session_commands(CLI::App& app, Chosen& chosen);     // shell, exec
void add_transfer_commands(CLI::App& app, Chosen& chosen);    // cp
void add_forward_commands(CLI::App& app, Chosen& chosen);     // forward, tunnel
void add_ssh_commands(CLI::App& app, Chosen& chosen);         // ssh-proxy, ssh-config
void add_recording_commands(CLI::App& app, Chosen& chosen);   // sessions, session end, play

void add_installer_commands(CLI::App& app, Chosen& chosen);   // installer create|list|extend|delete
void add_jumpoint_commands(CLI::App& app, Chosen& chosen);    // jumpoint
void add_wake_command(CLI::App& app, Chosen& chosen);         // wake
void add_browse_command(CLI::App& app, Chosen& chosen);       // browse
void add_credential_commands(CLI::App& app, Chosen& chosen);  // credential
void add_site_commands(CLI::App& app, Chosen& chosen);        // site show|edit
void add_people_commands(CLI::App& app, Chosen& chosen);      // user, group
void add_token_commands(CLI::App& app, Chosen& chosen);       // token create|list|revoke
void add_event_commands(CLI::App& app, Chosen& chosen);       // events
void add_completion_command(CLI::App& app, Chosen& chosen);

}  // namespace jump::console
