#include "tools/console/session/exec.h"

#include <cstdio>

#include "platform/signals.h"
#include "tools/console/terminal/terminal.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr int kPatience = 3;  // Ctrl-C: twice for the command, then for ourselves
constexpr auto kLook = std::chrono::seconds(1);
constexpr auto kQuiet = std::chrono::seconds(3);

void say(const std::string& text) {
  const std::string line = "jump: " + text + "\n";
  static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
}

}  // namespace

Exec::Exec(OpenedSession& session, bool no_input)
    : session_(session),
      no_input_(no_input),
      output_(session.tunnel().executor(), Standard::output),
      error_output_(session.tunnel().executor(), Standard::error_output),
      ended_(session.tunnel().executor()) {}

Task<ExecEnding> Exec::run() {
  Result<std::unique_ptr<session::Stream>> standard = session_.open_stream("stdio");
  if (!standard) co_return ExecEnding{kJumpFailed, standard.error().message()};
  Result<std::unique_ptr<session::Stream>> error = session_.open_stream("stderr");
  if (!error) co_return ExecEnding{kJumpFailed, error.error().message()};
  standard_ = std::move(*standard);
  error_ = std::move(*error);
  error_->end();
  TaskGroup lasting(session_.tunnel().executor());
  TaskGroup tasks(session_.tunnel().executor());
  lasting.spawn("wait limit", session_.io().watch());
  lasting.spawn("listener", session_.listen());
  tasks.spawn("input", send_input());
  tasks.spawn("output", show(*standard_, output_, output_over_));
  tasks.spawn("error output", show(*error_, error_output_, error_over_));
  tasks.spawn("end", watch_end());
  tasks.spawn("connection", watch_connection());
  lasting.spawn("signals", watch_signals());
  while (!ending_) co_await ended_.wait();
  co_await tasks.stop();
  ExecEnding ending = std::move(*ending_);
  if (hang_up_) {
    co_await session_.hang_up();
  } else {
    co_await session_.finish();
  }
  co_await lasting.stop();
  co_return ending;
}

void Exec::end(int status, std::string text, bool hang_up) {
  if (ending_) return;
  ending_ = ExecEnding{status, std::move(text)};
  hang_up_ = hang_up;
  ended_.set();
}

Task<> Exec::send_input() {
  if (!no_input_) {
    StandardPipe input(session_.tunnel().executor(), Standard::input);
    Bytes buffer(kPiece);
    while (true) {
      const Result<std::size_t> size = co_await input.read(buffer);
      if (!size || *size == 0) break;
      const Result<void> written = co_await standard_->write(ByteView(buffer).first(*size));
      // The command reads no more; what it prints still counts.
      if (!written) co_return;
    }
  }
  standard_->end();
}

Task<> Exec::show(session::Stream& stream, StandardPipe& to, bool& over) {
  Bytes buffer(kPiece);
  while (true) {
    const Result<std::size_t> size = co_await stream.read(buffer);
    if (!size || *size == 0) break;
    const Result<void> shown = co_await to.write(ByteView(buffer).first(*size));
    if (!shown) {
      // As a local command whose reader has gone. Other failures (a full disk) have words.
      const bool gone = shown.error().is(Fault::closed);
      end(gone ? status_of_signal("PIPE") : kJumpFailed, gone ? "" : shown.error().message(), true);
      co_return;
    }
    stream.taken(*size);
  }
  over = true;
  session_.heard().set();
}

Task<> Exec::watch_end() {
  while (true) {
    const std::optional<Error> over = session_.over();
    if (session_.failure()) {
      end(kJumpFailed, session_.endpoint() + ": " + printable(*session_.failure()));
    } else if (session_.exit() && output_over_ && error_over_) {
      end(status_of(*session_.exit()), "");
    } else if (over) {
      end(kJumpFailed, session_.endpoint() + ": " + over->message());
    } else {
      co_await session_.heard().wait();
      continue;
    }
    co_return;
  }
}

// The end of a session is noticed here; the words of watch_end say what it was. A person is told of a
// connection that is away for longer than a blink; a program that reads standard error is not.
Task<> Exec::watch_connection() {
  const bool person = is_terminal(Standard::error_output);
  std::optional<Instant> told;  // since when it was away
  while (!session_.over()) {
    co_await session_.io().state_changed().wait_for(kLook);
    const std::optional<Instant> away = session_.io().end().away_since();
    const Instant now = BootClock::now();
    if (!person || session_.over()) continue;
    if (away && !told && now - *away > kQuiet) {
      told = away;
      const auto limit = std::chrono::duration_cast<std::chrono::minutes>(session_.io().end().wait_limit());
      say("no connection to " + session_.endpoint() + "; waits up to " + std::to_string(limit.count()) +
          " min");
    } else if (!away && told) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - *told).count();
      told.reset();
      say("connected again after " + std::to_string(seconds) + " s");
    }
  }
  session_.heard().set();
}

Task<> Exec::watch_signals() {
  using platform::Signal;
  platform::Signals signals(session_.tunnel().executor(),
                            {Signal::interrupt, Signal::terminate, Signal::hang_up, Signal::quit});
  for (int interrupts = 0; !ending_;) {
    const Signal heard = co_await signals.next();
    const bool ours = heard != Signal::interrupt && heard != Signal::quit;
    session::Signal signal;
    signal.name = platform::name_of(heard);
    session_.send(signal);
    if (ours || ++interrupts >= kPatience) {
      end(status_of_signal(signal.name), "", true);
    }
  }
  // The session is left in order. A terminal that is closed says so by SIGHUP, and a shell in it once more;
  // who sends another signal again does not want to wait.
  signals.give_back({Signal::interrupt, Signal::terminate, Signal::quit});
  while (true) static_cast<void>(co_await signals.next());
}

}  // namespace jump::console
