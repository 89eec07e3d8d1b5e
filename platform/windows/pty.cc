#include "platform/pty.h"

#include <windows.h>

#include <memory>
#include <mutex>
#include <utility>

#include "common/base/bytes.h"
#include "platform/pipe.h"
#include "platform/windows/native.h"
#include "platform/windows/pipe_ends.h"
#include "platform/windows/process_impl.h"

namespace jump::platform {
namespace {

COORD to_size(std::uint16_t columns, std::uint16_t rows) {
  COORD size{};
  size.X = static_cast<SHORT>(std::min<std::uint16_t>(columns, SHRT_MAX));
  size.Y = static_cast<SHORT>(std::min<std::uint16_t>(rows, SHRT_MAX));
  return size;
}

// A pseudo-console (ConPTY). Closing it tells its programs that their console is closed, and ends only when
// what they still say was read, so a thread of its own does that.
class Console {
 public:
  explicit Console(HPCON native) : native_(native) {}
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  HPCON native() const { return native_; }

  HRESULT resize(COORD size) {
    const std::lock_guard lock(mutex_);
    return native_ == nullptr ? E_HANDLE : ::ResizePseudoConsole(native_, size);
  }

  static void close(const std::shared_ptr<Console>& console) noexcept {
    HPCON native = nullptr;
    {
      const std::lock_guard lock(console->mutex_);
      native = std::exchange(console->native_, nullptr);
    }
    if (native != nullptr && !::QueueUserWorkItem(&close_native, native, WT_EXECUTELONGFUNCTION))
      close_native(native);
  }

 private:
  static DWORD CALLBACK close_native(void* native) {
    ::ClosePseudoConsole(native);
    return 0;
  }

  std::mutex mutex_;
  HPCON native_;
};

}  // namespace

struct Pty::Impl {
  Impl(std::shared_ptr<Console> c, Pipe i, Pipe o, Process p)
      : console(std::move(c)), input(std::move(i)), output(std::move(o)), process(std::move(p)) {}
  ~Impl() {
    // No callback runs any more afterwards.
    if (wait != nullptr) ::UnregisterWaitEx(wait, INVALID_HANDLE_VALUE);
  }

  // The console's output does not end with its program: only closing it does that.
  void close_at_the_end(const Handle& program) {
    auto ring = [](void* context, BOOLEAN) { Console::close(static_cast<Impl*>(context)->console); };
    if (!::RegisterWaitForSingleObject(&wait, native_handle(program), ring, this, INFINITE,
                                       WT_EXECUTEONLYONCE))
      wait = nullptr;
  }

  std::shared_ptr<Console> console;
  Pipe input;
  Pipe output;
  Process process;
  HANDLE wait = nullptr;
};

Pty::Pty(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pty::Pty(Pty&&) noexcept = default;
Pty& Pty::operator=(Pty&&) noexcept = default;
Pty::~Pty() {
  close();
}

Result<Pty> Pty::start(asio::any_io_executor executor, const PtySpec& spec) {
  Result<std::pair<Handle, Handle>> in = pipe_ends(PipeWay::to_child);
  if (!in) return in.error();
  Result<std::pair<Handle, Handle>> out = pipe_ends(PipeWay::from_child);
  if (!out) return out.error();
  HPCON native = nullptr;
  const HRESULT made = ::CreatePseudoConsole(to_size(spec.columns, spec.rows), native_handle(in->second),
                                             native_handle(out->second), 0, &native);
  if (FAILED(made)) return windows_error(static_cast<unsigned long>(made), "make a pseudo-console");
  auto console = std::make_shared<Console>(native);
  in->second.close();
  out->second.close();
  SpawnPlan plan;
  plan.argv = spec.argv;
  plan.env = spec.env;
  plan.folder = spec.folder;
  plan.user = spec.user;
  plan.terminal = native;
  Result<User> user = spec.user ? Result<User>(*spec.user) : current_user();
  if (!user) return user.error();
  if (plan.argv.empty()) plan.argv = {spec.shell.empty() ? user->shell : spec.shell};
  Result<Spawned> spawned = spawn(plan);
  if (!spawned) {
    Console::close(console);
    return spawned.error();
  }
  auto impl = std::make_unique<Impl>(std::move(console), Pipe(executor, std::move(in->first)),
                                     Pipe(executor, std::move(out->first)),
                                     Process(std::make_unique<Process::Impl>(executor, std::move(*spawned))));
  impl->close_at_the_end(impl->process.impl_->spawned.process);
  return Pty(std::move(impl));
}

Task<Result<std::size_t>> Pty::read(std::span<std::uint8_t> into) {
  return impl_->output.read(into);
}
Task<Result<void>> Pty::write(ByteView bytes) {
  return impl_->input.write(bytes);
}

Result<void> Pty::resize(std::uint16_t columns, std::uint16_t rows) {
  const HRESULT done = impl_->console->resize(to_size(columns, rows));
  if (SUCCEEDED(done)) return {};
  return windows_error(static_cast<unsigned long>(done),
                       "resize the terminal to " + std::to_string(columns) + "x" + std::to_string(rows));
}

Result<void> Pty::signal(std::string_view name) {
  const Result<int> known = signal_number(name);
  if (!known) return known.error();
  if (name == "TERM" || name == "KILL") return impl_->process.signal(name);
  return Error(Fault::unsupported,
               "signal '" + printable(name, 32) +
                   "' is not passed on to a terminal of Windows: type Ctrl-C or Ctrl-Break");
}

void Pty::ask_to_hang_up() noexcept {
  if (impl_) Console::close(impl_->console);
}

void Pty::close() noexcept {
  if (!impl_) return;
  Console::close(impl_->console);
  impl_->input.close();
  impl_->output.close();
}

Process& Pty::process() {
  return impl_->process;
}

}  // namespace jump::platform
