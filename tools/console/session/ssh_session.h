// SshSession: one channel of the person's own ssh, and the session that it becomes.
//
//   shell           a session of kind shell; without a terminal, on a Jump Client, the login shell as exec
//   command         kind exec, with a terminal when one was asked for; on a Jump Client run by the login
//                   shell, as sshd does it
//   subsystem sftp  on a Jump Client its sftp-server as exec; else, and where it has none, served here from a
//                   session of kind files
#pragma once

#include <optional>
#include <string>

#include "tools/console/api/assets.h"
#include "tools/console/session/opened_session.h"
#include "tools/console/ssh/server.h"

namespace jump::console {

class SshSession : AskingPlace {
 public:
  // `options` is taken for this session alone. `terminal`: where the person is asked when the channel has no
  // terminal; nullptr: nowhere. All outlive this.
  SshSession(ConsoleTunnel& tunnel, const Asset& asset, SshChannel& channel, AskOptions options,
             AskingPlace* terminal);

  // Until the session or the client is over. The channel knows its exit status then.
  Task<> run();

 private:
  struct Start {
    control::SessionKind kind = control::SessionKind::shell;
    json::value arguments;
    bool terminal = false;
  };

  Task<Result<void>> run(Dialogue& dialogue) override;
  void remark(const std::string& line) override;

  Result<Start> start() const;
  Task<Result<void>> open(Start start);
  Task<> carry();
  Task<> serve_files();
  Task<> run_sftp();
  Task<> watch_failure();
  Task<> send_input();
  Task<> show(session::Stream& stream, bool error_output, bool& over);
  Task<> watch_end();
  Task<> watch_connection();
  Task<> watch_changes();
  Task<> say(std::string text);
  void end(bool hang_up);
  bool has_terminal() const { return channel_.request().terminal.has_value(); }
  bool is_sftp() const { return channel_.request().kind == SshRequest::Kind::subsystem; }
  // An sftp-server was asked for and there is none.
  bool is_sftp_missing() const;

  ConsoleTunnel& tunnel_;
  const Asset& asset_;
  SshChannel& channel_;
  Asker asker_;
  Dialogue* dialogue_ = nullptr;  // takes the keys until it is over
  Event dialogue_over_;
  OpenedSessionPtr session_;
  std::unique_ptr<session::Stream> standard_;
  std::unique_ptr<session::Stream> error_;  // of an exec
  Bytes first_input_;                       // what an sftp-server that is not there has had
  bool output_seen_ = false;
  bool output_over_ = false;
  bool error_over_ = true;
  bool hang_up_ = false;
  bool ended_ = false;
  Event ended_event_;
};

// What `sh` runs so that a command line means what it means to sshd(8): the login shell's.
std::vector<std::string> command_argv(const std::string& command);

}  // namespace jump::console
