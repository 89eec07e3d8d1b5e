// `jump`: one command, read from the command line, run on one thread.
#include <CLI/CLI.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "common/base/log.h"
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

}  // namespace

int main(int argc, char** argv) {
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
  add_session_commands(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kDone : kWrongUse;
  }
  if (verbose) log::set_level(log::Level::debug);
  return run_command(chosen.command);
}
