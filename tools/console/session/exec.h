// One command: standard input, output and error output apart and byte by byte; its exit status is ours.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/console/session/opened_session.h"
#include "tools/console/terminal/terminal.h"

namespace jump::console {

struct ExecEnding {
  int status = 0;
  std::string text;  // one line for standard error; empty: nothing to say
};

class Exec {
 public:
  // Standard input is not read with `no_input`.
  Exec(OpenedSession& session, bool no_input);
  Task<ExecEnding> run();

 private:
  Task<> send_input();
  Task<> show(session::Stream& stream, StandardPipe& to, bool& over);
  Task<> watch_end();
  Task<> watch_connection();
  Task<> watch_signals();
  void end(int status, std::string text, bool hang_up = false);

  OpenedSession& session_;
  bool no_input_;
  StandardPipe output_;
  StandardPipe error_output_;
  std::unique_ptr<session::Stream> standard_;
  std::unique_ptr<session::Stream> error_;
  bool output_over_ = false;
  bool error_over_ = false;
  bool hang_up_ = false;
  Event ended_;
  std::optional<ExecEnding> ending_;
};

}  // namespace jump::console
