// `jump`: one command, read from the command line, run on one thread.
#include <CLI/CLI.hpp>
#include <cstdio>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "common/base/log.h"
#include "common/command_line/command_line.h"
#include "common/tunnel/tls_context.h"
#include "platform/paths.h"
#include "tools/console/commands/all.h"
#include "tools/console/text/exit_status.h"

namespace {

using namespace jump;
using namespace jump::console;

Task<> run(Context& context, const Command& command, int& status) {
  status = co_await command(context);
}

int run_command(const Command& command) {
  asio::io_context io(1);
  Context context(io.get_executor(), Home(platform::person_state_folder()));
  int status = kJumpFailed;
  TaskGroup tasks(io.get_executor());
  tasks.spawn("command", run(context, command, status));
  io.run();
  return status;
}

int run_command_line(int argc, char** argv) {
  tunnel::init_tls();
  log::set_level(log::Level::error);
  CLI::App app("jump: sessions with the assets of an appliance, and their administration", "jump");
  app.set_version_flag("--version", std::string("jump ") + kVersion);
  app.require_subcommand(1, 1);
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "Say on standard error what happens to the connection");
  Chosen chosen;
  add_login_commands(app, chosen);
  add_asset_commands(app, chosen);
  add_asset_edit_commands(app, chosen);
  add_session_commands(app, chosen);
  add_transfer_commands(app, chosen);
  add_forward_commands(app, chosen);
  add_ssh_commands(app, chosen);
  add_recording_commands(app, chosen);
  add_installer_commands(app, chosen);
  add_jumpoint_commands(app, chosen);
  add_wake_command(app, chosen);
  add_browse_command(app, chosen);
  add_credential_commands(app, chosen);
  add_site_commands(app, chosen);
  add_people_commands(app, chosen);
  add_token_commands(app, chosen);
  add_event_commands(app, chosen);
  add_completion_command(app, chosen);
  if (const std::optional<int> status = command_line::parse(app, argc, argv)) return *status;
  if (verbose) log::set_level(log::Level::debug);
  return run_command(chosen.command);
}

}  // namespace

int main(int argc, char** argv) {
  return command_line::guarded("jump", kJumpFailed, &run_command_line, argc, argv);
}
