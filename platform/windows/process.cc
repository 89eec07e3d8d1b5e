#include "platform/process.h"

#include <windows.h>

#include "common/base/bytes.h"
#include "platform/windows/native.h"
#include "platform/windows/pipe_ends.h"
#include "platform/windows/process_impl.h"

namespace jump::platform {
namespace {

constexpr UINT kEndedByUs = 0xE04A554DU;        // a code of ours: customer bit, "JUM"
constexpr DWORD kEndedByControl = 0xC000013AU;  // STATUS_CONTROL_C_EXIT

// Of those that process.h names Windows knows how to interrupt and how to end.
bool is_known(std::string_view name) {
  return name == "INT" || name == "TERM" || name == "KILL" || name == "HUP";
}

// Ctrl-Break, which a process group of its own gets; Ctrl-C reaches only the group of the console itself.
Result<void> interrupt(int pid) {
  const auto group = static_cast<DWORD>(pid);
  if (::GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, group)) return {};
  // The program's console is another than ours: a service has none. Then its own is ours for a moment.
  if (!::AttachConsole(group)) return windows_error("interrupt the program");
  const bool sent = ::GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, group);
  const Error failed = windows_error("interrupt the program");
  ::FreeConsole();
  if (!sent) return failed;
  return {};
}

}  // namespace

Result<int> signal_number(std::string_view name) {
  if (is_known(name)) return 0;
  return Error(Fault::unsupported, "signal '" + printable(name, 32) +
                                       "' is not passed on: Windows knows INT and HUP, which are Ctrl-Break, "
                                       "and TERM and KILL, which end the program");
}

Process::Impl::Impl(asio::any_io_executor executor, Spawned s)
    : spawned(std::move(s)), ended(executor, native_handle(spawned.process)) {}

Process::Impl::~Impl() {
  if (exit) let_live(spawned.job);
  // Else the last handle of its job kills it.
}

bool Process::Impl::look() {
  DWORD code = 0;
  if (::WaitForSingleObject(native_handle(spawned.process), 0) != WAIT_OBJECT_0) return exit.has_value();
  if (exit || !::GetExitCodeProcess(native_handle(spawned.process), &code)) return exit.has_value();
  exit.emplace();
  if (code == kEndedByUs && !ended_by.empty()) {
    exit->signal = ended_by;
  } else if (code == kEndedByControl) {
    exit->signal = "INT";
  } else {
    exit->status = static_cast<std::int32_t>(code);
  }
  return true;
}

void Process::Impl::end_all(std::string name) noexcept {
  if (!look()) ended_by = std::move(name);
  ::TerminateJobObject(native_handle(spawned.job), kEndedByUs);
}

Process::Process(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;
Process::~Process() = default;

Result<Process> Process::start(asio::any_io_executor executor, const ProcessSpec& spec) {
  SpawnPlan plan;
  plan.argv = spec.argv;
  plan.env = spec.env;
  plan.folder = spec.folder;
  plan.user = spec.user;
  plan.confined = spec.confined;
  plan.memory_bytes = spec.memory_bytes;
  plan.input = spec.input;
  plan.output = spec.output;
  plan.error_output = spec.error_output;
  Result<Spawned> spawned = spawn(plan);
  if (!spawned) return spawned.error();
  return Process(std::make_unique<Impl>(executor, std::move(*spawned)));
}

int Process::pid() const {
  return impl_->spawned.pid;
}

Task<Result<ExitStatus>> Process::wait() {
  while (!impl_->look()) co_await impl_->ended.signalled();
  co_return *impl_->exit;
}

Result<void> Process::signal(std::string_view name) {
  const Result<int> known = signal_number(name);
  if (!known) return known.error();
  if (impl_->look()) return Error(Fault::not_found, "the program has ended");
  // A program without a console hears nothing: it is ended, as who ignores no signal is on Linux.
  const bool asked = (name == "INT" || name == "HUP") && interrupt(impl_->spawned.pid);
  if (asked) return {};
  impl_->end_all(std::string(name));
  return {};
}

void Process::kill() noexcept {
  impl_->end_all("KILL");
}

// --- with pipes ---------------------------------------------------------------------------------------

Result<PipedProcess> start_with_pipes(asio::any_io_executor executor, ProcessSpec spec) {
  Result<std::pair<Handle, Handle>> in = pipe_ends(PipeWay::to_child);
  if (!in) return in.error();
  Result<std::pair<Handle, Handle>> out = pipe_ends(PipeWay::from_child);
  if (!out) return out.error();
  Result<std::pair<Handle, Handle>> err = pipe_ends(PipeWay::from_child);
  if (!err) return err.error();
  spec.input = in->second.get();
  spec.output = out->second.get();
  spec.error_output = err->second.get();
  Result<Process> process = Process::start(executor, spec);
  if (!process) return process.error();
  return PipedProcess{std::move(*process), Pipe(executor, std::move(in->first)),
                      Pipe(executor, std::move(out->first)), Pipe(executor, std::move(err->first))};
}

}  // namespace jump::platform
