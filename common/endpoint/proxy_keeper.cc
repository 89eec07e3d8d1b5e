#include "common/endpoint/proxy_keeper.h"

#include <algorithm>
#include <array>

#include "common/base/log.h"
#include "common/base/scoped_group.h"
#include "common/endpoint/wake/helper_errors.h"
#include "platform/users.h"

namespace jump::endpoint {
namespace {

constexpr std::size_t kLineBytes = 64 * 1024;  // of a state; longer ends the process
constexpr auto kRestartLeast = std::chrono::seconds(1);
constexpr auto kRestartMost = std::chrono::seconds(30);
constexpr auto kHealthy = std::chrono::seconds(60);

// One line for each input that `wanted` rings for; the end of its input when there is none any more.
Task<> say(platform::Pipe& to, const std::optional<ProxyInput>& input, Event& wanted) {
  while (input) {
    const std::string line = to_json_text(*input) + "\n";
    const Result<void> written = co_await to.write(as_bytes(line));
    if (!written) co_return;
    co_await wanted.wait();
  }
  to.close();
}

}  // namespace

ProxyKeeper::ProxyKeeper(asio::any_io_executor executor, std::string own_path, ProxyProgram program)
    : executor_(executor),
      own_path_(std::move(own_path)),
      program_(std::move(program)),
      wanted_(executor),
      changed_(executor) {}

void ProxyKeeper::set(std::optional<ProxyInput> input) {
  input_ = std::move(input);
  if (input_) input_->local = program_.local;
  wanted_.set();
}

void ProxyKeeper::show(control::ZoneProxyState state) {
  state_ = std::move(state);
  changed_.set();
}

Task<> ProxyKeeper::run() {
  Duration pause = kRestartLeast;
  while (true) {
    if (!input_) {
      if (state_ && state_->listening) show(control::ZoneProxyState());
      co_await wanted_.wait();
      continue;
    }
    const Instant started = BootClock::now();
    const Result<void> ended = co_await run_process();
    if (!input_) continue;
    control::ZoneProxyState state;
    state.reason = "the proxy process ended: " + (ended ? std::string("exit") : ended.error().message());
    log::warning("supervisor", "the proxy process ended; it is started again", {{"reason", state.reason}});
    show(std::move(state));
    co_await sleep_for(pause);
    pause = BootClock::now() - started > kHealthy ? Duration(kRestartLeast)
                                                  : std::min<Duration>(pause * 2, kRestartMost);
  }
}

Task<Result<void>> ProxyKeeper::run_process() {
  platform::ProcessSpec spec;
  spec.argv = {own_path_};
  for (const std::string& argument : program_.arguments) spec.argv.push_back(argument);
  spec.env = platform::service_environment();
  spec.confined = true;
  if (!program_.user.empty()) {
    Result<platform::User> user = platform::find_user(program_.user);
    if (!user) co_return user.error();
    spec.user = *user;
  } else {
    spec.user = platform::network_user();
  }
  Result<platform::PipedProcess> process = platform::start_with_pipes(executor_, std::move(spec));
  if (!process) co_return wrap(process.error(), "start the proxy process");
  TaskGroup group(executor_);
  group.spawn("proxy input", say(process->input, input_, wanted_));
  group.spawn("proxy errors", pass_on_errors(process->error_output));
  Task<Result<void>> listening = listen(*process);
  co_return co_await and_stop(group, std::move(listening));
}

Task<Result<void>> ProxyKeeper::listen(platform::PipedProcess& process) {
  std::string text;
  std::array<std::uint8_t, 4096> piece;
  while (true) {
    const Result<std::size_t> got = co_await process.output.read(piece);
    if (!got || *got == 0) break;
    text += as_text(ByteView(piece).first(*got));
    if (text.size() > kLineBytes) co_return Error(Fault::too_large, "its state is too long");
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      Result<control::ZoneProxyState> state =
          from_json_text<control::ZoneProxyState>(text.substr(0, end), kLineBytes);
      text.erase(0, end + 1);
      if (!state) co_return wrap(state.error(), "its state");
      show(std::move(*state));
    }
  }
  const Result<platform::ExitStatus> exit = co_await process.process.wait();
  if (!exit) co_return exit.error();
  if (exit->signal) co_return Error(Fault::closed, "killed by SIG" + *exit->signal);
  co_return Error(Fault::closed, "exit status " + std::to_string(exit->status.value_or(0)));
}

}  // namespace jump::endpoint
