#include "jumpoint/bridge/ssh_bridge.h"

#include <algorithm>
#include <utility>

#include "common/base/scoped_group.h"
#include "common/session/endings.h"
#include "jumpoint/bridge/conversation.h"
#include "jumpoint/bridge/sftp_files.h"
#include "jumpoint/bridge/ssh_host_key.h"
#include "jumpoint/bridge/ssh_login.h"
#include "jumpoint/bridge/ssh_program.h"

namespace jump::bridge {
namespace {

class SshRun {
 public:
  SshRun(session::Session& session, std::unique_ptr<SshConnection> connection, session::Target target)
      : group(connection->executor()),
        session_(session),
        connection_(std::move(connection)),
        target_(std::move(target)),
        person_(connection_->executor(), session) {}

  TaskGroup group;

  Task<Result<void>> go(control::SessionKind kind, json::value arguments) {
    group.spawn("session messages", person_.run());
    Result<void> done = co_await let_in();
    if (done) done = co_await serve(kind, std::move(arguments));
    if (done || done.error().is(Fault::closed)) {
      // The person left, or nobody is there to be told.
      if (!person_.left()) co_return done;
      co_return Result<void>();
    }
    co_return co_await session::fail_session(session_, done.error());
  }

 private:
  Task<Result<void>> let_in() {
    Task<Result<void>> work = shake_and_log_in();
    co_return co_await unless_gone(std::move(work));
  }

  // The person may leave while the target keeps us waiting.
  Task<Result<void>> unless_gone(Task<Result<void>> work) {
    std::optional<Result<void>> result;
    Event over(connection_->executor());
    TaskGroup tasks(connection_->executor());
    tasks.spawn("ssh work", keep(std::move(work), result, over));
    tasks.spawn("ssh person", ring_when_gone(over));
    Task<Result<void>> waiting = wait(over);
    static_cast<void>(co_await and_stop(tasks, std::move(waiting)));
    if (result) co_return *result;
    co_return person_.gone() ? *person_.gone() : Error(Fault::closed, "the session is over");
  }
  static Task<> keep(Task<Result<void>> work, std::optional<Result<void>>& to, Event& over) {
    to.emplace(co_await std::move(work));
    over.set();
  }
  Task<> ring_when_gone(Event& over) {
    co_await person_.until_gone();
    over.set();
  }
  static Task<Result<void>> wait(Event& over) {
    co_await over.wait();
    co_return Result<void>();
  }

  Task<Result<void>> shake_and_log_in() {
    Result<void> done = co_await connection_->handshake();
    if (!done) co_return done;
    group.spawn("ssh connection", connection_->pump());
    if (target_.keep_alive_seconds > 0)
      group.spawn("ssh keep-alive",
                  connection_->keep_alive(std::chrono::seconds(target_.keep_alive_seconds)));
    if (!connection_->strict_key_exchange()) {
      person_.remark(true, connection_->who() +
                               " has no strict key exchange (CVE-2023-48795, Terrapin): "
                               "somebody on the way could cut messages off its beginning");
    }
    done = co_await check_host_key(*connection_, connection_->native(), target_.host_keys, person_);
    if (!done) co_return done;
    LoginMeans means;
    means.username = target_.username;
    means.credential = std::exchange(target_.credential, std::nullopt);
    co_return co_await log_in(*connection_, std::move(means), person_);
  }

  Task<Result<void>> serve(control::SessionKind kind, json::value arguments) {
    switch (kind) {
      case control::SessionKind::shell: {
        Result<session::ShellStart> start = from_json<session::ShellStart>(arguments);
        if (!start) co_return wrap(start.error(), "arguments of the session");
        co_return co_await serve_shell(session_, *connection_, person_, target_, std::move(*start));
      }
      case control::SessionKind::exec: {
        Result<session::ExecStart> start = from_json<session::ExecStart>(arguments);
        if (!start) co_return wrap(start.error(), "arguments of the session");
        co_return co_await serve_exec(session_, *connection_, person_, target_, std::move(*start));
      }
      case control::SessionKind::files:
        co_return co_await serve_sftp(*connection_, person_);
      default:
        co_return Error(Fault::unsupported, "SSH targets have no sessions of this kind");
    }
  }

  session::Session& session_;
  std::unique_ptr<SshConnection> connection_;
  session::Target target_;
  Conversation person_;
};

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-./=:,@%+").find(c) != std::string_view::npos;
}

}  // namespace

SshOptions ssh_options(const session::Target& target) {
  SshOptions options;
  options.host = target.host;
  options.port = target.port;
  options.legacy_algorithms = target.legacy_algorithms;
  options.host_key_types = host_key_types(target.host_keys);
  return options;
}

std::string command_line(const std::vector<std::string>& argv) {
  if (argv.size() == 1) return argv.front();
  std::string line;
  for (const std::string& word : argv) {
    if (!line.empty()) line += ' ';
    if (!word.empty() && std::ranges::all_of(word, is_plain)) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

Task<Result<void>> run_ssh(session::Session& session, std::unique_ptr<SshConnection> connection,
                           session::Target target, control::SessionKind kind, json::value arguments) {
  SshRun run(session, std::move(connection), std::move(target));
  Task<Result<void>> work = run.go(kind, std::move(arguments));
  co_return co_await and_stop(run.group, std::move(work));
}

}  // namespace jump::bridge
