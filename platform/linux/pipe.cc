#include "platform/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace jump::platform {

struct Pipe::Impl {
  asio::posix::stream_descriptor descriptor;
};

namespace {

// A pseudo-terminal without a program on it reads EIO (pts(4)).
bool is_end(const boost::system::error_code& error) {
  return error == asio::error::eof || error.value() == EIO;
}

// A reader that has gone, or our own close() in the middle.
bool is_closed(const boost::system::error_code& error) {
  return error.value() == EPIPE || error.value() == EIO || error == asio::error::bad_descriptor ||
         error == asio::error::operation_aborted;
}

}  // namespace

void ignore_broken_pipes() {
  static const bool done = std::signal(SIGPIPE, SIG_IGN) != SIG_ERR;
  static_cast<void>(done);
}

Pipe::Pipe(asio::any_io_executor executor, Handle handle) {
  ignore_broken_pipes();
  impl_ = std::make_unique<Impl>(asio::posix::stream_descriptor(executor));
  boost::system::error_code ignored;
  impl_->descriptor.assign(handle.release(), ignored);
  impl_->descriptor.native_non_blocking(true, ignored);
}
Pipe::Pipe(Pipe&&) noexcept = default;
Pipe& Pipe::operator=(Pipe&&) noexcept = default;
Pipe::~Pipe() = default;

Task<Result<std::size_t>> Pipe::read(std::span<std::uint8_t> into) {
  if (!is_open()) co_return Error(Fault::closed, "read: the pipe is closed");
  boost::system::error_code failed;
  const std::size_t bytes = co_await impl_->descriptor.async_read_some(
      asio::buffer(into.data(), into.size()), asio::redirect_error(asio::use_awaitable, failed));
  if (!failed) co_return bytes;
  if (is_end(failed)) co_return std::size_t{0};
  if (is_closed(failed)) co_return Error(Fault::closed, "read: the pipe is closed");
  co_return Error(failed, "read");
}

Task<Result<void>> Pipe::write(ByteView bytes) {
  if (!is_open()) co_return Error(Fault::closed, "write: the pipe is closed");
  boost::system::error_code failed;
  co_await asio::async_write(impl_->descriptor, asio::buffer(bytes.data(), bytes.size()),
                             asio::redirect_error(asio::use_awaitable, failed));
  if (!failed) co_return Result<void>();
  if (is_closed(failed)) co_return Error(Fault::closed, "write: nobody reads any more");
  co_return Error(failed, "write");
}

void Pipe::close() noexcept {
  if (!impl_) return;
  boost::system::error_code ignored;
  impl_->descriptor.close(ignored);
}

bool Pipe::is_open() const {
  return impl_ && impl_->descriptor.is_open();
}
int Pipe::native() const {
  return is_open() ? impl_->descriptor.native_handle() : -1;
}

Result<std::pair<Handle, Handle>> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("make a pipe");
  return std::pair<Handle, Handle>(Handle(ends[0]), Handle(ends[1]));
}

Result<std::size_t> read_blocking(int handle, std::span<std::uint8_t> into) {
  while (true) {
    const ssize_t got = ::read(handle, into.data(), into.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return system_error("read");
  }
}

}  // namespace jump::platform
