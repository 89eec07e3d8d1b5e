// cp, forward: commands that move bytes.
#include <CLI/CLI.hpp>

#include "tools/console/commands/all.h"
#include "tools/console/commands/session_command.h"
#include "tools/console/session/copy.h"
#include "tools/console/session/forward.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

int wrong_use(std::string_view text) {
  note(text);
  return kWrongUse;
}

// --- cp
// -----------------------------------------------------------------------------------------------------

struct CopyOptions {
  std::vector<std::string> places;
  bool recursive = false;
  bool from_start = false;
  bool quiet = false;
  bool progress = false;
  bool wait = false;
};

struct CopySides {
  std::string asset;
  CopyPlan plan;
};

// All sources are on one side, the target is on the other.
Result<CopySides> sides_of(const CopyOptions& options) {
  if (options.places.size() < 2) return Error(Fault::invalid, "give at least one source and the target");
  const CopyPlace target = parse_copy_place(options.places.back());
  CopySides sides;
  sides.plan.upload = target.asset.has_value();
  sides.plan.target = target.path;
  if (target.asset) sides.asset = *target.asset;
  for (std::size_t i = 0; i + 1 < options.places.size(); ++i) {
    const CopyPlace source = parse_copy_place(options.places[i]);
    if (source.asset.has_value() == sides.plan.upload) {
      return Error(Fault::invalid, sides.plan.upload
                                       ? "from one asset to another there is no way: copy it here first"
                                       : "neither '" + printable(options.places[i], 80) + "' nor '" +
                                             printable(options.places.back(), 80) +
                                             "' names an asset (ASSET:PATH)");
    }
    if (source.asset) {
      if (!sides.asset.empty() && sides.asset != *source.asset) {
        return Error(Fault::invalid, "sources on two assets: copy them one after the other");
      }
      sides.asset = *source.asset;
    }
    if (source.path.empty()) {
      return Error(Fault::invalid,
                   "'" + printable(options.places[i], 80) + "' names no file; the home folder is '.'");
    }
    sides.plan.sources.push_back(source.path);
  }
  sides.plan.recursive = options.recursive;
  sides.plan.resume = !options.from_start;
  sides.plan.progress = options.quiet      ? CopyPlan::Progress::never
                        : options.progress ? CopyPlan::Progress::always
                                           : CopyPlan::Progress::automatic;
  return sides;
}

Task<int> run_copy(SessionCommand& command, const CopySides& sides, bool wait) {
  Result<OpenedSessionPtr> session =
      co_await command.open(sides.asset, wait, control::SessionKind::files, copy_arguments());
  if (!session) co_return command.status_of_failure(session.error());
  Copy copy(**session, sides.plan);
  const CopyEnding ending = co_await copy.run();
  if (!ending.text.empty()) note(ending.text);
  co_return ending.status;
}

Task<int> cp(Context& context, CopyOptions options) {
  const Result<CopySides> sides = sides_of(options);
  if (!sides) co_return wrong_use(sides.error().message());
  Result<std::unique_ptr<SessionCommand>> command = SessionCommand::create(context);
  if (!command) co_return fail(command.error());
  const int status = co_await run_copy(**command, *sides, options.wait);
  co_await (*command)->stop();
  co_return status;
}

// --- forward
// ------------------------------------------------------------------------------------------------

struct ForwardOptions {
  std::string asset;
  std::string what;
  bool bind_any = false;
  bool wait = false;
};

Task<int> run_forward(SessionCommand& command, const ForwardOptions& options, ForwardSpec spec,
                      asio::ip::tcp::acceptor acceptor) {
  Result<OpenedSessionPtr> session = co_await command.open(
      options.asset, options.wait, control::SessionKind::forward, forward_arguments(spec));
  if (!session) co_return command.status_of_failure(session.error());
  boost::system::error_code ignored;
  const asio::ip::tcp::endpoint local = acceptor.local_endpoint(ignored);
  // For scripts: the port that was chosen, as soon as it can be used.
  const int printed = print("listening on " + to_text({local.address().to_string(), local.port()}) + " for " +
                            to_text({spec.host, spec.port}) + "\n");
  if (printed != kDone) co_return printed;
  Forward forward(**session, std::move(acceptor), [](const std::string& trouble) { note(trouble); });
  const Result<int> ended = co_await forward.run();
  co_return ended ? *ended : fail(ended.error());
}

Task<int> forward(Context& context, ForwardOptions options) {
  const Result<ForwardSpec> spec = parse_forward(options.what);
  if (!spec) co_return wrong_use(spec.error().message());
  Result<asio::ip::tcp::acceptor> acceptor = listen_local(context.executor(), *spec, options.bind_any);
  if (!acceptor) co_return fail(acceptor.error());
  Result<std::unique_ptr<SessionCommand>> command = SessionCommand::create(context);
  if (!command) co_return fail(command.error());
  const int status = co_await run_forward(**command, options, *spec, std::move(*acceptor));
  co_await (*command)->stop();
  co_return status;
}

}  // namespace

void add_transfer_commands(CLI::App& app, Chosen& chosen) {
  {
    auto options = std::make_shared<CopyOptions>();
    CLI::App* one = add_command(
        app, "cp",
        "Copy files and folders to or from an asset. What was broken off goes on where it stopped when the "
        "same command is given again. Status 1: some entries were left out",
        "jump cp -r site web-01:/srv/www");
    one->add_option("PLACE", options->places, "SRC… DST; on one side ASSET:PATH")->required();
    one->add_flag("-r,--recursive", options->recursive, "Folders too");
    one->add_flag("--from-start", options->from_start, "Do not go on with what an earlier try left");
    one->add_flag("-q,--quiet", options->quiet, "No progress");
    one->add_flag("--progress", options->progress, "Progress also where standard error is no terminal");
    one->add_flag("--wait", options->wait, "Until the asset is online");
    runs(one, chosen, [options](Context& context) { return cp(context, *options); });
  }
  auto options = std::make_shared<ForwardOptions>();
  CLI::App* one = add_command(app, "forward", "Let local connections come out at an asset, until Ctrl-C",
                              "jump forward db-01 5433:127.0.0.1:5432");
  one->add_option("ASSET", options->asset, "Id, name or group/name")->required();
  one->add_option("FORWARD", options->what, "[ADDR:]PORT:HOST:PORT; local port 0 is chosen and printed")
      ->required();
  one->add_flag("--bind-any", options->bind_any, "Allow addresses that others can reach");
  one->add_flag("--wait", options->wait, "Until the asset is online");
  runs(one, chosen, [options](Context& context) { return forward(context, *options); });
}

}  // namespace jump::console
