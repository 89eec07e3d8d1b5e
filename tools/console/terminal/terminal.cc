#include "tools/console/terminal/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "common/base/check.h"
#include "platform/handle.h"

namespace jump::console {
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

Result<std::string> ask(const std::string& prompt, bool echo) {
  const platform::Handle terminal(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
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

}  // namespace

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

struct RawMode::Saved {
  int terminal;
  termios before;
  termios raw;
  Guard guard;
};

RawMode::RawMode(std::unique_ptr<Saved> saved) : saved_(std::move(saved)) {}
RawMode::~RawMode() = default;

Result<std::unique_ptr<RawMode>> RawMode::enter() {
  return enter_on(STDIN_FILENO);
}

Result<std::unique_ptr<RawMode>> RawMode::enter_on(int terminal) {
  termios before{};
  if (::tcgetattr(terminal, &before) != 0) return system_error("read the terminal's settings");
  termios raw = before;
  ::cfmakeraw(&raw);
  if (::tcsetattr(terminal, TCSADRAIN, &raw) != 0) return system_error("set the terminal to raw mode");
  auto saved = std::unique_ptr<Saved>(new Saved{terminal, before, raw, Guard(terminal, before)});
  return std::unique_ptr<RawMode>(new RawMode(std::move(saved)));
}

void RawMode::suspend() {
  ::tcsetattr(saved_->terminal, TCSADRAIN, &saved_->before);
  ::kill(0, SIGTSTP);
  ::tcsetattr(saved_->terminal, TCSADRAIN, &saved_->raw);
}

AskingTerminal::AskingTerminal(platform::Pipe pipe, std::unique_ptr<RawMode> raw)
    : pipe_(std::move(pipe)), raw_(std::move(raw)) {}

Result<std::unique_ptr<AskingTerminal>> AskingTerminal::open(asio::any_io_executor executor) {
  platform::Handle terminal(::open("/dev/tty", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!terminal.valid()) return Error(Fault::unavailable, "no terminal to ask on");
  Result<std::unique_ptr<RawMode>> raw = RawMode::enter_on(terminal.get());
  if (!raw) return raw.error();
  return std::unique_ptr<AskingTerminal>(
      new AskingTerminal(platform::Pipe(executor, std::move(terminal)), std::move(*raw)));
}

Result<Secret> ask_secret(const std::string& prompt) {
  Result<std::string> line = ask(prompt, false);
  if (!line) return line.error();
  Secret secret{std::string_view(*line)};
  wipe(line->data(), line->size());
  return secret;
}

Result<std::string> ask_line(const std::string& prompt) {
  return ask(prompt, true);
}

StandardPipe::StandardPipe(asio::any_io_executor executor, Standard which) : number_(number_of(which)) {
  struct stat about{};
  const bool known = ::fstat(number_, &about) == 0;
  platform::Handle handle;
  if (known && (S_ISCHR(about.st_mode) || S_ISFIFO(about.st_mode))) {
    // Opened anew it has flags of its own.
    const std::string path = "/dev/fd/" + std::to_string(number_);
    const int mode = which == Standard::input ? O_RDONLY : O_WRONLY;
    handle = platform::Handle(::open(path.c_str(), mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  }
  if (!handle.valid()) {
    handle = platform::Handle(::fcntl(number_, F_DUPFD_CLOEXEC, 3));
    flags_ = ::fcntl(number_, F_GETFL);
    if (handle.valid() && flags_ >= 0 && (flags_ & O_NONBLOCK) == 0) shared_ = number_;
  }
  pipe_.emplace(executor, std::move(handle));
}

StandardPipe::~StandardPipe() {
  pipe_.reset();
  if (shared_ >= 0) ::fcntl(shared_, F_SETFL, flags_);
}

void StandardPipe::close() noexcept {
  pipe_->close();
  if (shared_ >= 0) ::fcntl(shared_, F_SETFL, flags_);
  shared_ = -1;
  // Something else must not get this number.
  const platform::Handle nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (nothing.valid()) ::dup2(nothing.get(), number_);
}

}  // namespace jump::console
