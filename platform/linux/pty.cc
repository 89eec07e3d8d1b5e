#include "platform/pty.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "platform/linux/process_impl.h"
#include "platform/linux/spawn.h"
#include "platform/pipe.h"

namespace jump::platform {

struct Pty::Impl {
  Pipe master;
  Process process;

  Impl(Pipe m, Process p) : master(std::move(m)), process(std::move(p)) {}
};

namespace {

struct Ends {
  Handle master;
  Handle terminal;
};

Result<Ends> open_ends() {
  Ends ends;
  ends.master = Handle(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!ends.master.valid()) return system_error("open a pseudo-terminal");
  if (::unlockpt(ends.master.get()) != 0) return system_error("unlock a pseudo-terminal");
  // Not by its name, which may mean another file system's in a container.
  ends.terminal = Handle(::ioctl(ends.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!ends.terminal.valid()) return system_error("open the program's end of a pseudo-terminal");
  return ends;
}

// The terminal belongs to its user, and others of the group tty may write to it (write(1), wall(1)), as login
// does.
void give_to(const User& user, int terminal) {
  if (!may_become_users()) return;
  const ::group* tty = ::getgrnam("tty");
  const gid_t group = tty != nullptr ? tty->gr_gid : user.gid;
  if (::fchown(terminal, user.uid, group) == 0) ::fchmod(terminal, tty != nullptr ? 0620 : 0600);
}

winsize to_size(std::uint16_t columns, std::uint16_t rows) {
  winsize size{};
  size.ws_col = columns;
  size.ws_row = rows;
  return size;
}

// The kernel's defaults are those of a terminal; only what it does not know is set.
void set_modes(int terminal, const PtySpec& spec) {
  termios modes{};
  if (::tcgetattr(terminal, &modes) != 0) return;
  modes.c_iflag |= ICRNL | IXON | IMAXBEL;
  if (spec.utf8) modes.c_iflag |= IUTF8;
  modes.c_cc[VERASE] = 0x7f;
  ::tcsetattr(terminal, TCSANOW, &modes);
  const winsize size = to_size(spec.columns, spec.rows);
  ::ioctl(terminal, TIOCSWINSZ, &size);
}

std::string login_name(const std::string& shell) {
  return "-" + shell.substr(shell.rfind('/') + 1);
}

Result<SpawnPlan> to_plan(const PtySpec& spec, int terminal) {
  SpawnPlan plan;
  plan.argv = spec.argv;
  if (plan.argv.empty()) {
    Result<User> user = spec.user ? Result<User>(*spec.user) : current_user();
    if (!user) return user.error();
    plan.argv = {spec.shell.empty() ? user->shell : spec.shell};
    plan.shown_name = login_name(plan.argv.front());
  }
  plan.env = spec.env;
  plan.folder = spec.folder;
  plan.user = spec.user;
  plan.input = plan.output = plan.error_output = terminal;
  plan.place = Place::own_terminal;
  return plan;
}

}  // namespace

Pty::Pty(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pty::Pty(Pty&&) noexcept = default;
Pty& Pty::operator=(Pty&&) noexcept = default;
// The kernel's hangup goes out before the Process member kills.
Pty::~Pty() {
  close();
}

Result<Pty> Pty::start(asio::any_io_executor executor, const PtySpec& spec) {
  Result<Ends> ends = open_ends();
  if (!ends) return ends.error();
  if (spec.user) give_to(*spec.user, ends->terminal.get());
  set_modes(ends->terminal.get(), spec);
  const Result<SpawnPlan> plan = to_plan(spec, ends->terminal.get());
  if (!plan) return plan.error();
  const Result<pid_t> pid = spawn(*plan);
  if (!pid) return pid.error();
  Result<Process> watched = Process::watch(executor, *pid);
  if (!watched) return watched.error();
  return Pty(std::make_unique<Impl>(Pipe(executor, std::move(ends->master)), std::move(*watched)));
}

Task<Result<std::size_t>> Pty::read(std::span<std::uint8_t> into) {
  return impl_->master.read(into);
}
Task<Result<void>> Pty::write(ByteView bytes) {
  return impl_->master.write(bytes);
}

Result<void> Pty::resize(std::uint16_t columns, std::uint16_t rows) {
  const winsize size = to_size(columns, rows);
  if (::ioctl(impl_->master.native(), TIOCSWINSZ, &size) != 0) {
    return system_error("resize the terminal to " + std::to_string(columns) + "x" + std::to_string(rows));
  }
  return {};
}

Result<void> Pty::signal(std::string_view name) {
  const Result<int> number = signal_number(name);
  if (!number) return number.error();
  const int master = impl_->master.native();
  // TIOCSIG reaches a foreground job of another user too (sudo), as Ctrl-C does; it exists for these three.
  if (*number == SIGINT || *number == SIGQUIT || *number == SIGTSTP) {
    if (::ioctl(master, TIOCSIG, *number) == 0) return {};
  }
  const pid_t group = ::tcgetpgrp(master);
  if (group <= 0) return Error(Fault::not_found, "no program runs in the foreground of the terminal");
  if (::kill(-group, *number) != 0)
    return system_error("signal " + std::string(name) + " to the foreground job");
  return {};
}

void Pty::ask_to_hang_up() noexcept {
  const pid_t shell = impl_->process.pid();
  const pid_t foreground = impl_->master.is_open() ? ::tcgetpgrp(impl_->master.native()) : -1;
  for (const int number : {SIGHUP, SIGCONT}) {
    ::kill(-shell, number);
    if (foreground > 0 && foreground != shell) ::kill(-foreground, number);
  }
}

void Pty::close() noexcept {
  if (impl_) impl_->master.close();
}

Process& Pty::process() {
  return impl_->process;
}

}  // namespace jump::platform
