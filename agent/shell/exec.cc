#include "agent/shell/exec.h"

#include <array>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "agent/shell/program_run.h"
#include "agent/shell/shell.h"
#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/session/codec.h"
#include "platform/process.h"

namespace jump::agent {
namespace {

constexpr auto kPipeQuiet = 1s;

struct ExecStreams {
  std::unique_ptr<session::Stream> stdio;
  std::unique_ptr<session::Stream> error_output;
};

Result<void> adopt(session::Session& session, const session::StreamOpen& open, ExecStreams& streams) {
  std::unique_ptr<session::Stream>* place = nullptr;
  if (open.purpose == "stdio") place = &streams.stdio;
  if (open.purpose == "stderr") place = &streams.error_output;
  if (place == nullptr || *place) {
    return Error(Fault::refused, "a command has no further stream '" + printable(open.purpose, 32) + "'");
  }
  Result<std::unique_ptr<session::Stream>> stream = session.adopt_stream(open.stream);
  if (!stream) return stream.error();
  *place = std::move(*stream);
  return {};
}

Task<Result<ExecStreams>> await_streams(session::Session& session) {
  ExecStreams streams;
  while (!streams.stdio || !streams.error_output) {
    const Result<session::Message> message =
        co_await session::receive_message(session, session::End::console);
    if (!message) co_return message.error();
    if (const auto* open = std::get_if<session::StreamOpen>(&*message)) {
      if (Result<void> adopted = adopt(session, *open, streams); !adopted) co_return adopted.error();
    } else if (std::holds_alternative<session::Hangup>(*message)) {
      co_return Error(Fault::closed, "the console left before the command had started");
    }
  }
  co_return std::move(streams);
}

Result<platform::PipedProcess> start_program(asio::any_io_executor executor, const session::ExecStart& start,
                                             const RunAs& as) {
  Result<Surroundings> found = surroundings_of(as, {"LANG=C.UTF-8"});
  if (!found) return found.error();
  platform::ProcessSpec spec;
  spec.argv = start.argv;
  spec.env = std::move(found->env);
  spec.folder = std::move(found->folder);
  spec.user = as.user;
  return platform::start_with_pipes(executor, std::move(spec));
}

class ExecRun {
 public:
  ExecRun(asio::any_io_executor executor, session::Session& session, ExecStreams streams,
          platform::PipedProcess piped)
      : group(executor),
        session_(session),
        streams_(std::move(streams)),
        piped_(std::move(piped)),
        ended_(executor),
        output_(ended_),
        error_output_(ended_) {}

  Task<Result<void>> go() {
    group.spawn("command output", output_.run(piped_.output, *streams_.stdio));
    group.spawn("command error output", error_output_.run(piped_.error_output, *streams_.error_output));
    group.spawn("command input", input());
    group.spawn("command error stream", ignore_input(*streams_.error_output));
    group.spawn("command messages", follow());
    const Result<platform::ExitStatus> exit = co_await piped_.process.wait();
    if (!exit) co_return exit.error();
    if (gone_) co_return *gone_;
    std::vector<OutputPump*> pumps{&output_, &error_output_};
    co_await drain(ended_, std::move(pumps), kPipeQuiet);
    streams_.stdio->end();
    streams_.error_output->end();
    session_.send(session::encode(to_exit(*exit)));
    std::vector<session::Stream*> streams{streams_.stdio.get(), streams_.error_output.get()};
    if (left_) co_return co_await taken_or_given_up(session_, std::move(streams));
    co_return co_await all_taken(session_, std::move(streams));
  }

  TaskGroup group;

 private:
  Task<> input() {
    const bool ended = co_await pump_input(*streams_.stdio, piped_.input);
    if (ended) piped_.input.close();
  }

  // Nothing belongs there; its end is acknowledged.
  static Task<> ignore_input(session::Stream& from) {
    std::array<std::uint8_t, 256> piece;
    while (true) {
      const Result<std::size_t> got = co_await from.read(piece);
      if (!got || *got == 0) co_return;
      from.taken(*got);
    }
  }

  Task<> follow() {
    while (true) {
      const Result<session::Message> message =
          co_await session::receive_message(session_, session::End::console);
      if (!message) gone_ = message.error();
      if (!message || std::holds_alternative<session::Hangup>(*message)) break;
      if (const auto* signal = std::get_if<session::Signal>(&*message)) {
        const Result<void> sent = piped_.process.signal(signal->name);
        if (!sent) log::info("exec", "not done", {{"why", sent.error().message()}});
      } else if (const auto* open = std::get_if<session::StreamOpen>(&*message)) {
        const Result<void> refused = adopt(session_, *open, streams_);
        log::info("exec", "not done", {{"why", refused ? std::string() : refused.error().message()}});
      }
    }
    left_ = true;
    const Result<void> asked = piped_.process.signal("HUP");
    co_await sleep_for(kHangupGrace);
    piped_.process.kill();
    // What still waits for a console that left is given up.
    for (session::Stream* stream : {streams_.stdio.get(), streams_.error_output.get()})
      stream->reset("the console left");
  }

  session::Session& session_;
  ExecStreams streams_;
  platform::PipedProcess piped_;
  Event ended_;
  OutputPump output_;
  OutputPump error_output_;
  bool left_ = false;          // the console said hangup
  std::optional<Error> gone_;  // the session is over
};

}  // namespace

Task<Result<void>> run_exec(session::Session& session, session::ExecStart start, RunAs as) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  if (Result<void> fine = session::check(start); !fine)
    co_return co_await fail_session(session, fine.error());
  if (start.terminal)
    co_return co_await run_on_terminal(session, std::move(*start.terminal), std::move(start.argv),
                                       std::move(as));
  Result<ExecStreams> streams = co_await await_streams(session);
  if (!streams) co_return co_await fail_session(session, streams.error());
  Result<platform::PipedProcess> piped = start_program(executor, start, as);
  if (!piped) co_return co_await fail_session(session, piped.error());
  ExecRun run(executor, session, std::move(*streams), std::move(*piped));
  Task<Result<void>> work = run.go();
  co_return co_await and_stop(run.group, std::move(work));
}

}  // namespace jump::agent
