// Every command of `jump`. The order here is the order of the help.
#pragma once

#include "tools/console/commands/command.h"

namespace jump::console {

void add_login_commands(CLI::App& app, Chosen& chosen);      // login, logout, whoami, passwd
void add_asset_commands(CLI::App& app, Chosen& chosen);      // assets, info, asset edit|remove
void add_session_commands(CLI::App& app, Chosen& chosen);    // shell, exec
void add_transfer_commands(CLI::App& app, Chosen& chosen);   // cp, forward
void add_recording_commands(CLI::App& app, Chosen& chosen);  // sessions, session end, play

}  // namespace jump::console
