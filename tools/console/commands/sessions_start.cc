// shell, exec: commands that open a session.
#include <CLI/CLI.hpp>

#include "common/base/clock.h"
#include "tools/console/commands/all.h"
#include "tools/console/commands/session_command.h"
#include "tools/console/session/exec.h"
#include "tools/console/session/shell.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

struct ShellOptions {
  std::string asset;
  std::string attach;
  bool wait = false;
};

Task<int> run_shell(SessionCommand& command, const ShellOptions& options) {
  Result<OpenedSessionPtr> session = Error(Fault::internal, "");
  if (options.attach.empty()) {
    const PickedAsset picked = co_await command.pick_online(options.asset, options.wait);
    if (!picked.asset) co_return picked.status;
    const Result<void> up = co_await command.connect();
    if (!up) co_return fail(up.error());
    json::value arguments = shell_arguments();
    session = co_await open_session(command.tunnel(), picked.asset->names.id, control::SessionKind::shell,
                                    std::move(arguments));
  } else {
    const Result<std::string> id = parse_session_id(options.attach);
    if (!id) {
      fail(id.error());
      co_return kWrongUse;
    }
    const Result<void> up = co_await command.connect();
    if (!up) co_return fail(up.error());
    session = co_await attach_session(command.tunnel(), *id);
  }
  if (!session) co_return fail(session.error());
  Shell shell(**session, !options.attach.empty());
  const ShellEnding ending = co_await shell.run();
  if (!ending.text.empty()) note(ending.text);
  co_return ending.status;
}

Task<int> shell(Context& context, ShellOptions options) {
  if (options.asset.empty() == options.attach.empty()) {
    fail("give an ASSET, or --attach SESSION");
    co_return kWrongUse;
  }
  Result<std::unique_ptr<SessionCommand>> command = SessionCommand::create(context);
  if (!command) co_return fail(command.error());
  const int status = co_await run_shell(**command, options);
  co_await (*command)->stop();
  co_return status;
}

struct ExecOptions {
  std::string asset;
  std::vector<std::string> argv;
  bool no_input = false;
  bool wait = false;
};

Task<int> run_exec(SessionCommand& command, const ExecOptions& options) {
  const PickedAsset picked = co_await command.pick_online(options.asset, options.wait);
  if (!picked.asset) co_return picked.status;
  const Result<void> up = co_await command.connect();
  if (!up) co_return fail(up.error());
  json::value arguments = exec_arguments(options.argv);
  Result<OpenedSessionPtr> session = co_await open_session(command.tunnel(), picked.asset->names.id,
                                                           control::SessionKind::exec, std::move(arguments));
  if (!session) co_return fail(session.error());
  Exec exec(**session, options.no_input);
  const ExecEnding ending = co_await exec.run();
  if (!ending.text.empty()) note(ending.text);
  co_return ending.status;
}

Task<int> exec(Context& context, ExecOptions options) {
  session::ExecStart start;
  start.argv = options.argv;
  const Result<void> fine = session::check(start);
  if (!fine) {
    fail(fine.error());
    co_return kWrongUse;
  }
  Result<std::unique_ptr<SessionCommand>> command = SessionCommand::create(context);
  if (!command) co_return fail(command.error());
  const int status = co_await run_exec(**command, options);
  co_await (*command)->stop();
  co_return status;
}

}  // namespace

void add_session_commands(CLI::App& app, Chosen& chosen) {
  {
    auto options = std::make_shared<ShellOptions>();
    CLI::App* one = add_command(app, "shell",
                                "A terminal on an asset. A lost connection is shown on the last line; what "
                                "is typed meanwhile arrives later. While "
                                "nobody is connected, a program that prints more than 256 KiB waits. `~?` at "
                                "the beginning of a line helps",
                                "jump shell servers/web-01");
    one->add_option("ASSET", options->asset, "Id, name or group/name");
    one->add_option("--attach", options->attach, "Take over a session that runs: see `jump sessions`")
        ->type_name("SESSION");
    one->add_flag("--wait", options->wait, "Until the asset is online");
    runs(one, chosen, [options](Context& context) { return shell(context, *options); });
  }
  auto options = std::make_shared<ExecOptions>();
  CLI::App* one = add_command(
      app, "exec",
      "Run one command on an asset, without a shell in between; its exit status is that of `jump`",
      "tar c logs | jump exec web-01 -- tar x -C /tmp");
  one->add_option("ASSET", options->asset, "Id, name or group/name")->required();
  one->add_option("CMD", options->argv, "The command and its arguments, behind --")->required();
  one->add_flag("-n,--no-input", options->no_input,
                "Leave standard input alone; the command reads an empty one");
  one->add_flag("--wait", options->wait, "Until the asset is online");
  runs(one, chosen, [options](Context& context) { return exec(context, *options); });
}

}  // namespace jump::console
