#include "tools/console/session/copy.h"

#include <cstdio>

#include "common/base/file_path.h"
#include "common/files/client.h"
#include "platform/signals.h"
#include "tools/console/terminal/terminal.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(200);
constexpr auto kLook = std::chrono::seconds(1);
constexpr std::size_t kColumnsWithout = 80;  // a terminal that does not tell its size
constexpr int kLeftOut = 1;

void say(const std::string& text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

std::string absolute(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::path full = std::filesystem::absolute(file_path(path), ignored);
  return ignored ? path : path_text(full);
}

}  // namespace

json::value copy_arguments() {
  return json::object();
}

Copy::Copy(OpenedSession& session, CopyPlan plan)
    : session_(session),
      plan_(std::move(plan)),
      visible_(plan_.progress == CopyPlan::Progress::always ||
               (plan_.progress == CopyPlan::Progress::automatic && is_terminal(Standard::error_output))),
      started_(BootClock::now()),
      ended_(session.tunnel().executor()) {}

Task<CopyEnding> Copy::run() {
  TaskGroup lasting(session_.tunnel().executor());
  TaskGroup tasks(session_.tunnel().executor());
  lasting.spawn("wait limit", session_.io().watch());
  lasting.spawn("listener", session_.listen());
  tasks.spawn("copy", work());
  tasks.spawn("progress", show_progress());
  tasks.spawn("connection", watch_connection());
  tasks.spawn("signals", watch_signals());
  while (!ending_) co_await ended_.wait();
  co_await tasks.stop();
  clear();
  co_await session_.hang_up();
  co_await lasting.stop();
  co_return std::move(*ending_);
}

void Copy::end(int status, std::string text) {
  if (ending_) return;
  ending_ = CopyEnding{status, std::move(text)};
  ended_.set();
}

Task<> Copy::work() {
  const Result<void> fine = co_await check_target();
  if (!fine) {
    end(kJumpFailed, fine.error().message());
    co_return;
  }
  for (const std::string& source : plan_.sources) {
    const Result<files::TransferResult> result = co_await one(source);
    if (!result) {
      const std::optional<Error> over = session_.over();
      const std::string why = session_.failure() ? printable(*session_.failure())
                              : over             ? over->message()
                                                 : printable(result.error().message(), 1024);
      end(kJumpFailed, printable(source, 200) + ": " + why);
      co_return;
    }
    remember(*result);
  }
  const std::string summary =
      visible_ ? transfer_summary(files_, bytes_, resumed_, BootClock::now() - started_) : std::string();
  end(skipped_ > 0 ? kLeftOut : kDone,
      skipped_ > 0
          ? std::to_string(skipped_) + (skipped_ == 1 ? " entry was left out" : " entries were left out") +
                (summary.empty() ? "" : "; " + summary)
          : summary);
}

// Several sources go into a folder; otherwise the last one would be all that is left.
Task<Result<void>> Copy::check_target() {
  if (plan_.sources.size() < 2) co_return Result<void>();
  const Error no_folder(Fault::invalid,
                        printable(plan_.target, 200) + " is no folder, and there are several sources");
  if (!plan_.upload) {
    std::error_code ignored;
    if (std::filesystem::is_directory(file_path(plan_.target), ignored)) co_return Result<void>();
    co_return no_folder;
  }
  if (plan_.target.empty()) co_return Result<void>();
  const Result<files::Entry> target = co_await files::stat(session_.io(), plan_.target);
  if (!target) co_return target.error();
  if (target->kind != files::Kind::folder) co_return no_folder;
  co_return Result<void>();
}

Task<Result<files::TransferResult>> Copy::one(std::string source) {
  files::ProgressSink sink = [this](const files::Progress& progress) { count(progress); };
  if (plan_.upload) {
    files::PutRequest request;
    request.from = absolute(source);
    request.to = plan_.target;
    request.recursive = plan_.recursive;
    request.resume = plan_.resume;
    auto putting = files::put(session_.io(), std::move(request), std::move(sink));
    co_return co_await std::move(putting);
  }
  files::GetRequest request;
  request.from = source;
  request.to = absolute(plan_.target);
  request.recursive = plan_.recursive;
  request.resume = plan_.resume;
  auto getting = files::get(session_.io(), std::move(request), std::move(sink));
  co_return co_await std::move(getting);
}

void Copy::remember(const files::TransferResult& result) {
  files_ += result.files;
  bytes_ += result.bytes;
  resumed_ += result.resumed;
  skipped_ += result.skipped_count;
  finished_bytes_ = view_.done;
  for (const files::Skip& remark : result.remarks) {
    clear();
    say("jump: " + printable(remark.path, 512) + ": " + printable(remark.reason) + "\n");
  }
}

// --- progress
// -----------------------------------------------------------------------------------------------

void Copy::count(const files::Progress& progress) {
  view_.name = progress.path;
  view_.done = finished_bytes_ + progress.bytes;
  // Of several sources only those that were begun are known.
  view_.total = finished_bytes_ + progress.bytes_total;
  view_.resumed = progress.resumed;
  view_.files = progress.entries;
  view_.files_total = progress.entries_total;
  meter_.add(resumed_ + progress.bytes - std::min(progress.bytes, progress.resumed), BootClock::now());
}

Task<> Copy::show_progress() {
  if (!visible_) co_return;
  while (true) {
    co_await sleep_for(kRedraw);
    draw();
  }
}

void Copy::draw() {
  view_.rate = meter_.rate();
  view_.waiting = session_.io().end().state() != mux::SessionEnd::State::live;
  const std::optional<TerminalSize> size = terminal_size();
  const std::size_t columns = size ? size->columns - 1u : kColumnsWithout;
  say("\r" + progress_line(view_, columns) + "\x1b[K");
  drawn_ = true;
}

void Copy::clear() {
  if (drawn_) say("\r\x1b[K");
  drawn_ = false;
}

// --- the end
// ------------------------------------------------------------------------------------------------

Task<> Copy::watch_connection() {
  while (!session_.over() && !session_.failure()) co_await session_.io().state_changed().wait_for(kLook);
  const std::optional<Error> over = session_.over();
  end(kJumpFailed,
      session_.endpoint() + ": " + (session_.failure() ? printable(*session_.failure()) : over->message()));
}

Task<> Copy::watch_signals() {
  using platform::Signal;
  platform::Signals signals(session_.tunnel().executor(),
                            {Signal::interrupt, Signal::terminate, Signal::hang_up});
  const Signal signal = co_await signals.next();
  end(status_of_signal(platform::name_of(signal)),
      "interrupted; what has arrived is kept, and the same command goes on from there");
}

}  // namespace jump::console
