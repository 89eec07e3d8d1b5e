#include "tools/console/session/ssh_session.h"

#include <cstdio>

#include "tools/console/session/sftp_server.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr auto kLook = std::chrono::seconds(1);
constexpr char kEndOfInput = 4;  // Ctrl-D, termios(3) VEOF
constexpr int kNotFound = 127;   // as shells say it
constexpr std::size_t kFirstInputMost = 4096;

constexpr const char* kLoginShell = "exec \"${SHELL:-/bin/sh}\" -l";
constexpr const char* kCommand = "exec \"${SHELL:-/bin/sh}\" -c \"$0\"";
// Debian and Alpine, Fedora and BSD, Arch and SUSE.
constexpr const char* kSftpServer =
    "for s in /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server /usr/libexec/sftp-server "
    "/usr/lib/ssh/sftp-server /usr/lib/sftp-server; do [ -x \"$s\" ] && exec \"$s\"; done; exit 127";

json::value exec_start(std::vector<std::string> argv) {
  session::ExecStart start;
  start.argv = std::move(argv);
  return to_json(start);
}

session::ShellStart terminal_of(const SshRequest& request) {
  session::ShellStart terminal;
  if (request.terminal) {
    terminal.term = request.terminal->term;
    if (!session::check(terminal)) terminal.term = "xterm";
    terminal.columns = request.terminal->columns;
    terminal.rows = request.terminal->rows;
  }
  terminal.locale = request.locale;
  if (!session::check(terminal)) terminal.locale.reset();
  return terminal;
}

}  // namespace

std::vector<std::string> command_argv(const std::string& command) {
  return {"/bin/sh", "-c", kCommand, command};
}

SshSession::SshSession(ConsoleTunnel& tunnel, const Asset& asset, SshChannel& channel, AskOptions options,
                       AskingPlace* terminal)
    : tunnel_(tunnel),
      asset_(asset),
      channel_(channel),
      asker_(std::move(options), channel.request().terminal ? this : terminal),
      dialogue_over_(tunnel.executor()),
      ended_event_(tunnel.executor()) {}

Result<SshSession::Start> SshSession::start() const {
  const SshRequest& request = channel_.request();
  const bool client = asset_.kind == AssetKind::jump_client;
  Start start;
  if (request.kind == SshRequest::Kind::subsystem) {
    start.kind = client ? control::SessionKind::exec : control::SessionKind::files;
    start.arguments = client ? exec_start({"/bin/sh", "-c", kSftpServer}) : json::value(json::object());
    return start;
  }
  if (request.kind == SshRequest::Kind::command) {
    session::ExecStart exec;
    // Behind a Jumpoint the line goes to the target as it is.
    exec.argv = client ? command_argv(request.text) : std::vector<std::string>{request.text};
    if (request.terminal) exec.terminal = terminal_of(request);
    start.terminal = request.terminal.has_value();
    const Result<void> fine = session::check(exec);
    if (!fine) return fine.error();
    start.kind = control::SessionKind::exec;
    start.arguments = to_json(exec);
    return start;
  }
  if (!request.terminal && client) {
    start.kind = control::SessionKind::exec;
    start.arguments = exec_start({"/bin/sh", "-c", kLoginShell});
    return start;
  }
  start.terminal = true;
  start.arguments = to_json(terminal_of(request));
  return start;
}

Task<> SshSession::run() {
  channel_.exit(kJumpFailed);
  Result<Start> begun = start();
  if (!begun) co_return co_await say(begun.error().message());
  const bool files = begun->kind == control::SessionKind::files;
  const Result<void> opened = co_await open(std::move(*begun));
  if (!opened) co_return co_await say(opened.error().message());
  if (files) co_return co_await serve_files();
  co_await carry();
  if (!is_sftp_missing()) co_return;
  session_.reset();
  Start without;
  without.kind = control::SessionKind::files;
  without.arguments = json::object();
  const Result<void> again = co_await open(std::move(without));
  if (!again) co_return co_await say(again.error().message());
  co_await serve_files();
}

Task<Result<void>> SshSession::open(Start start) {
  const bool files = start.kind == control::SessionKind::files;
  const bool terminal = start.terminal;
  auto opening = open_session(tunnel_, asset_.names.id, start.kind, std::move(start.arguments));
  Result<OpenedSessionPtr> session = co_await std::move(opening);
  if (!session) co_return session.error();
  session_ = std::move(*session);
  session_->ask_with(asker_);
  if (files) co_return Result<void>();
  Result<std::unique_ptr<session::Stream>> standard = session_->open_stream(terminal ? "tty" : "stdio");
  if (!standard) co_return standard.error();
  standard_ = std::move(*standard);
  if (terminal) co_return Result<void>();
  Result<std::unique_ptr<session::Stream>> error = session_->open_stream("stderr");
  if (!error) co_return error.error();
  error_ = std::move(*error);
  error_->end();
  error_over_ = false;
  co_return Result<void>();
}

Task<> SshSession::carry() {
  TaskGroup lasting(tunnel_.executor());
  TaskGroup tasks(tunnel_.executor());
  lasting.spawn("wait limit", session_->io().watch());
  lasting.spawn("listener", session_->listen());
  tasks.spawn("input", send_input());
  tasks.spawn("output", show(*standard_, false, output_over_));
  if (error_) tasks.spawn("error output", show(*error_, true, error_over_));
  tasks.spawn("end", watch_end());
  tasks.spawn("connection", watch_connection());
  tasks.spawn("changes", watch_changes());
  while (!ended_) co_await ended_event_.wait();
  co_await tasks.stop();
  if (hang_up_) {
    co_await session_->hang_up();
  } else {
    co_await session_->finish();
  }
  co_await lasting.stop();
  standard_.reset();
  error_.reset();
}

Task<> SshSession::serve_files() {
  TaskGroup lasting(tunnel_.executor());
  TaskGroup tasks(tunnel_.executor());
  lasting.spawn("wait limit", session_->io().watch());
  lasting.spawn("listener", session_->listen());
  ended_ = false;
  tasks.spawn("sftp", run_sftp());
  tasks.spawn("end", watch_failure());
  tasks.spawn("connection", watch_connection());
  tasks.spawn("changes", watch_changes());
  while (!ended_) co_await ended_event_.wait();
  co_await tasks.stop();
  co_await session_->hang_up();
  co_await lasting.stop();
}

Task<> SshSession::run_sftp() {
  SftpServer server(*session_, channel_, std::move(first_input_));
  const Result<void> served = co_await server.run();
  if (served) channel_.exit(kDone);
  if (!served && !served.error().is(Fault::closed)) co_await say(served.error().message());
  end(true);
}

// A session of kind files has no exit: only a failure ends it from the other side.
Task<> SshSession::watch_failure() {
  while (!session_->failure() && !session_->over()) co_await session_->heard().wait();
  const std::optional<Error> over = session_->over();
  co_await say(session_->failure() ? printable(*session_->failure()) : over->message());
  end(false);
}

bool SshSession::is_sftp_missing() const {
  return is_sftp() && !output_seen_ && !hang_up_ && session_->exit() && session_->exit()->status == kNotFound;
}

void SshSession::end(bool hang_up) {
  hang_up_ = hang_up_ || hang_up;
  ended_ = true;
  ended_event_.set();
}

Task<> SshSession::say(std::string text) {
  const std::string line =
      "jump: " + printable(asset_.names.name, 128) + ": " + text + (has_terminal() ? "\r\n" : "\n");
  static_cast<void>(co_await channel_.write(as_bytes(line), true));
}

// --- bytes
// ---------------------------------------------------------------------------------------------------

Task<> SshSession::send_input() {
  Bytes buffer(kPiece);
  while (true) {
    const Result<std::size_t> size = co_await channel_.read(buffer);
    // That the client has gone, watch_changes sees.
    if (!size) co_return;
    if (*size == 0) break;
    std::string typed(as_text(ByteView(buffer).first(*size)));
    if (dialogue_ != nullptr) {
      const std::string shown = dialogue_->feed(typed);
      if (dialogue_->over()) dialogue_over_.set();
      static_cast<void>(co_await channel_.write(as_bytes(shown), false));
    }
    if (is_sftp() && first_input_.size() < kFirstInputMost) {
      first_input_.insert(first_input_.end(), typed.begin(), typed.end());
    }
    const Result<void> written = co_await standard_->write(as_bytes(typed));
    // The program reads no more; what it prints still counts.
    if (!written) co_return;
  }
  if (error_) {
    standard_->end();
  } else if (!has_terminal()) {
    const std::array<std::uint8_t, 1> last{kEndOfInput};
    static_cast<void>(co_await standard_->write(last));
  }
}

Task<> SshSession::show(session::Stream& stream, bool error_output, bool& over) {
  Bytes buffer(kPiece);
  while (true) {
    const Result<std::size_t> size = co_await stream.read(buffer);
    if (!size || *size == 0) break;
    output_seen_ = true;
    const Result<void> shown = co_await channel_.write(ByteView(buffer).first(*size), error_output);
    if (!shown) co_return end(true);
    stream.taken(*size);
  }
  over = true;
  session_->heard().set();
}

// --- the end
// -------------------------------------------------------------------------------------------------

Task<> SshSession::watch_end() {
  while (true) {
    const std::optional<Error> over = session_->over();
    if (session_->failure()) {
      co_await say(printable(*session_->failure()));
    } else if (session_->exit() && output_over_ && error_over_) {
      const session::Exit& exit = *session_->exit();
      if (exit.signal) {
        channel_.exit_by(*exit.signal, exit.core_dumped);
      } else {
        channel_.exit(status_of(exit));
      }
    } else if (over) {
      co_await say(over->message());
    } else {
      co_await session_->heard().wait();
      continue;
    }
    co_return end(false);
  }
}

Task<> SshSession::watch_connection() {
  while (!session_->over()) co_await session_->io().state_changed().wait_for(kLook);
  session_->heard().set();
}

Task<> SshSession::watch_changes() {
  while (true) {
    const SshChange change = co_await channel_.change();
    if (change.resized) {
      session::Resize resize;
      resize.columns = change.resized->columns;
      resize.rows = change.resized->rows;
      session_->send(resize);
    }
    if (change.signal) {
      session::Signal signal;
      signal.name = *change.signal;
      session_->send(signal);
    }
    if (change.closed) co_return end(true);
  }
}

// --- questions
// -----------------------------------------------------------------------------------------------

Task<Result<void>> SshSession::run(Dialogue& dialogue) {
  struct Leave {
    Dialogue*& place;
    ~Leave() { place = nullptr; }
  } const leave{dialogue_};
  const std::string opening = dialogue.begin();
  const Result<void> shown = co_await channel_.write(as_bytes(opening), false);
  if (!shown) co_return shown;
  dialogue_ = &dialogue;
  while (!dialogue.over()) co_await dialogue_over_.wait();
  co_return Result<void>();
}

// ssh shows what its ProxyCommand writes there.
void SshSession::remark(const std::string& line) {
  const std::string text = line + (has_terminal() ? "\r\n" : "\n");
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

}  // namespace jump::console
