#include "agent/shell/shell.h"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "agent/shell/program_run.h"
#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/session/codec.h"
#include "platform/pty.h"

namespace jump::agent {
namespace {

// When the shell ends the kernel hangs the terminal up for all others, so what comes now is already on its
// way.
constexpr auto kTerminalQuiet = 200ms;

bool is_utf8(const session::ShellStart& start) {
  const std::string locale = start.locale.value_or("C.UTF-8");
  return locale.find("UTF-8") != std::string::npos || locale.find("utf8") != std::string::npos;
}

Result<platform::PtySpec> to_spec(const session::ShellStart& start, std::vector<std::string> argv,
                                  const RunAs& as) {
  Result<Surroundings> found =
      surroundings_of(as, {"TERM=" + start.term, "LANG=" + start.locale.value_or("C.UTF-8")});
  if (!found) return found.error();
  platform::PtySpec spec;
  spec.argv = std::move(argv);
  spec.shell = as.shell;
  spec.env = std::move(found->env);
  spec.folder = std::move(found->folder);
  spec.user = as.user;
  spec.columns = start.columns;
  spec.rows = start.rows;
  spec.utf8 = is_utf8(start);
  return spec;
}

// The console's first words, up to the stream of its terminal; a size that it sends before counts. No stream:
// it left.
Task<Result<std::unique_ptr<session::Stream>>> await_terminal(session::Session& session,
                                                              session::ShellStart& start) {
  while (true) {
    const Result<session::Message> message =
        co_await session::receive_message(session, session::End::console);
    if (!message) co_return message.error();
    if (const auto* size = std::get_if<session::Resize>(&*message)) {
      if (session::check_size(size->columns, size->rows)) {
        start.columns = size->columns;
        start.rows = size->rows;
      }
    } else if (const auto* open = std::get_if<session::StreamOpen>(&*message)) {
      if (open->purpose != "tty") {
        co_return Error(Fault::refused, "a terminal has no stream '" + printable(open->purpose, 32) + "'");
      }
      co_return session.adopt_stream(open->stream);
    } else if (std::holds_alternative<session::Hangup>(*message)) {
      co_return Error(Fault::closed, "the console left before the program had started");
    }
  }
}

class ShellRun {
 public:
  ShellRun(asio::any_io_executor executor, session::Session& session, std::unique_ptr<session::Stream> stream,
           platform::Pty pty)
      : group(executor),
        session_(session),
        stream_(std::move(stream)),
        pty_(std::move(pty)),
        ended_(executor),
        output_(ended_) {}

  Task<Result<void>> go() {
    group.spawn("shell output", output_.run(pty_, *stream_));
    group.spawn("shell input", input());
    group.spawn("shell messages", follow());
    const Result<platform::ExitStatus> exit = co_await pty_.process().wait();
    if (!exit) co_return exit.error();
    if (gone_) co_return *gone_;
    std::vector<OutputPump*> pumps{&output_};
    co_await drain(ended_, std::move(pumps), kTerminalQuiet);
    stream_->end();
    session_.send_lasting(session::encode(to_exit(*exit)));
    std::vector<session::Stream*> streams{stream_.get()};
    if (left_) co_return co_await taken_or_given_up(session_, std::move(streams));
    co_return co_await all_taken(session_, std::move(streams));
  }

  TaskGroup group;

 private:
  Task<> input() { co_await pump_input(*stream_, pty_); }

  Task<> follow() {
    while (true) {
      const Result<session::Message> message =
          co_await session::receive_message(session_, session::End::console);
      if (!message) {
        gone_ = message.error();
        // Nobody will read a last word.
        pty_.close();
        break;
      }
      if (std::holds_alternative<session::Hangup>(*message)) {
        left_ = true;
        pty_.ask_to_hang_up();
        co_await sleep_for(kHangupGrace);
        pty_.close();
        break;
      }
      act(*message);
    }
    co_await sleep_for(kHangupGrace);
    pty_.process().kill();
    // What still waits for a console that left is given up.
    stream_->reset("the console left");
  }

  void act(const session::Message& message) {
    Result<void> done;
    if (const auto* size = std::get_if<session::Resize>(&message)) {
      done = session::check_size(size->columns, size->rows);
      if (done) done = pty_.resize(size->columns, size->rows);
    } else if (const auto* signal = std::get_if<session::Signal>(&message)) {
      done = pty_.signal(signal->name);
    } else if (const auto* open = std::get_if<session::StreamOpen>(&message)) {
      done = Error(Fault::refused, "a terminal has one stream");
      if (Result<std::unique_ptr<session::Stream>> stream = session_.adopt_stream(open->stream)) {
        (*stream)->reset("a terminal has one stream");
      }
    }
    if (!done) log::info("shell", "not done", {{"why", done.error().message()}});
  }

  session::Session& session_;
  std::unique_ptr<session::Stream> stream_;
  platform::Pty pty_;
  Event ended_;
  OutputPump output_;
  bool left_ = false;          // the console said hangup
  std::optional<Error> gone_;  // the session is over
};

}  // namespace

Task<Result<void>> run_shell(session::Session& session, session::ShellStart start, RunAs as) {
  std::vector<std::string> none;  // the log-in shell
  co_return co_await run_on_terminal(session, std::move(start), std::move(none), std::move(as));
}

Task<Result<void>> run_on_terminal(session::Session& session, session::ShellStart terminal,
                                   std::vector<std::string> argv, RunAs as) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  if (Result<void> fine = session::check(terminal); !fine)
    co_return co_await fail_session(session, fine.error());
  Result<std::unique_ptr<session::Stream>> stream = co_await await_terminal(session, terminal);
  if (!stream) co_return co_await fail_session(session, stream.error());
  Result<platform::PtySpec> spec = to_spec(terminal, std::move(argv), as);
  if (!spec) co_return co_await fail_session(session, spec.error());
  Result<platform::Pty> pty = platform::Pty::start(executor, *spec);
  if (!pty) co_return co_await fail_session(session, pty.error());
  ShellRun run(executor, session, std::move(*stream), std::move(*pty));
  Task<Result<void>> work = run.go();
  co_return co_await and_stop(run.group, std::move(work));
}

}  // namespace jump::agent
