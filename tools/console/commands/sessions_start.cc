// shell, exec: commands that open a session.
#include <CLI/CLI.hpp>

#include "tools/console/commands/all.h"
#include "tools/console/commands/session_command.h"
#include "tools/console/session/exec.h"
#include "tools/console/session/shell.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

struct ShellOptions : AskArguments {
  std::string asset;
  std::string attach;
  bool wait = false;
};

Task<Result<OpenedSessionPtr>> attach(SessionCommand& command, std::string id) {
  const Result<void> up = co_await command.connect();
  if (!up) co_return up.error();
  co_return co_await attach_session(command.tunnel(), std::move(id));
}

Task<int> converse(SessionCommand& command, OpenedSession& session, bool attached) {
  Shell shell(session, attached, command.asker());
  const ShellEnding ending = co_await shell.run();
  if (!ending.text.empty()) note(ending.text);
  co_return ending.status;
}

Task<int> run_shell(SessionCommand& command, const ShellOptions& options) {
  const bool attached = !options.attach.empty();
  auto getting = attached ? attach(command, options.attach)
                          : command.open(options.asset, options.wait, control::SessionKind::shell,
                                         to_json(own_terminal()));
  Result<OpenedSessionPtr> session = co_await std::move(getting);
  if (!session) co_return command.status_of_failure(session.error());
  co_return co_await converse(command, **session, attached);
}

Task<int> shell(Context& context, ShellOptions options) {
  if (options.asset.empty() == options.attach.empty()) {
    fail("give an ASSET, or --attach SESSION");
    co_return kWrongUse;
  }
  if (!options.attach.empty()) {
    const Result<std::string> id = parse_session_id(options.attach);
    if (!id) {
      fail(id.error());
      co_return kWrongUse;
    }
    options.attach = *id;
  }
  Result<std::unique_ptr<SessionCommand>> command = SessionCommand::create(context, options);
  if (!command) co_return fail(command.error());
  const int status = co_await run_shell(**command, options);
  co_await (*command)->stop();
  co_return status;
}

struct ExecOptions : AskArguments {
  std::string asset;
  std::vector<std::string> argv;
  bool no_input = false;
  bool terminal = false;
  bool wait = false;
};

Task<int> run_exec(SessionCommand& command, const ExecOptions& options, json::value start) {
  Result<OpenedSessionPtr> session =
      co_await command.open(options.asset, options.wait, control::SessionKind::exec, std::move(start));
  if (!session) co_return command.status_of_failure(session.error());
  if (options.terminal) co_return co_await converse(command, **session, false);
  Exec exec(**session, options.no_input);
  const ExecEnding ending = co_await exec.run();
  if (!ending.text.empty()) note(ending.text);
  co_return ending.status;
}

Task<int> exec(Context& context, ExecOptions options) {
  session::ExecStart start;
  start.argv = options.argv;
  if (options.terminal) start.terminal = own_terminal();
  const Result<void> fine = session::check(start);
  if (!fine) {
    fail(fine.error());
    co_return kWrongUse;
  }
  Result<std::unique_ptr<SessionCommand>> command = SessionCommand::create(context, options);
  if (!command) co_return fail(command.error());
  const int status = co_await run_exec(**command, options, to_json(start));
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
    one->add_option("ASSET", options->asset,
                    "Id, name or group/name; or JUMPOINT/[USER@]HOST[:PORT], a machine of its network that "
                    "is no asset");
    one->add_flag("--telnet", options->telnet, "Reach JUMPOINT/HOST by Telnet instead of SSH");
    one->add_option("--attach", options->attach, "Take over a session that runs: see `jump sessions`")
        ->type_name("SESSION");
    one->add_flag("--wait", options->wait, "Until the asset is online");
    add_ask_options(one, options);
    runs(one, chosen, [options](Context& context) { return shell(context, *options); });
  }
  auto options = std::make_shared<ExecOptions>();
  CLI::App* one = add_command(
      app, "exec",
      "Run one command on an asset, without a shell in between; its exit status is that of `jump`",
      "tar c logs | jump exec web-01 -- tar x -C /tmp");
  one->add_option("ASSET", options->asset, "Id, name or group/name; or JUMPOINT/[USER@]HOST[:PORT]")
      ->required();
  one->add_option("CMD", options->argv, "The command and its arguments, behind --")->required();
  CLI::Option* no_input = one->add_flag("-n,--no-input", options->no_input,
                                        "Leave standard input alone; the command reads an empty one");
  one->add_flag("-t,--terminal", options->terminal,
                "Give it a terminal, as `jump shell` has one: for editors, top, sudo's question; its output "
                "and error output are one")
      ->excludes(no_input);
  one->add_flag("--wait", options->wait, "Until the asset is online");
  add_ask_options(one, options);
  runs(one, chosen, [options](Context& context) { return exec(context, *options); });
}

}  // namespace jump::console
