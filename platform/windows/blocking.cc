#include "platform/windows/blocking.h"

#include <windows.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>

#include "platform/windows/native.h"

namespace jump::platform {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

// A thread that makes one waiting call after the other, each when it is asked to. The mutex guards what both
// sides look at; what a call takes and gives is the loop's before ask() and again from answered() on.
class WaitingThread {
 public:
  WaitingThread(asio::any_io_executor executor, Event& done) : executor_(std::move(executor)), done_(&done) {}
  WaitingThread(const WaitingThread&) = delete;
  WaitingThread& operator=(const WaitingThread&) = delete;
  virtual ~WaitingThread() = default;

  bool stopped() const { return done_ == nullptr; }
  bool pending() const { return pending_; }
  // Once more, not while one is pending. `self` is this: the thread keeps it, from the first time on.
  void ask(const std::shared_ptr<WaitingThread>& self) {
    pending_ = true;
    const std::lock_guard lock(mutex_);
    wanted_ = true;
    changed_.notify_one();
    if (!std::exchange(started_, true)) std::thread([self] { self->loop(self); }).detach();
  }
  // The call that waits is asked to end; nothing is answered from here on.
  void stop() noexcept {
    Event* const done = std::exchange(done_, nullptr);
    if (done == nullptr) return;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      changed_.notify_one();
      if (thread_ != nullptr) ::CancelSynchronousIo(thread_);
    }
    done->set();
  }

 private:
  // By the thread.
  virtual void call() = 0;
  // By the loop, after each call.
  virtual void answered() = 0;

  void loop(const std::shared_ptr<WaitingThread>& self) {
    std::unique_lock lock(mutex_);
    // Of this thread, so that its waiting call can be ended.
    ::DuplicateHandle(::GetCurrentProcess(), ::GetCurrentThread(), ::GetCurrentProcess(), &thread_, 0, FALSE,
                      DUPLICATE_SAME_ACCESS);
    while (true) {
      changed_.wait(lock, [this] { return wanted_ || closed_; });
      if (closed_) break;
      wanted_ = false;
      lock.unlock();
      call();
      lock.lock();
      if (closed_) break;  // there may be no loop any more to post to
      asio::post(executor_, [self] {
        if (self->stopped()) return;
        self->pending_ = false;
        self->answered();
        self->done_->set();
      });
    }
    if (thread_ != nullptr) ::CloseHandle(std::exchange(thread_, nullptr));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;
  bool closed_ = false;
  HANDLE thread_ = nullptr;

  const asio::any_io_executor executor_;
  Event* done_;
  bool started_ = false;
  bool pending_ = false;
};

}  // namespace

// --- reading
// --------------------------------------------------------------------------------------------------

struct BlockingReader::State : WaitingThread {
  State(asio::any_io_executor e, Event& arrived, Get g)
      : WaitingThread(std::move(e), arrived), get(std::move(g)) {}

  void call() override { got = get(); }
  void answered() override {
    over = got.has_value() && got->empty();
    at = 0;
  }

  const Get get;
  Result<Bytes> got = Bytes();
  bool over = false;
  std::size_t at = 0;
};

BlockingReader::BlockingReader(asio::any_io_executor executor, Get get)
    : arrived_(executor), state_(std::make_shared<State>(executor, arrived_, std::move(get))) {}

BlockingReader::~BlockingReader() {
  close();
}

Task<Result<std::size_t>> BlockingReader::read(std::span<std::uint8_t> into) {
  State& state = *state_;
  while (!state.stopped()) {
    if (!state.pending()) {
      if (!state.got) co_return state.got.error();
      if (state.over) co_return std::size_t{0};
      if (state.at < state.got->size()) {
        const std::size_t size = std::min(into.size(), state.got->size() - state.at);
        std::copy_n(state.got->begin() + static_cast<std::ptrdiff_t>(state.at), size, into.begin());
        state.at += size;
        co_return size;
      }
      state.ask(state_);
    }
    co_await arrived_.wait();
  }
  co_return Error(Fault::closed, "read: closed here");
}

void BlockingReader::close() noexcept {
  state_->stop();
}

// --- writing
// --------------------------------------------------------------------------------------------------

struct BlockingWriter::State : WaitingThread {
  State(asio::any_io_executor e, Event& done, Put p) : WaitingThread(std::move(e), done), put(std::move(p)) {}

  void call() override { went = put(bytes); }
  void answered() override { bytes = Bytes(); }

  const Put put;
  Bytes bytes;
  Result<void> went;
};

BlockingWriter::BlockingWriter(asio::any_io_executor executor, Put put)
    : done_(executor), state_(std::make_shared<State>(executor, done_, std::move(put))) {}

BlockingWriter::~BlockingWriter() {
  close();
}

Task<Result<void>> BlockingWriter::write(ByteView bytes) {
  State& state = *state_;
  // One before this may have been cancelled in the middle: what it said goes first.
  while (state.pending() && !state.stopped()) co_await done_.wait();
  if (!state.stopped() && state.went && !bytes.empty()) {
    state.bytes.assign(bytes.begin(), bytes.end());
    state.ask(state_);
    while (state.pending() && !state.stopped()) co_await done_.wait();
  }
  if (state.stopped()) co_return Error(Fault::closed, "write: closed here");
  co_return state.went;
}

void BlockingWriter::close() noexcept {
  state_->stop();
}

// --- any handle
// -----------------------------------------------------------------------------------------------

Result<Bytes> get_bytes(void* handle) {
  Bytes bytes(kPiece);
  DWORD size = 0;
  if (::ReadFile(handle, bytes.data(), static_cast<DWORD>(bytes.size()), &size, nullptr) == 0) {
    const DWORD why = ::GetLastError();
    if (why == ERROR_BROKEN_PIPE || why == ERROR_HANDLE_EOF || why == ERROR_NO_DATA ||
        why == ERROR_PIPE_NOT_CONNECTED)
      return Bytes();
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
