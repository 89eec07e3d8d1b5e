#include "jumpoint/bridge/ssh_program.h"

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/scoped_group.h"
#include "common/session/endings.h"
#include "jumpoint/bridge/command_filter.h"
#include "jumpoint/bridge/ssh_bridge.h"

namespace jump::bridge {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;
constexpr auto kCloseLimit = std::chrono::seconds(5);

Task<Result<std::unique_ptr<session::Stream>>> await_stream(Conversation& person, std::string_view purpose) {
  Result<Conversation::Opened> opened = co_await person.next_open();
  if (!opened) co_return opened.error();
  if (opened->open.purpose != purpose)
    co_return Error(Fault::refused, "no stream '" + printable(opened->open.purpose, 32) + "' is meant here");
  co_return std::move(opened->stream);
}

session::Exit to_exit(const SshChannel::Exit& from) {
  session::Exit exit;
  exit.status = from.status;
  exit.signal = from.signal;
  exit.core_dumped = from.core_dumped;
  return exit;
}

// What runs on the channel, its streams, and the way to the end.
class ProgramRun {
 public:
  ProgramRun(session::Session& session, SshConnection& connection, Conversation& person, CommandFilter filter)
      : group(connection.executor()),
        channel(connection),
        session_(session),
        connection_(connection),
        person_(person),
        filter_(std::move(filter)),
        changed_(connection.executor()),
        turn_(connection.executor()) {}

  TaskGroup group;
  SshChannel channel;
  std::unique_ptr<session::Stream> stdio;
  std::unique_ptr<session::Stream> error_output;  // of a command only

  Task<Result<void>> go() {
    group.spawn("ssh input", input());
    group.spawn("ssh output", output(*stdio, false));
    if (error_output) group.spawn("ssh errors", output(*error_output, true));
    group.spawn("ssh person", watch_person());
    person_.on_resize = [this](const session::Resize& size) { channel.resize(size.columns, size.rows); };
    person_.on_signal = [this](const session::Signal& signal) { channel.signal(signal.name); };
    const Forget forget{person_};
    const int outputs = error_output ? 2 : 1;
    while (ended_ < outputs && !person_.gone() && !broken_) co_await changed_.wait();
    if (broken_) co_return *broken_;
    co_await until_concluded();
    if (!person_.gone() && !channel.exit().status && !channel.exit().signal && connection_.over())
      co_return Error(Fault::unavailable, connection_.over()->context);
    channel.close();
    if (person_.gone() && !person_.left()) co_return *person_.gone();
    co_return co_await conclude();
  }

 private:
  struct Forget {
    Conversation& person;
    ~Forget() {
      person.on_resize = nullptr;
      person.on_signal = nullptr;
    }
  };

  // A command may close its outputs and work on: it is over when the target says so. A terminal is closed by
  // its last program only, and what serves it may forget to say more.
  Task<> until_concluded() {
    const Instant until = BootClock::now() + kCloseLimit;
    while (!person_.gone() && !channel.concluded()) {
      if (error_output) {
        co_await connection_.bell().wait();
        continue;
      }
      const bool rung = co_await connection_.bell().wait_until(until);
      if (!rung) co_return;
    }
  }

  Task<Result<void>> conclude() {
    std::vector<session::Stream*> streams{stdio.get()};
    stdio->end();
    if (error_output) {
      error_output->end();
      streams.push_back(error_output.get());
    }
    const session::Message exit(to_exit(channel.exit()));
    session_.send_lasting(session::encode(exit));
    if (person_.left()) co_return co_await session::taken_or_given_up(session_, std::move(streams));
    co_return co_await session::all_taken(session_, std::move(streams));
  }

  Task<> input() {
    std::array<std::uint8_t, kPieceBytes> piece;
    while (true) {
      const Result<std::size_t> got = co_await stdio->read(piece);
      if (!got) co_return;
      if (*got == 0) break;
      const CommandFilter::Passed passed = filter_.input(as_text(ByteView(piece).first(*got)));
      const ByteView bytes = as_bytes(passed.bytes);
      const Result<void> written = co_await channel.write(bytes);
      // What it takes no more is thrown away: the console must not wait for that.
      if (written) co_await tell(passed);
      stdio->taken(*got);
    }
    channel.end();
  }

  Task<> tell(const CommandFilter::Passed& passed) {
    for (const CommandFilter::Judgement& judgement : passed.judgements) {
      const bool refused = filter_.mode() == session::FilterMode::enforce;
      const std::string line = printable(judgement.line, 200);
      person_.remark(true,
                     std::string(refused ? "command refused: " : "command would be refused: ") + line + " (" +
                         printable(judgement.reason, 200) + ")",
                     refused);
      if (!refused) continue;
      const std::string text = "\r\njump: '" + line + "' is not allowed here: " + judgement.reason + "\r\n";
      const ByteView bytes = as_bytes(text);
      const Result<void> shown = co_await show(*stdio, bytes);
      if (!shown) co_return;
    }
  }

  Task<> output(session::Stream& to, bool errors) {
    std::array<std::uint8_t, kPieceBytes> piece;
    while (true) {
      const Result<std::size_t> got = co_await channel.read(piece, errors);
      if (!got && !got.error().is(Fault::closed)) broken_ = got.error();
      if (!got || *got == 0) break;
      const ByteView bytes(piece.data(), *got);
      if (!errors) filter_.output(as_text(bytes));
      const Result<void> written = co_await show(to, bytes);
      if (!written) break;
    }
    ++ended_;
    changed_.set();
  }

  // The filter's words and the target's come from two tasks, and a stream has one writer.
  Task<Result<void>> show(session::Stream& to, ByteView bytes) {
    while (showing_) co_await turn_.wait();
    showing_ = true;
    Result<void> shown = co_await to.write(bytes);
    showing_ = false;
    turn_.ring();
    co_return shown;
  }

  Task<> watch_person() {
    co_await person_.until_gone();
    changed_.set();
    connection_.bell().ring();
  }

  session::Session& session_;
  SshConnection& connection_;
  Conversation& person_;
  CommandFilter filter_;
  Event changed_;
  Bell turn_;
  bool showing_ = false;
  int ended_ = 0;
  std::optional<Error> broken_;
};

std::string terminal_type(const session::Target& target) {
  return target.terminal == "VT100" ? "vt100" : target.terminal.empty() ? "xterm" : target.terminal;
}

// A shell, or the command in its place.
Task<Result<void>> start_on_terminal(ProgramRun& run, Conversation& person, const session::Target& target,
                                     session::ShellStart start, std::optional<std::string> command) {
  Result<std::unique_ptr<session::Stream>> stream = co_await await_stream(person, "tty");
  if (!stream) co_return stream.error();
  run.stdio = std::move(*stream);
  Result<void> done = co_await run.channel.open();
  if (!done) co_return done;
  for (const auto& [name, value] : target.environment) co_await run.channel.set_environment(name, value);
  const session::Resize size = person.size().value_or(session::Resize{start.columns, start.rows});
  done = co_await run.channel.request_pty(terminal_type(target), size.columns, size.rows);
  if (!done) co_return done;
  auto requesting = command ? run.channel.request_exec(std::move(*command)) : run.channel.request_shell();
  done = co_await std::move(requesting);
  if (!done) co_return done;
  if (const std::optional<session::Resize>& now = person.size();
      now && (now->columns != size.columns || now->rows != size.rows)) {
    run.channel.resize(now->columns, now->rows);
  }
  co_return co_await run.go();
}

Task<Result<void>> start_exec(ProgramRun& run, Conversation& person, const session::Target& target,
                              std::string command) {
  while (!run.stdio || !run.error_output) {
    Result<Conversation::Opened> opened = co_await person.next_open();
    if (!opened) co_return opened.error();
    const std::string& purpose = opened->open.purpose;
    std::unique_ptr<session::Stream>& place = purpose == "stderr" ? run.error_output : run.stdio;
    if ((purpose != "stderr" && purpose != "stdio") || place)
      co_return Error(Fault::refused, "a command has no further stream '" + printable(purpose, 32) + "'");
    place = std::move(opened->stream);
  }
  Result<void> done = co_await run.channel.open();
  if (!done) co_return done;
  for (const auto& [name, value] : target.environment) co_await run.channel.set_environment(name, value);
  done = co_await run.channel.request_exec(std::move(command));
  if (!done) co_return done;
  co_return co_await run.go();
}

}  // namespace

Task<Result<void>> serve_shell(session::Session& session, SshConnection& connection, Conversation& person,
                               const session::Target& target, session::ShellStart start) {
  Result<void> fine = session::check(start);
  if (!fine) co_return fine;
  Result<CommandFilter> filter = CommandFilter::create(target.filter);
  if (!filter) co_return filter.error();
  ProgramRun run(session, connection, person, std::move(*filter));
  Task<Result<void>> work = start_on_terminal(run, person, target, std::move(start), std::nullopt);
  co_return co_await and_stop(run.group, std::move(work));
}

Task<Result<void>> serve_exec(session::Session& session, SshConnection& connection, Conversation& person,
                              const session::Target& target, session::ExecStart start) {
  Result<void> fine = session::check(start);
  if (!fine) co_return fine;
  Result<CommandFilter> filter = CommandFilter::create(target.filter);
  if (!filter) co_return filter.error();
  const std::string command = command_line(start.argv);
  const CommandFilter::Judgement judgement = filter->judge(command);
  if (!judgement.allowed) {
    const bool refused = filter->mode() == session::FilterMode::enforce;
    const std::string text = printable(judgement.line, 200) + " (" + printable(judgement.reason, 200) + ")";
    person.remark(true, (refused ? "command refused: " : "command would be refused: ") + text, refused);
    if (refused) co_return Error(Fault::refused, "this command is not allowed here: " + text);
  }
  if (start.terminal) {
    // It may be a shell.
    ProgramRun run(session, connection, person, std::move(*filter));
    Task<Result<void>> work = start_on_terminal(run, person, target, std::move(*start.terminal), command);
    co_return co_await and_stop(run.group, std::move(work));
  }
  // A command's own input is no command line.
  session::CommandFilter off;
  Result<CommandFilter> none = CommandFilter::create(off);
  ProgramRun run(session, connection, person, std::move(*none));
  Task<Result<void>> work = start_exec(run, person, target, command);
  co_return co_await and_stop(run.group, std::move(work));
}

}  // namespace jump::bridge
