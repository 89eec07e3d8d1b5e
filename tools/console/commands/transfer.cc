// cp.
#include <CLI/CLI.hpp>

#include "platform/paths.h"
#include "tools/console/commands/all.h"
#include "tools/console/commands/session_command.h"
#include "tools/console/session/copy.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

int wrong_use(std::string_view text) {
  note(text);
  return kWrongUse;
}

// --- cp
// -----------------------------------------------------------------------------------------------------

struct CopyOptions : AskArguments {
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

// "C:/x" is a place of this machine where it has drives.
CopyPlace place_of(const std::string& text) {
  return platform::begins_with_drive(text) ? CopyPlace{std::nullopt, text} : parse_copy_place(text);
}

// All sources are on one side, the target is on the other.
Result<CopySides> sides_of(const CopyOptions& options) {
  if (options.places.size() < 2) return Error(Fault::invalid, "give at least one source and the target");
  const CopyPlace target = place_of(options.places.back());
  CopySides sides;
  sides.plan.upload = target.asset.has_value();
  sides.plan.target = target.path;
  if (target.asset) sides.asset = *target.asset;
  for (std::size_t i = 0; i + 1 < options.places.size(); ++i) {
    const CopyPlace source = place_of(options.places[i]);
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
  Result<std::unique_ptr<SessionCommand>> command = SessionCommand::create(context, options);
  if (!command) co_return fail(command.error());
  const int status = co_await run_copy(**command, *sides, options.wait);
  co_await (*command)->stop();
  co_return status;
}

}  // namespace

void add_transfer_commands(CLI::App& app, Chosen& chosen) {
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
  add_ask_options(one, options);
  runs(one, chosen, [options](Context& context) { return cp(context, *options); });
}

}  // namespace jump::console
