#include "platform/process.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/bytes.h"
#include "platform/linux/process_impl.h"
#include "platform/linux/spawn.h"

namespace jump::platform {
namespace {

struct SignalName {
  std::string_view name;
  int number;
};
constexpr std::array kPassedOn = {
    SignalName{"INT", SIGINT},   SignalName{"TERM", SIGTERM}, SignalName{"HUP", SIGHUP},
    SignalName{"QUIT", SIGQUIT}, SignalName{"KILL", SIGKILL}, SignalName{"USR1", SIGUSR1},
    SignalName{"USR2", SIGUSR2}, SignalName{"TSTP", SIGTSTP}, SignalName{"CONT", SIGCONT},
};

ExitStatus to_exit_status(const siginfo_t& info) {
  ExitStatus exit;
  if (info.si_code == CLD_EXITED) {
    exit.status = info.si_status;
    return exit;
  }
  const char* name = ::sigabbrev_np(info.si_status);
  exit.signal = name != nullptr ? std::string(name) : std::to_string(info.si_status);
  exit.core_dumped = info.si_code == CLD_DUMPED;
  return exit;
}

}  // namespace

Result<int> signal_number(std::string_view name) {
  for (const SignalName& known : kPassedOn) {
    if (known.name == name) return known.number;
  }
  return Error(Fault::unsupported, "signal '" + printable(name, 32) + "' is not passed on");
}

Process::Impl::~Impl() {
  if (!exit) ::kill(-pid, SIGKILL);
  // Not waited for: one that does not die at once (a dead disk) is reaped by init, after us.
  ::waitpid(pid, nullptr, WNOHANG);
}

// The zombie is kept (WNOWAIT), and with it the number.
bool Process::Impl::look() {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      info.si_pid == pid) {
    exit = to_exit_status(info);
  }
  return exit.has_value();
}

Process::Process(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;
Process::~Process() = default;

Result<Process> Process::watch(asio::any_io_executor executor, int pid) {
  const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0u));
  if (descriptor < 0) {
    const int failed = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return system_error(failed, "watch process " + std::to_string(pid));
  }
  return Process(std::make_unique<Impl>(pid, asio::posix::stream_descriptor(executor, descriptor)));
}

Result<Process> Process::start(asio::any_io_executor executor, const ProcessSpec& spec) {
  SpawnPlan plan;
  plan.argv = spec.argv;
  plan.shown_name = spec.shown_name;
  plan.env = spec.env;
  plan.folder = spec.folder;
  plan.user = spec.user;
  plan.input = spec.input;
  plan.output = spec.output;
  plan.error_output = spec.error_output;
  plan.place = Place::own_group;
  const Result<pid_t> pid = spawn(plan);
  if (!pid) return pid.error();
  return watch(executor, *pid);
}

int Process::pid() const {
  return impl_->pid;
}

Task<Result<ExitStatus>> Process::wait() {
  while (!impl_->exit && !impl_->look()) {
    boost::system::error_code failed;
    co_await impl_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                          asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return Error(failed, "wait for process " + std::to_string(impl_->pid));
  }
  co_return *impl_->exit;
}

Result<void> Process::signal(std::string_view name) {
  const Result<int> number = signal_number(name);
  if (!number) return number.error();
  if (::kill(-impl_->pid, *number) == 0) return {};
  if (errno == ESRCH) return Error(Fault::not_found, "the program has ended");
  return system_error("signal " + std::string(name));
}

void Process::kill() noexcept {
  ::kill(-impl_->pid, SIGKILL);
}

// --- with pipes ---------------------------------------------------------------------------------------

Result<PipedProcess> start_with_pipes(asio::any_io_executor executor, ProcessSpec spec) {
  Result<std::pair<Handle, Handle>> in = make_pipe();
  if (!in) return in.error();
  Result<std::pair<Handle, Handle>> out = make_pipe();
  if (!out) return out.error();
  Result<std::pair<Handle, Handle>> err = make_pipe();
  if (!err) return err.error();
  spec.input = in->first.get();
  spec.output = out->second.get();
  spec.error_output = err->second.get();
  Result<Process> process = Process::start(executor, spec);
  if (!process) return process.error();
  return PipedProcess{std::move(*process), Pipe(executor, std::move(in->second)),
                      Pipe(executor, std::move(out->first)), Pipe(executor, std::move(err->first))};
}

}  // namespace jump::platform
