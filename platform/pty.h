// Pty: a pseudo-terminal with a program on it, as a terminal emulator or a log-in sees it.
//
// The program leads a session and has the terminal as its controlling one, so job control, Ctrl-C and
// /dev/tty work. Our end is never inherited by anything.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/task_group.h"
#include "platform/process.h"
#include "platform/users.h"

namespace jump::platform {

struct PtySpec {
  std::vector<std::string> argv;  // empty: the shell
  std::string shell;              // as a log-in shell ("-bash"); empty: the user's own (Windows: %ComSpec%)
  std::vector<std::string> env;   // the whole environment, TERM included
  std::string folder = "/";       // "/" is taken where the user cannot enter it
  std::optional<User> user;       // become this user; nullopt: as we are
  std::uint16_t columns = 80;
  std::uint16_t rows = 24;
  bool utf8 = true;  // erasing in line mode takes whole characters
};

// One thread. At most one read() and one write() at a time.
class Pty {
 public:
  static Result<Pty> start(asio::any_io_executor executor, const PtySpec& spec);
  Pty(Pty&&) noexcept;
  Pty& operator=(Pty&&) noexcept;
  // Hangs up and kills what is left of the program's group.
  ~Pty();

  // What the programs write. 0 = nobody has the terminal open any more.
  Task<Result<std::size_t>> read(std::span<std::uint8_t> into);
  // As typed. Waits while the programs read nothing. Fault::closed when nobody has the terminal open.
  Task<Result<void>> write(ByteView bytes);

  // The foreground job gets SIGWINCH when this is a change.
  Result<void> resize(std::uint16_t columns, std::uint16_t rows);
  // To the foreground job; names as in process.h.
  Result<void> signal(std::string_view name);
  // SIGHUP and SIGCONT to the shell and to the foreground job; the terminal stays readable, so what they
  // still say arrives.
  void ask_to_hang_up() noexcept;
  // The line is gone: the kernel sends SIGHUP to the session and all reads and writes fail. Idempotent.
  void close() noexcept;

  Process& process();

 private:
  struct Impl;
  explicit Pty(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace jump::platform
