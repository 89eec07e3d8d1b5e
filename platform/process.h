// Programs: started without a shell, watched without a signal handler, ended as a group.
//
// A failure between fork and exec (unknown program, user that cannot be become) is the error of start(),
// with the step and the system's words. Only async-signal-safe calls run in between.
//
// Windows: a program's group is its job; arguments are quoted as CommandLineToArgvW() takes them apart, and
// for batch files those that their interpreter would run are refused; programs are looked for in PATH of
// `env` as NAME, NAME.exe, .com, .bat, .cmd, and never in the present folder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "platform/handle.h"
#include "platform/pipe.h"
#include "platform/users.h"

namespace jump::platform {

// Exactly one of status and signal is there.
struct ExitStatus {
  std::optional<std::int32_t> status;
  std::optional<std::string> signal;  // "SEGV", "KILL"; "34" for one without a name
  bool core_dumped = false;
};

// Signals that the suite passes on: INT TERM HUP QUIT KILL USR1 USR2 TSTP CONT; on Windows INT and HUP, which
// are Ctrl-Break there (without a console: the end), and TERM and KILL, which end the job. Others:
// Fault::unsupported.
Result<int> signal_number(std::string_view name);

struct ProcessSpec {
  std::vector<std::string> argv;  // argv[0] with a slash is a path; else it is looked for in PATH of `env`
  std::string shown_name;         // what the program sees as argv[0]; empty: argv[0]
  std::vector<std::string> env;   // the whole environment, "KEY=VALUE"
  std::string folder = "/";       // "/" is taken where the user cannot enter it
  std::optional<User> user;       // become this user, with its groups; nullopt: as we are
  // For a process that faces the network. Windows: without `user` it loses our privileges and the rights of
  // administrators, and nothing that it starts leaves its job. Linux: `user`, and what it gives up by itself.
  bool confined = false;
  std::optional<std::uint64_t> memory_bytes;  // Windows: of it and all that it starts
  // Borrowed handles for the three standard ones; -1 = the null device. Everything else is closed in the
  // program.
  int input = -1;
  int output = -1;
  int error_output = -1;
};

// A running program and its process group. Destroying it kills the group, unless the program has ended
// by itself: what it left running then is left alone. The process number stays reserved as long as this
// object lives, so a signal never meets a stranger.
class Process {
 public:
  // The program is a group of its own, has no terminal, default signals and umask 022.
  static Result<Process> start(asio::any_io_executor executor, const ProcessSpec& spec);
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

  int pid() const;
  // Ends when the program (not what it started) has ended; again at once with the same answer. Cancellable.
  // One waiter at a time.
  Task<Result<ExitStatus>> wait();
  // To the whole group. Fault::not_found when nothing of it runs any more.
  Result<void> signal(std::string_view name);
  // SIGKILL to the whole group; idempotent.
  void kill() noexcept;

 private:
  friend class Pty;
  struct Impl;
  explicit Process(std::unique_ptr<Impl> impl);
  // Takes over the watch of a child that was just started.
  static Result<Process> watch(asio::any_io_executor executor, int pid);
  std::unique_ptr<Impl> impl_;
};

// A program with pipes on its three standard handles.
struct PipedProcess {
  Process process;
  Pipe input;
  Pipe output;
  Pipe error_output;
};
Result<PipedProcess> start_with_pipes(asio::any_io_executor executor, ProcessSpec spec);

// Runs a program to its end and keeps its standard output: at most `limit` bytes, at most `time`; then it is
// killed.
struct Captured {
  ExitStatus exit;
  std::string output;
  std::string error_output;  // the first 4 KiB
};
Task<Result<Captured>> run_and_capture(ProcessSpec spec, std::size_t limit, std::chrono::nanoseconds time);

}  // namespace jump::platform
