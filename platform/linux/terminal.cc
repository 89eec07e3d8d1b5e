#include "platform/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/check.h"
#include "common/base/secret.h"
#include "platform/handle.h"
#include "platform/pipe.h"

namespace jump::platform {
namespace {

constexpr std::size_t kAnswerBytes = 1024;
// Signals that end the program where it stands.
constexpr std::array kDeadly = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGTERM, SIGINT, SIGHUP};

int number_of(Standard which) {
  return which == Standard::input ? STDIN_FILENO : which == Standard::output ? STDOUT_FILENO : STDERR_FILENO;
}

// What a handler may need, and nothing else: all of it is set before the handlers are.
struct Emergency {
  int terminal = -1;
  termios before{};
  std::array<struct sigaction, kDeadly.size()> handlers{};
};
Emergency emergency;  // NOLINT: a signal handler has no other way to its data

extern "C" void restore_and_die(int signal) {
  const int terminal = emergency.terminal;
  if (terminal >= 0) ::tcsetattr(terminal, TCSANOW, &emergency.before);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

// Guards a terminal's settings; at most one at a time. Handlers that others have set (Asio's for signals that
// it waits for) stay.
class Guard {
 public:
  Guard(int terminal, const termios& before) {
    CHECK(emergency.terminal < 0);
    emergency.before = before;
    emergency.terminal = terminal;
    struct sigaction action{};
    action.sa_handler = restore_and_die;
    for (std::size_t i = 0; i < kDeadly.size(); ++i) {
      struct sigaction& old = emergency.handlers[i];
      ::sigaction(kDeadly[i], nullptr, &old);
      if (old.sa_handler == SIG_DFL) ::sigaction(kDeadly[i], &action, nullptr);
    }
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() {
    ::tcsetattr(emergency.terminal, TCSADRAIN, &emergency.before);
    emergency.terminal = -1;
    for (std::size_t i = 0; i < kDeadly.size(); ++i) {
      if (emergency.handlers[i].sa_handler == SIG_DFL)
        ::sigaction(kDeadly[i], &emergency.handlers[i], nullptr);
    }
  }
};

Result<termios> make_raw(int terminal, termios& before) {
  if (::tcgetattr(terminal, &before) != 0) return system_error("read the terminal's settings");
  termios raw = before;
  ::cfmakeraw(&raw);
  if (::tcsetattr(terminal, TCSADRAIN, &raw) != 0) return system_error("set the terminal to raw mode");
  return raw;
}

}  // namespace

// --- questions
// ----------------------------------------------------------------------------------------------

Result<std::string> ask_on_terminal(const std::string& prompt, bool echo) {
  const Handle terminal(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.valid()) return Error(Fault::unavailable, "no terminal to ask on");
  termios before{};
  if (::tcgetattr(terminal.get(), &before) != 0) return system_error("read the terminal's settings");
  std::optional<Guard> guard;
  if (!echo) {
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    guard.emplace(terminal.get(), before);
    if (::tcsetattr(terminal.get(), TCSAFLUSH, &silent) != 0) return system_error("switch the echo off");
  }
  if (::write(terminal.get(), prompt.data(), prompt.size()) < 0) return system_error("write to the terminal");
  std::string line;
  std::array<char, kAnswerBytes> buffer;
  while (line.empty() || line.back() != '\n') {
    const ssize_t size = ::read(terminal.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_error("read from the terminal");
    if (size == 0) break;
    line.append(buffer.data(), static_cast<std::size_t>(size));
    if (line.size() > kAnswerBytes) return Error(Fault::too_large, "the answer is longer than 1024 bytes");
  }
  wipe(buffer.data(), buffer.size());
  if (line.empty()) return Error(Fault::closed, "no answer");
  if (line.back() == '\n') line.pop_back();
  return line;
}

// --- size and raw mode
// --------------------------------------------------------------------------------------

bool is_terminal(Standard which) {
  return ::isatty(number_of(which)) == 1;
}

std::optional<TerminalSize> terminal_size() {
  for (const int handle : {STDOUT_FILENO, STDIN_FILENO}) {
    winsize size{};
    if (::ioctl(handle, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
      return TerminalSize{size.ws_col, size.ws_row};
    }
  }
  return std::nullopt;
}

struct SizeWatch::Impl {
  explicit Impl(asio::any_io_executor executor) : signals(executor, SIGWINCH) {}
  asio::signal_set signals;
};

SizeWatch::SizeWatch(asio::any_io_executor executor) : impl_(std::make_unique<Impl>(executor)) {}
SizeWatch::~SizeWatch() = default;

Task<> SizeWatch::changed() {
  co_await impl_->signals.async_wait(asio::use_awaitable);
}

struct RawMode::Saved {
  static Result<std::unique_ptr<RawMode>> enter(int terminal) {
    termios before{};
    const Result<termios> raw = make_raw(terminal, before);
    if (!raw) return raw.error();
    auto saved = std::unique_ptr<Saved>(new Saved{terminal, before, *raw, Guard(terminal, before)});
    return std::unique_ptr<RawMode>(new RawMode(std::move(saved)));
  }

  int terminal;
  termios before;
  termios raw;
  Guard guard;
};

RawMode::RawMode(std::unique_ptr<Saved> saved) : saved_(std::move(saved)) {}
RawMode::~RawMode() = default;

Result<std::unique_ptr<RawMode>> RawMode::enter() {
  return Saved::enter(STDIN_FILENO);
}

bool RawMode::suspend() {
  ::tcsetattr(saved_->terminal, TCSADRAIN, &saved_->before);
  ::kill(0, SIGTSTP);
  ::tcsetattr(saved_->terminal, TCSADRAIN, &saved_->raw);
  return true;
}

struct AskingTerminal::Impl {
  Pipe pipe;
  std::unique_ptr<RawMode> raw;  // goes first
};

AskingTerminal::AskingTerminal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AskingTerminal::~AskingTerminal() = default;

Result<std::unique_ptr<AskingTerminal>> AskingTerminal::open(asio::any_io_executor executor) {
  Handle terminal(::open("/dev/tty", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!terminal.valid()) return Error(Fault::unavailable, "no terminal to ask on");
  Result<std::unique_ptr<RawMode>> raw = RawMode::Saved::enter(terminal.get());
  if (!raw) return raw.error();
  auto impl = std::unique_ptr<Impl>(new Impl{Pipe(executor, std::move(terminal)), std::move(*raw)});
  return std::unique_ptr<AskingTerminal>(new AskingTerminal(std::move(impl)));
}

Task<Result<std::size_t>> AskingTerminal::read(std::span<std::uint8_t> into) {
  return impl_->pipe.read(into);
}
Task<Result<void>> AskingTerminal::write(ByteView bytes) {
  return impl_->pipe.write(bytes);
}

// --- standard handles
// ---------------------------------------------------------------------------------------

struct StandardPipe::Impl {
  Impl(asio::any_io_executor executor, Standard which) : number(number_of(which)) {
    struct stat about{};
    const bool known = ::fstat(number, &about) == 0;
    Handle handle;
    if (known && (S_ISCHR(about.st_mode) || S_ISFIFO(about.st_mode))) {
      // Opened anew it has flags of its own.
      const std::string path = "/dev/fd/" + std::to_string(number);
      const int mode = which == Standard::input ? O_RDONLY : O_WRONLY;
      handle = Handle(::open(path.c_str(), mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    }
    if (!handle.valid()) {
      handle = Handle(::fcntl(number, F_DUPFD_CLOEXEC, 3));
      flags = ::fcntl(number, F_GETFL);
      if (handle.valid() && flags >= 0 && (flags & O_NONBLOCK) == 0) shared = number;
    }
    pipe.emplace(executor, std::move(handle));
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    pipe.reset();
    give_back();
  }
  void give_back() {
    if (shared >= 0) ::fcntl(std::exchange(shared, -1), F_SETFL, flags);
  }

  int number;
  int shared = -1;  // to set back to blocking
  int flags = 0;
  std::optional<Pipe> pipe;
};

StandardPipe::StandardPipe(asio::any_io_executor executor, Standard which)
    : impl_(std::make_unique<Impl>(executor, which)) {}
StandardPipe::~StandardPipe() = default;

Task<Result<std::size_t>> StandardPipe::read(std::span<std::uint8_t> into) {
  return impl_->pipe->read(into);
}
Task<Result<void>> StandardPipe::write(ByteView bytes) {
  return impl_->pipe->write(bytes);
}

void StandardPipe::close() noexcept {
  impl_->pipe->close();
  impl_->give_back();
  // Something else must not get this number.
  const Handle nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (nothing.valid()) ::dup2(nothing.get(), impl_->number);
}

}  // namespace jump::platform
