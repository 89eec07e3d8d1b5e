#include "platform/pipe.h"

#include <windows.h>

#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/windows/stream_handle.hpp>
#include <boost/asio/write.hpp>

#include "platform/windows/blocking.h"
#include "platform/windows/native.h"
#include "platform/windows/pipe_ends.h"

namespace jump::platform {

// A handle that does not wait is the loop's; any other is read and written by threads.
struct Pipe::Impl {
  explicit Impl(asio::any_io_executor e) : executor(e), stream(e) {}

  // A thread keeps the handle only while it calls: close() closes it, at once or as the call ends.
  BlockingReader& reader() {
    if (!reading)
      reading =
          std::make_unique<BlockingReader>(executor, [weak = std::weak_ptr(waiting)]() -> Result<Bytes> {
            const std::shared_ptr<Handle> handle = weak.lock();
            if (!handle) return Error(Fault::closed, "read: the pipe is closed");
            return get_bytes(native_handle(*handle));
          });
    return *reading;
  }
  BlockingWriter& writer() {
    if (!writing)
      writing = std::make_unique<BlockingWriter>(
          executor, [weak = std::weak_ptr(waiting)](ByteView bytes) -> Result<void> {
            const std::shared_ptr<Handle> handle = weak.lock();
            if (!handle) return Error(Fault::closed, "write: the pipe is closed");
            return put_bytes(native_handle(*handle), bytes);
          });
    return *writing;
  }

  asio::any_io_executor executor;
  asio::windows::stream_handle stream;
  std::shared_ptr<Handle> waiting;
  std::unique_ptr<BlockingReader> reading;
  std::unique_ptr<BlockingWriter> writing;
};

namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;

bool is_end(int number) {
  return number == ERROR_BROKEN_PIPE || number == ERROR_HANDLE_EOF || number == ERROR_PIPE_NOT_CONNECTED;
}

// A reader that has gone, or our own close() in the middle.
bool is_closed(int number) {
  return number == ERROR_NO_DATA || number == ERROR_INVALID_HANDLE || number == ERROR_OPERATION_ABORTED ||
         is_end(number);
}

Result<std::size_t> read_result(const boost::system::error_code& failed, std::size_t bytes) {
  if (!failed) return bytes;
  if (failed == asio::error::eof || is_end(failed.value())) return std::size_t{0};
  if (is_closed(failed.value())) return Error(Fault::closed, "read: the pipe is closed");
  return Error(failed, "read");
}

Result<void> write_result(const boost::system::error_code& failed) {
  if (!failed) return {};
  if (is_closed(failed.value())) return Error(Fault::closed, "write: nobody reads any more");
  return Error(failed, "write");
}

}  // namespace

Pipe::Pipe(asio::any_io_executor executor, Handle handle) : impl_(std::make_unique<Impl>(executor)) {
  boost::system::error_code failed;
  // Refused for a handle that waits.
  impl_->stream.assign(native_handle(handle), failed);
  if (!failed) {
    handle.release();
  } else if (handle.valid()) {
    impl_->waiting = std::make_shared<Handle>(std::move(handle));
  }
}
Pipe::Pipe(Pipe&&) noexcept = default;
Pipe& Pipe::operator=(Pipe&&) noexcept = default;
Pipe::~Pipe() {
  close();
}

Task<Result<std::size_t>> Pipe::read(std::span<std::uint8_t> into) {
  if (!is_open()) co_return Error(Fault::closed, "read: the pipe is closed");
  if (impl_->waiting) {
    Result<std::size_t> got = co_await impl_->reader().read(into);
    co_return got;
  }
  boost::system::error_code failed;
  const std::size_t bytes = co_await impl_->stream.async_read_some(
      asio::buffer(into.data(), into.size()), asio::redirect_error(asio::use_awaitable, failed));
  co_return read_result(failed, bytes);
}

Task<Result<void>> Pipe::write(ByteView bytes) {
  if (!is_open()) co_return Error(Fault::closed, "write: the pipe is closed");
  if (impl_->waiting) {
    Result<void> done = co_await impl_->writer().write(bytes);
    co_return done;
  }
  boost::system::error_code failed;
  co_await asio::async_write(impl_->stream, asio::buffer(bytes.data(), bytes.size()),
                             asio::redirect_error(asio::use_awaitable, failed));
  co_return write_result(failed);
}

void Pipe::close() noexcept {
  if (!impl_) return;
  if (impl_->reading) impl_->reading->close();
  if (impl_->writing) impl_->writing->close();
  impl_->waiting.reset();
  boost::system::error_code ignored;
  impl_->stream.close(ignored);
}

bool Pipe::is_open() const {
  return impl_ && (impl_->waiting || impl_->stream.is_open());
}

int Pipe::native() const {
  if (!is_open()) return -1;
  if (impl_->waiting) return impl_->waiting->get();
  return static_cast<int>(reinterpret_cast<std::intptr_t>(impl_->stream.native_handle()));
}

Result<std::pair<Handle, Handle>> make_pipe() {
  HANDLE read = nullptr;
  HANDLE write = nullptr;
  if (!::CreatePipe(&read, &write, nullptr, 0)) return windows_error("make a pipe");
  return std::pair<Handle, Handle>(own_handle(read), own_handle(write));
}

// It always is one here.
void ignore_broken_pipes() {}

Result<std::size_t> read_blocking(int handle, std::span<std::uint8_t> into) {
  DWORD got = 0;
  const auto most = static_cast<DWORD>(std::min(into.size(), kPieceBytes));
  if (::ReadFile(native_handle(handle), into.data(), most, &got, nullptr)) return std::size_t{got};
  if (is_end(static_cast<int>(::GetLastError()))) return std::size_t{0};
  return windows_error("read");
}

}  // namespace jump::platform
