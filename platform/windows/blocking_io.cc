#include "platform/windows/blocking_io.h"

#include <windows.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>

#include "platform/windows/native.h"

namespace jump::platform {

namespace {

BlockingIo::Done stopped_here() {
  BlockingIo::Done done;
  done.failed = ERROR_OPERATION_ABORTED;
  return done;
}

}  // namespace

// Of the coroutines' thread only.
struct BlockingIo::Answer {
  explicit Answer(asio::any_io_executor executor) : came(executor) {}
  std::optional<Done> done;
  Event came;
};

// What both threads have.
struct BlockingIo::Worker {
  Worker(asio::any_io_executor e, std::shared_ptr<Handle> h) : executor(e), handle(std::move(h)) {}

  void loop(const std::weak_ptr<Answer>& answer) {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return stop || asked; });
      if (stop) return;
      asked = false;
      Bytes piece = std::move(bytes);
      const bool out = writing;
      lock.unlock();
      Done done = out ? put(piece) : get(std::move(piece));
      lock.lock();
      if (stop) return;  // there may be no loop any more to post to
      asio::post(executor, [answer, done = std::move(done)]() mutable {
        const std::shared_ptr<Answer> kept = answer.lock();
        if (!kept) return;
        kept->done = std::move(done);
        kept->came.set();
      });
    }
  }

  Done get(Bytes room) const {
    Done done;
    DWORD got = 0;
    if (!::ReadFile(native_handle(*handle), room.data(), static_cast<DWORD>(room.size()), &got, nullptr))
      done.failed = ::GetLastError();
    room.resize(got);
    done.bytes = std::move(room);
    return done;
  }
  Done put(ByteView rest) const {
    Done done;
    while (!rest.empty() && done.failed == 0) {
      DWORD gone = 0;
      if (!::WriteFile(native_handle(*handle), rest.data(), static_cast<DWORD>(rest.size()), &gone, nullptr))
        done.failed = ::GetLastError();
      rest = rest.subspan(gone);
    }
    return done;
  }

  asio::any_io_executor executor;
  std::shared_ptr<Handle> handle;
  std::mutex mutex;
  std::condition_variable changed;
  bool stop = false, asked = false, writing = false;
  Bytes bytes;
  Handle thread;  // to cancel what it waits for
};

BlockingIo::BlockingIo(asio::any_io_executor executor, std::shared_ptr<Handle> handle)
    : worker_(std::make_shared<Worker>(executor, std::move(handle))),
      answer_(std::make_shared<Answer>(executor)) {
  std::thread([worker = worker_, answer = std::weak_ptr<Answer>(answer_)] {
    HANDLE self = nullptr;
    ::DuplicateHandle(::GetCurrentProcess(), ::GetCurrentThread(), ::GetCurrentProcess(), &self, 0, FALSE,
                      DUPLICATE_SAME_ACCESS);
    {
      const std::lock_guard lock(worker->mutex);
      worker->thread = own_handle(self);
    }
    worker->loop(answer);
  }).detach();
}

BlockingIo::~BlockingIo() {
  stop();
}

void BlockingIo::stop() noexcept {
  if (std::exchange(stopped_, true)) return;
  const std::lock_guard lock(worker_->mutex);
  worker_->stop = true;
  worker_->changed.notify_all();
  if (worker_->thread.valid()) ::CancelSynchronousIo(native_handle(worker_->thread));
  answer_->came.set();
}

Task<BlockingIo::Done> BlockingIo::run(Bytes bytes, bool writing) {
  if (!asked_ && !stopped_) {
    asked_ = true;
    const std::lock_guard lock(worker_->mutex);
    worker_->bytes = std::move(bytes);
    worker_->writing = writing;
    worker_->asked = true;
    worker_->changed.notify_all();
  }
  while (!answer_->done && !stopped_) co_await answer_->came.wait();
  if (stopped_) co_return stopped_here();
  asked_ = false;
  Done done = std::move(*answer_->done);
  answer_->done.reset();
  co_return done;
}

Task<BlockingIo::Done> BlockingIo::read(std::size_t most) {
  Bytes room(most);
  return run(std::move(room), false);
}

Task<BlockingIo::Done> BlockingIo::write(ByteView bytes) {
  Bytes copy(bytes.begin(), bytes.end());
  return run(std::move(copy), true);
}

}  // namespace jump::platform
