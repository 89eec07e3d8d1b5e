// The person's own terminal: size, raw mode, a question without echo. And the standard handles as pipes.
//
// Whatever happens, the terminal is given back as it was: by the destructor, and when a signal kills the
// program.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/base/task_group.h"
#include "platform/pipe.h"
#include "tools/console/terminal/quiet_line.h"

namespace jump::console {

enum class Standard { input, output, error_output };

bool is_terminal(Standard which);
// Of the terminal behind standard output, or input; nothing when neither is one.
std::optional<TerminalSize> terminal_size();

// Raw: every key goes through as it is, Ctrl-C too. One at a time.
class RawMode {
 public:
  // Of the terminal behind standard input.
  static Result<std::unique_ptr<RawMode>> enter();
  // Of a terminal that is open here; the handle outlives this.
  static Result<std::unique_ptr<RawMode>> enter_on(int terminal);
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  ~RawMode();

  // Stops this program (as Ctrl-Z would) with the terminal as it was; returns when it goes on.
  void suspend();

 private:
  struct Saved;
  explicit RawMode(std::unique_ptr<Saved> saved);
  std::unique_ptr<Saved> saved_;
};

// Asks on the terminal itself, whatever standard input is. Blocking. Fault::unavailable without a terminal.
Result<Secret> ask_secret(const std::string& prompt);
Result<std::string> ask_line(const std::string& prompt);

// The person's terminal for questions in between, whatever the standard handles are. Nothing blocks: the
// tunnel is kept alive while somebody looks for a password.
class AskingTerminal {
 public:
  // Fault::unavailable without a terminal. Raw until this goes.
  static Result<std::unique_ptr<AskingTerminal>> open(asio::any_io_executor executor);

  platform::Pipe& pipe() { return pipe_; }

 private:
  AskingTerminal(platform::Pipe pipe, std::unique_ptr<RawMode> raw);
  platform::Pipe pipe_;
  std::unique_ptr<RawMode> raw_;  // goes first
};

// A standard handle as a Pipe. Others that share it (a shell, the next program of a pipeline) do not find it
// non-blocking, now or afterwards.
class StandardPipe {
 public:
  StandardPipe(asio::any_io_executor executor, Standard which);
  StandardPipe(const StandardPipe&) = delete;
  StandardPipe& operator=(const StandardPipe&) = delete;
  ~StandardPipe();

  platform::Pipe& pipe() { return *pipe_; }
  // Nobody downstream can read any more, or upstream write: for a program that goes on with something else.
  void close() noexcept;

 private:
  int shared_ = -1;  // to set back to blocking
  int flags_ = 0;
  int number_;
  std::optional<platform::Pipe> pipe_;
};

}  // namespace jump::console
