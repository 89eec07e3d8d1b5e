#include "platform/local_stream.h"

#include <windows.h>

#include <aclapi.h>
#include <sddl.h>

#include <array>
#include <cstring>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/asio/windows/stream_handle.hpp>
#include <boost/asio/write.hpp>

#include "common/base/check.h"
#include "platform/windows/native.h"
#include "platform/windows/object_wait.h"
#include "platform/windows/pipe_ends.h"
#include "platform/windows/tokens.h"

namespace jump::platform {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;

Error closed_here() {
  return {Fault::closed, "the local connection was closed here"};
}

// A wait that is cancelled is an error like others here, as it is of sockets.
Task<Result<void>> heard(Event& event) {
  try {
    co_await event.wait();
  } catch (const boost::system::system_error& cancelled) {
    co_return Error(cancelled.code(), "local connection");
  }
  co_return Result<void>();
}

bool is_end(const boost::system::error_code& error) {
  return error == asio::error::eof || error.value() == ERROR_BROKEN_PIPE || error.value() == ERROR_NO_DATA ||
         error.value() == ERROR_PIPE_NOT_CONNECTED;
}

Error to_error(const boost::system::error_code& failed) {
  if (is_end(failed)) return {Fault::closed, "local connection: the peer ended it"};
  return {failed, "local connection"};
}

}  // namespace

// --- one end ------------------------------------------------------------------------------------------

// There is always a read on its way, into a buffer of ours: Windows tells nobody that there is something to
// be read. Reads and writes hold the state, so that it outlives the stream until the system has let go of the
// buffers.
struct LocalStream::Impl {
  struct State {
    explicit State(asio::any_io_executor executor) : pipe(executor), came(executor), gone(executor) {}
    asio::windows::stream_handle pipe;
    Event came;  // bytes, or the end
    Event gone;  // what was written
    bool closed = false;
    bool reading = false;
    bool writing = false;
    std::size_t first = 0, last = 0;  // of `in`: what nobody has read yet
    std::optional<Error> read_failed;
    std::optional<Error> write_failed;
    std::array<std::uint8_t, kBufferBytes> in;
    Bytes out;
  };

  explicit Impl(asio::any_io_executor executor) : state(std::make_shared<State>(executor)) {}

  void read_on() {
    if (state->reading || state->closed || state->read_failed || state->first < state->last) return;
    state->reading = true;
    state->pipe.async_read_some(asio::buffer(state->in),
                                [kept = state](const boost::system::error_code& failed, std::size_t size) {
                                  kept->reading = false;
                                  kept->first = 0;
                                  kept->last = size;
                                  if (failed) kept->read_failed = to_error(failed);
                                  kept->came.set();
                                });
  }

  Task<Result<void>> readable() {
    read_on();
    while (state->reading && !state->closed) {
      const Result<void> waited = co_await heard(state->came);
      if (!waited) co_return waited;
    }
    if (state->closed) co_return closed_here();
    co_return Result<void>();  // what went wrong is told by the read
  }

  Task<Result<void>> writable() {
    while (state->writing && !state->closed) {
      const Result<void> waited = co_await heard(state->gone);
      if (!waited) co_return waited;
    }
    if (state->closed) co_return closed_here();
    if (state->write_failed) co_return *state->write_failed;
    co_return Result<void>();
  }

  Task<Result<void>> end_orderly() {
    if (state->closed) co_return Result<void>();
    const Result<void> flushed = co_await writable();
    if (!flushed) co_return flushed;
    close();
    co_return Result<void>();
  }

  void close() noexcept {
    if (std::exchange(state->closed, true)) return;
    boost::system::error_code ignored;
    state->pipe.cancel(ignored);
    state->pipe.close(ignored);
    state->came.set();
    state->gone.set();
  }

  std::shared_ptr<State> state;
};

LocalStream::LocalStream(asio::any_io_executor executor, Handle end)
    : impl_(std::make_unique<Impl>(executor)) {
  boost::system::error_code failed;
  impl_->state->pipe.assign(native_handle(end), failed);
  if (failed) {
    impl_->state->closed = true;
  } else {
    end.release();
  }
}
LocalStream::LocalStream(LocalStream&&) noexcept = default;
LocalStream& LocalStream::operator=(LocalStream&& other) noexcept {
  close();
  impl_ = std::move(other.impl_);
  return *this;
}
LocalStream::~LocalStream() {
  close();
}

Task<Result<void>> LocalStream::readable() {
  return impl_->readable();
}

Result<std::size_t> LocalStream::read_now(std::span<std::uint8_t> into) {
  Impl::State& state = *impl_->state;
  if (state.closed) return closed_here();
  const std::size_t size = std::min(into.size(), state.last - state.first);
  if (size == 0 && !state.reading && state.read_failed) return *state.read_failed;
  std::memcpy(into.data(), state.in.data() + state.first, size);
  state.first += size;
  impl_->read_on();
  return size;
}

Result<void> LocalStream::write_now(std::span<const ByteView> parts) {
  Impl::State& state = *impl_->state;
  if (state.closed) return closed_here();
  if (state.write_failed) return *state.write_failed;
  CHECK(!state.writing);
  state.out.clear();
  for (const ByteView part : parts) state.out.insert(state.out.end(), part.begin(), part.end());
  if (state.out.empty()) return {};
  state.writing = true;
  asio::async_write(state.pipe, asio::buffer(state.out),
                    [kept = impl_->state](const boost::system::error_code& failed, std::size_t) {
                      kept->writing = false;
                      if (failed) kept->write_failed = to_error(failed);
                      kept->gone.set();
                    });
  return {};
}

bool LocalStream::backlog() const {
  return impl_->state->writing;
}
Task<Result<void>> LocalStream::writable() {
  return impl_->writable();
}
Task<Result<void>> LocalStream::shutdown() {
  return impl_->end_orderly();
}
void LocalStream::close() noexcept {
  if (impl_) impl_->close();
}

// --- where others connect to ----------------------------------------------------------------------------

namespace {

// What a client needs, without the right to make further instances of the pipe (FILE_APPEND_DATA).
constexpr DWORD kClientAccess = FILE_GENERIC_READ | FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES;
constexpr std::size_t kPathMost = 1024;
constexpr unsigned kOthersWrite = 0002;

// The same for each way to write a path: Windows' file names know no case, "/" is "\".
Result<std::wstring> name_of(const std::string& path) {
  if (path.empty() || path.size() > kPathMost || path.find('\0') != std::string::npos) {
    return Error(Fault::invalid, "the path of a local connection, '" + printable(path, 200) + "', has " +
                                     std::to_string(path.size()) + " bytes, 1 to " +
                                     std::to_string(kPathMost) + " are possible");
  }
  std::wstring whole = native_path(path);
  ::CharLowerBuffW(whole.data(), static_cast<DWORD>(whole.size()));
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a; nothing depends on its being hard to find another
  for (const wchar_t letter : whole) hash = (hash ^ static_cast<std::uint16_t>(letter)) * 1099511628211ULL;
  std::wstring name = L"\\\\.\\pipe\\jump-";
  for (int shift = 60; shift >= 0; shift -= 4) name += L"0123456789abcdef"[hash >> shift & 15];
  return name;
}

std::wstring access_for(unsigned mode) {
  // The owner by name: of an administrator's objects it would be a group otherwise.
  const std::wstring own = own_sid();
  std::wstring access = L"O:" + own + L"D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;" + own + L")";
  if ((mode & kOthersWrite) != 0) access += L"(A;;0x12018b;;;WD)";
  return access;
}
static_assert(kClientAccess == 0x12018b);

// Whoever may make pipes may have taken the name while the service was down. Only the system, its
// administrators, the accounts of services and we ourselves are believed.
Result<void> check_server(const Handle& pipe, const std::string& path) {
  PSID owner = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  const DWORD failed = ::GetSecurityInfo(native_handle(pipe), SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION,
                                         &owner, nullptr, nullptr, nullptr, &descriptor);
  if (failed != ERROR_SUCCESS) return windows_error(failed, "ask who serves " + path);
  bool known = false;
  for (const WELL_KNOWN_SID_TYPE type :
       {WinLocalSystemSid, WinBuiltinAdministratorsSid, WinLocalServiceSid, WinNetworkServiceSid})
    known = known || ::IsWellKnownSid(owner, type);
  const Handle token = own_token();
  std::vector<std::uint8_t> own = token.valid() ? sid_bytes(token) : std::vector<std::uint8_t>();
  known = known || (!own.empty() && ::EqualSid(owner, own.data()));
  ::LocalFree(descriptor);
  if (known) return {};
  return Error(Fault::refused, "connect " + path + ": it is served by a user who is not the service");
}

}  // namespace

struct LocalListener::Impl {
  Impl(asio::any_io_executor executor, std::string where, NewPipe what, Handle made, Handle event)
      : path(std::move(where)),
        pipe(std::move(what)),
        instance(std::move(made)),
        connected(std::move(event)),
        wait(executor, native_handle(connected)) {}
  ~Impl() { end_connecting(); }

  // The system may still write to `overlapped`.
  void end_connecting() noexcept {
    if (!connecting) return;
    DWORD ignored = 0;
    ::CancelIoEx(native_handle(instance), &overlapped);
    ::GetOverlappedResult(native_handle(instance), &overlapped, &ignored, TRUE);
    connecting = false;
  }

  Result<void> begin() {
    if (!instance.valid()) {
      Result<Handle> made = new_pipe(pipe);
      if (!made) return wrap(made.error(), "listen at " + path);
      instance = std::move(*made);
    }
    if (connecting) return {};
    overlapped = OVERLAPPED{};
    overlapped.hEvent = native_handle(connected);
    ::ResetEvent(overlapped.hEvent);
    if (::ConnectNamedPipe(native_handle(instance), &overlapped)) return {};
    const DWORD failed = ::GetLastError();
    if (failed == ERROR_IO_PENDING) {
      connecting = true;
    } else if (failed == ERROR_PIPE_CONNECTED) {
      ::SetEvent(overlapped.hEvent);
    } else {
      instance.close();  // who had connected is gone again (ERROR_NO_DATA)
      return windows_error(failed, "listen at " + path);
    }
    return {};
  }

  Task<Result<Handle>> accept() {
    const Result<void> begun = begin();
    if (!begun) co_return begun.error();
    try {
      co_await wait.signalled();
    } catch (const boost::system::system_error& cancelled) {
      co_return Error(cancelled.code(), "accept at " + path);
    }
    DWORD ignored = 0;
    const bool fine =
        !connecting || ::GetOverlappedResult(native_handle(instance), &overlapped, &ignored, FALSE);
    connecting = false;
    Handle taken = std::move(instance);
    if (!fine) co_return windows_error("accept at " + path);
    // At once, so that the next one finds somebody who listens.
    const Result<void> again = begin();
    if (!again) co_return again.error();
    co_return taken;
  }

  std::string path;
  NewPipe pipe;
  Handle instance;
  Handle connected;  // an event
  ObjectWait wait;
  OVERLAPPED overlapped{};
  bool connecting = false;
};

LocalListener::LocalListener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LocalListener::LocalListener(LocalListener&&) noexcept = default;
LocalListener& LocalListener::operator=(LocalListener&&) noexcept = default;
LocalListener::~LocalListener() = default;

Result<LocalListener> LocalListener::bind(asio::any_io_executor executor, const std::string& path,
                                          unsigned mode) {
  Result<std::wstring> name = name_of(path);
  if (!name) return name.error();
  NewPipe pipe;
  pipe.name = std::move(*name);
  pipe.access = access_for(mode);
  Result<Handle> first = new_pipe(pipe);
  if (!first && first.error().is(Fault::already_exists))
    return Error(Fault::already_exists, "another process serves " + path);
  if (!first) return first.error();
  pipe.first = false;
  Handle event = own_handle(::CreateEventW(nullptr, TRUE, FALSE, nullptr));
  if (!event.valid()) return windows_error("make an event");
  auto impl = std::make_unique<Impl>(executor, path, std::move(pipe), std::move(*first), std::move(event));
  const Result<void> begun = impl->begin();
  if (!begun) return begun.error();
  return LocalListener(std::move(impl));
}

Task<Result<Handle>> LocalListener::accept() {
  return impl_->accept();
}

Result<Handle> connect_local(const std::string& path) {
  const Result<std::wstring> name = name_of(path);
  if (!name) return name.error();
  Handle pipe = own_handle(
      ::CreateFileW(name->c_str(), kClientAccess, 0, nullptr, OPEN_EXISTING,
                    FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, nullptr));
  if (!pipe.valid()) {
    const DWORD failed = ::GetLastError();
    if (failed == ERROR_FILE_NOT_FOUND)
      return Error(Fault::not_found, "connect " + path + ": nobody serves it");
    return windows_error(failed, "connect " + path);
  }
  if (Result<void> known = check_server(pipe, path); !known) return known.error();
  return pipe;
}

Result<std::pair<Handle, Handle>> local_pair() {
  return pipe_ends(PipeWay::both);
}

}  // namespace jump::platform
