#include "platform/windows/blocking.h"

#include <windows.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>

#include "platform/windows/native.h"

namespace jump::platform {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

// The thread's own handle, by which its waiting call is ended.
class Interruptible {
 public:
  void begin() {
    ::DuplicateHandle(::GetCurrentProcess(), ::GetCurrentThread(), ::GetCurrentProcess(), &thread_, 0, FALSE,
                      DUPLICATE_SAME_ACCESS);
  }
  void end() {
    if (thread_ != nullptr) ::CloseHandle(std::exchange(thread_, nullptr));
  }
  void interrupt() {
    if (thread_ != nullptr) ::CancelSynchronousIo(thread_);
  }

 private:
  HANDLE thread_ = nullptr;
};

}  // namespace

// --- reading
// --------------------------------------------------------------------------------------------------

// The mutex guards what the thread looks at: wanted, closed and itself. The rest belongs to the loop; the
// thread hands over by a post, which it makes only while the reader is there.
struct BlockingReader::State {
  State(asio::any_io_executor e, Get g) : executor(std::move(e)), get(std::move(g)) {}

  // What the thread runs; it keeps this.
  void run(const std::shared_ptr<State>& kept) {
    std::unique_lock lock(mutex);
    self.begin();
    while (true) {
      asked.wait(lock, [this] { return wanted || closed; });
      if (closed) break;
      wanted = false;
      lock.unlock();
      Result<Bytes> got = get();
      lock.lock();
      if (closed) break;
      asio::post(executor, [state = kept, got = std::move(got)]() mutable { state->take(std::move(got)); });
    }
    self.end();
  }

  void take(Result<Bytes> got) {
    if (owner == nullptr) return;
    pending = false;
    at = 0;
    bytes = Bytes();
    if (!got) {
      failed = got.error();
    } else if (got->empty()) {
      over = true;
    } else {
      bytes = std::move(*got);
    }
    owner->set();
  }

  std::mutex mutex;
  std::condition_variable asked;
  bool wanted = false;
  bool closed = false;
  Interruptible self;
  const asio::any_io_executor executor;
  const Get get;

  Event* owner = nullptr;
  bool started = false;
  bool pending = false;
  bool over = false;
  std::optional<Error> failed;
  Bytes bytes;
  std::size_t at = 0;
};

BlockingReader::BlockingReader(asio::any_io_executor executor, Get get)
    : arrived_(executor), state_(std::make_shared<State>(executor, std::move(get))) {
  state_->owner = &arrived_;
}

BlockingReader::~BlockingReader() {
  close();
}

Task<Result<std::size_t>> BlockingReader::read(std::span<std::uint8_t> into) {
  State& state = *state_;
  while (true) {
    if (state.owner == nullptr) co_return Error(Fault::closed, "read: closed here");
    if (state.at < state.bytes.size()) {
      const std::size_t size = std::min(into.size(), state.bytes.size() - state.at);
      std::copy_n(state.bytes.begin() + static_cast<std::ptrdiff_t>(state.at), size, into.begin());
      state.at += size;
      co_return size;
    }
    if (state.failed) co_return *state.failed;
    if (state.over) co_return std::size_t{0};
    if (!std::exchange(state.pending, true)) {
      const std::lock_guard lock(state.mutex);
      state.wanted = true;
      state.asked.notify_one();
      if (!std::exchange(state.started, true)) std::thread([kept = state_] { kept->run(kept); }).detach();
    }
    co_await arrived_.wait();
  }
}

void BlockingReader::close() noexcept {
  if (std::exchange(state_->owner, nullptr) == nullptr) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    state_->asked.notify_one();
    state_->self.interrupt();
  }
  arrived_.set();
}

// --- writing
// --------------------------------------------------------------------------------------------------

struct BlockingWriter::State {
  State(asio::any_io_executor e, Put p) : executor(std::move(e)), put(std::move(p)) {}

  // What the thread runs; it keeps this.
  void run(const std::shared_ptr<State>& kept) {
    std::unique_lock lock(mutex);
    self.begin();
    while (true) {
      asked.wait(lock, [this] { return wanted || closed; });
      if (closed) break;
      wanted = false;
      const Bytes bytes = std::exchange(job, Bytes());
      lock.unlock();
      Result<void> done = put(bytes);
      lock.lock();
      if (closed) break;
      asio::post(executor,
                 [state = kept, done = std::move(done)]() mutable { state->take(std::move(done)); });
    }
    self.end();
  }

  void take(Result<void> done) {
    if (owner == nullptr) return;
    pending = false;
    if (!done) failed = done.error();
    owner->set();
  }

  std::mutex mutex;
  std::condition_variable asked;
  bool wanted = false;
  bool closed = false;
  Bytes job;
  Interruptible self;
  const asio::any_io_executor executor;
  const Put put;

  Event* owner = nullptr;
  bool started = false;
  bool pending = false;
  std::optional<Error> failed;
};

BlockingWriter::BlockingWriter(asio::any_io_executor executor, Put put)
    : done_(executor), state_(std::make_shared<State>(executor, std::move(put))) {
  state_->owner = &done_;
}

BlockingWriter::~BlockingWriter() {
  close();
}

Task<Result<void>> BlockingWriter::write(ByteView bytes) {
  State& state = *state_;
  // One before this may have been cancelled in the middle: what it said goes first.
  while (state.pending && state.owner != nullptr) co_await done_.wait();
  if (state.owner == nullptr) co_return Error(Fault::closed, "write: closed here");
  if (state.failed) co_return *state.failed;
  if (bytes.empty()) co_return Result<void>();
  state.pending = true;
  {
    const std::lock_guard lock(state.mutex);
    state.job.assign(bytes.begin(), bytes.end());
    state.wanted = true;
    state.asked.notify_one();
    if (!std::exchange(state.started, true)) std::thread([kept = state_] { kept->run(kept); }).detach();
  }
  while (state.pending && state.owner != nullptr) co_await done_.wait();
  if (state.owner == nullptr) co_return Error(Fault::closed, "write: closed here");
  if (state.failed) co_return *state.failed;
  co_return Result<void>();
}

void BlockingWriter::close() noexcept {
  if (std::exchange(state_->owner, nullptr) == nullptr) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    state_->asked.notify_one();
    state_->self.interrupt();
  }
  done_.set();
}

// --- any handle
// -----------------------------------------------------------------------------------------------

Result<Bytes> get_bytes(void* handle) {
  Bytes bytes(kPiece);
  DWORD size = 0;
  if (::ReadFile(handle, bytes.data(), static_cast<DWORD>(bytes.size()), &size, nullptr) == 0) {
    const DWORD why = ::GetLastError();
    if (why == ERROR_BROKEN_PIPE || why == ERROR_HANDLE_EOF || why == ERROR_NO_DATA) return Bytes();
    return windows_error(why, "read");
  }
  bytes.resize(size);
  return bytes;
}

Result<void> put_bytes(void* handle, ByteView bytes) {
  while (!bytes.empty()) {
    DWORD size = 0;
    const DWORD most = static_cast<DWORD>(std::min(bytes.size(), kPiece));
    if (::WriteFile(handle, bytes.data(), most, &size, nullptr) == 0) {
      const DWORD why = ::GetLastError();
      if (why == ERROR_BROKEN_PIPE || why == ERROR_NO_DATA || why == ERROR_PIPE_NOT_CONNECTED)
        return Error(Fault::closed, "write: nobody reads any more");
      return windows_error(why, "write");
    }
    bytes = bytes.subspan(size);
  }
  return {};
}

}  // namespace jump::platform
