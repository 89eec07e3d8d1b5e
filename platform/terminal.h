// The person's own terminal (Linux: a tty, Windows: a console): its size, raw mode, questions on it. And the
// standard handles, whatever they are.
//
// Whatever happens, the terminal is given back as it was: by the destructors, and when a signal kills the
// program.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/task_group.h"

namespace jump::platform {

enum class Standard { input, output, error_output };

bool is_terminal(Standard which);

struct TerminalSize {
  std::uint16_t columns = 80;
  std::uint16_t rows = 24;
  friend bool operator==(const TerminalSize&, const TerminalSize&) = default;
};
// Of the terminal behind standard output, or input; nothing when neither is one.
std::optional<TerminalSize> terminal_size();

class SizeWatch {
 public:
  explicit SizeWatch(asio::any_io_executor executor);
  SizeWatch(const SizeWatch&) = delete;
  SizeWatch& operator=(const SizeWatch&) = delete;
  ~SizeWatch();

  // Ends when the terminal may have another size. Windows looks four times a second: a console tells of it
  // only among what is typed.
  Task<> changed();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Raw: every key goes through as it is, Ctrl-C too; what is printed is ECMA-48, on Windows as well. One at a
// time.
class RawMode {
 public:
  // Of the terminal behind standard input.
  static Result<std::unique_ptr<RawMode>> enter();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  ~RawMode();

  // Stops this program (as Ctrl-Z would) with the terminal as it was; returns when it goes on. False where
  // programs are not stopped (Windows).
  bool suspend();

 private:
  friend class AskingTerminal;
  struct Saved;
  explicit RawMode(std::unique_ptr<Saved> saved);
  std::unique_ptr<Saved> saved_;
};

// Asks on the terminal itself, whatever standard input is. Blocking. Fault::unavailable without a terminal.
Result<std::string> ask_on_terminal(const std::string& prompt, bool echo);

// The person's terminal for questions in between, whatever the standard handles are. Nothing blocks: the
// tunnel is kept alive while somebody looks for a password.
class AskingTerminal {
 public:
  // Fault::unavailable without a terminal. Raw until this goes.
  static Result<std::unique_ptr<AskingTerminal>> open(asio::any_io_executor executor);
  AskingTerminal(const AskingTerminal&) = delete;
  AskingTerminal& operator=(const AskingTerminal&) = delete;
  ~AskingTerminal();

  // As of Pipe.
  Task<Result<std::size_t>> read(std::span<std::uint8_t> into);
  Task<Result<void>> write(ByteView bytes);

 private:
  struct Impl;
  explicit AskingTerminal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A standard handle, read or written without blocking the thread. Others that share it (a shell, the next
// program of a pipeline) do not find it changed, now or afterwards. To and from a console goes UTF-8.
class StandardPipe {
 public:
  StandardPipe(asio::any_io_executor executor, Standard which);
  StandardPipe(const StandardPipe&) = delete;
  StandardPipe& operator=(const StandardPipe&) = delete;
  ~StandardPipe();

  // As of Pipe: 0 = the end; all of `bytes`; Fault::closed when the reader has gone.
  Task<Result<std::size_t>> read(std::span<std::uint8_t> into);
  Task<Result<void>> write(ByteView bytes);
  // Nobody downstream can read any more, or upstream write: for a program that goes on with something else.
  void close() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jump::platform
