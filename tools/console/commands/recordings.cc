// sessions, session end, play.
#include <CLI/CLI.hpp>

#include <cstdio>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "common/base/clock.h"
#include "platform/signals.h"
#include "platform/temporary.h"
#include "tools/console/commands/all.h"
#include "tools/console/commands/player.h"
#include "tools/console/text/exit_status.h"
#include "tools/console/text/human.h"
#include "tools/console/text/table.h"

namespace jump::console {
namespace {

struct ListOptions {
  std::string asset;
  std::string kind;
  std::size_t limit = 50;
  bool live = false;
  bool as_json = false;
};

std::string times_of(const json::object& session, std::int64_t now) {
  const Result<std::int64_t> began = parse_iso8601(text_of(session, "created_timestamp"));
  if (!began) return "";
  const Result<std::int64_t> ended = parse_iso8601(text_of(session, "ended_timestamp"));
  return human_time((ended ? *ended : now) - *began);
}

Task<int> list_sessions(Context& context, ListOptions options) {
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  Query query;
  if (!options.asset.empty()) {
    const PickedAsset picked = co_await pick_asset(**api, options.asset);
    if (!picked.asset) co_return picked.status;
    query.emplace_back("jump_client_id", std::to_string(picked.asset->names.id));
  }
  if (!options.kind.empty()) query.emplace_back("kind", options.kind);
  if (options.live) query.emplace_back("live", "true");
  const Result<json::array> rows = co_await (*api)->list("/session", std::move(query), options.limit);
  if (!rows) co_return fail(rows.error());
  if (options.as_json) co_return print_json(*rows);
  const std::int64_t now = wall_seconds();
  Table table({"SESSION", "ASSET", "USER", "KIND", "STATE", "BEGAN", "TIME", "RECORDED", "ENDED BY"});
  for (const json::value& row : *rows) {
    if (!row.is_object()) continue;
    const json::object& session = row.get_object();
    const std::int64_t bytes = number_of(session, "recording_bytes").value_or(0);
    table.add({text_of(session, "id"), text_of(session, "jump_client_name"), text_of(session, "username"),
               text_of(session, "kind"), text_of(session, "state"), text_of(session, "created_timestamp"),
               times_of(session, now),
               !flag_of(session, "recorded") ? "no"
               : bytes > 0                   ? human_size(static_cast<std::uint64_t>(bytes))
                                             : "yes",
               cut_to_width(printable(text_of(session, "reason")), 40)});
  }
  co_return print(table.text());
}

Task<int> end_session(Context& context, std::string typed, std::string reason) {
  const Result<std::string> id = parse_session_id(typed);
  if (!id) {
    fail(id.error());
    co_return kWrongUse;
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  json::object body;
  if (!reason.empty()) body["reason"] = reason;
  const Result<json::value> done = co_await (*api)->post("/session/" + *id + "/end", std::move(body));
  co_return done ? kDone : fail(done.error());
}

// --- play
// ---------------------------------------------------------------------------------------------------

struct PlayOptions {
  std::string session;
  PlayerOptions player;
  bool raw = false;
};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePtr = std::unique_ptr<std::FILE, CloseFile>;

Task<platform::Signal> interruption() {
  using platform::Signal;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  platform::Signals signals(executor, {Signal::interrupt, Signal::terminate, Signal::hang_up});
  co_return co_await signals.next();
}

Task<int> play(Context& context, PlayOptions options) {
  const Result<std::string> id = parse_session_id(options.session);
  if (!id) {
    fail(id.error());
    co_return kWrongUse;
  }
  Result<std::unique_ptr<ApiClient>> api = context.api();
  if (!api) co_return fail(api.error());
  // It may be larger than memory, and a player's pauses must not hold the connection.
  Result<std::FILE*> temporary = nullptr;
  if (!options.raw) temporary = platform::temporary_file();
  if (!temporary) co_return fail(temporary.error());
  const FilePtr file(*temporary);
  std::FILE* const to = options.raw ? stdout : file.get();
  BodySink sink = [to](std::string_view piece) -> Result<void> {
    if (std::fwrite(piece.data(), 1, piece.size(), to) != piece.size())
      return system_error("write the recording");
    return {};
  };
  const Result<void> fetched = co_await (*api)->fetch("/recording/" + *id, std::move(sink));
  if (!fetched) co_return fail(fetched.error());
  if (options.raw) co_return std::fflush(stdout) == 0 ? kDone : fail("standard output cannot be written");
  std::rewind(file.get());
  using namespace asio::experimental::awaitable_operators;
  ScreenTracker screen;
  Task<Result<void>> playing = play_recording(*file, options.player, screen);
  const auto first = co_await (std::move(playing) || interruption());
  leave_screen(screen);
  if (first.index() == 1) co_return status_of_signal(platform::name_of(std::get<1>(first)));
  const Result<void>& played = std::get<0>(first);
  co_return played ? kDone : fail(played.error());
}

}  // namespace

void add_recording_commands(CLI::App& app, Chosen& chosen) {
  {
    auto options = std::make_shared<ListOptions>();
    CLI::App* one = add_command(app, "sessions", "List sessions, the latest first", "jump sessions --live");
    one->add_option("--asset", options->asset, "Only those with this asset");
    one->add_option("--kind", options->kind, "shell, exec, files, sysinfo or forward");
    one->add_option("--limit", options->limit, "At most so many")->capture_default_str();
    one->add_flag("--live", options->live, "Only those that run");
    one->add_flag("--json", options->as_json, "For programs");
    runs(one, chosen, [options](Context& context) { return list_sessions(context, *options); });
  }
  CLI::App* group = add_group(app, "session", "Act on a session");
  {
    auto id = std::make_shared<std::string>();
    auto reason = std::make_shared<std::string>();
    CLI::App* one = add_command(*group, "end", "End a session at both ends",
                                "jump session end 9f2c61d04be84a7fb3a15c0d72e8f614 --reason maintenance");
    one->add_option("SESSION", *id, "Id of the session")->required();
    one->add_option("--reason", *reason, "Shown to its user; at most 256 bytes");
    runs(one, chosen, [id, reason](Context& context) { return end_session(context, *id, *reason); });
  }
  auto options = std::make_shared<PlayOptions>();
  CLI::App* one =
      add_command(app, "play", "Play the recording of a shell, or print what was done in another session",
                  "jump play 9f2c61d04be84a7fb3a15c0d72e8f614 --speed 2 --idle-limit 3");
  one->add_option("SESSION", options->session, "Id of the session")->required();
  one->add_option("--speed", options->player.speed, "So many times as fast")->check(CLI::Range(0.01, 1000.0));
  one->add_option("--idle-limit", options->player.idle_seconds, "Longest pause, in seconds")
      ->check(CLI::Range(0.0, 1e6));
  one->add_flag("--fast", options->player.no_pauses,
                "Without pauses; so it is where standard output is no terminal");
  one->add_flag("--raw", options->raw, "The recording itself");
  runs(one, chosen, [options](Context& context) { return play(context, *options); });
}

}  // namespace jump::console
