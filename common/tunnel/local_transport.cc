#include "common/tunnel/local_transport.h"

#include <array>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/check.h"
#include "common/tunnel/socket_options.h"

namespace jump::tunnel {
namespace {

constexpr std::size_t kPiecesAtOnce = 64;

Error closed_here() {
  return {Fault::closed, "the local connection was closed here"};
}

}  // namespace

LocalTransport::LocalTransport(asio::any_io_executor executor, int socket) : socket_(executor) {
  boost::system::error_code failed;
  socket_.assign(asio::local::stream_protocol(), socket, failed);
  if (failed) closed_ = true;
}

LocalTransport::~LocalTransport() {
  close();
}

Task<Result<void>> LocalTransport::wait(Socket::wait_type type) {
  boost::system::error_code failed;
  if (!closed_) co_await socket_.async_wait(type, asio::redirect_error(asio::use_awaitable, failed));
  if (closed_) co_return closed_here();
  if (failed) co_return Error(failed, "local connection");
  co_return Result<void>();
}

Task<Result<void>> LocalTransport::readable() {
  Result<void> waited = co_await wait(Socket::wait_read);
  may_receive_ = true;
  co_return waited;
}

Result<std::size_t> LocalTransport::read_now(std::span<std::uint8_t> into) {
  if (closed_) return closed_here();
  if (!may_receive_ || into.empty()) return std::size_t{0};
  Result<std::size_t> got = receive_now(socket_.native_handle(), into);
  if (!got) return wrap(got.error(), "local connection");
  // A call that did not fill its buffer would be followed by one that says "nothing".
  may_receive_ = *got == into.size();
  return got;
}

Result<void> LocalTransport::write_now(std::span<const ByteView> parts) {
  if (closed_) return closed_here();
  CHECK(!backlog());
  std::size_t part = 0;
  std::size_t skip = 0;  // bytes of parts[part] that are gone
  while (part < parts.size()) {
    std::array<ByteView, kPiecesAtOnce> pieces;
    std::size_t count = 0;
    std::size_t total = 0;
    for (std::size_t i = part; i < parts.size() && count < pieces.size(); ++i) {
      pieces[count] = i == part ? parts[i].subspan(skip) : parts[i];
      total += pieces[count++].size();
    }
    const Result<std::size_t> sent = send_parts_now(socket_.native_handle(), {pieces.data(), count});
    if (!sent) return wrap(sent.error(), "local connection");
    std::size_t gone = *sent;
    while (part < parts.size() && gone >= parts[part].size() - skip) {
      gone -= parts[part].size() - skip;
      skip = 0;
      ++part;
    }
    skip += gone;
    if (*sent < total) break;
  }
  for (; part < parts.size(); ++part, skip = 0) {
    const ByteView rest = parts[part].subspan(skip);
    kept_.insert(kept_.end(), rest.begin(), rest.end());
  }
  return {};
}

Result<void> LocalTransport::flush() {
  while (backlog()) {
    const Result<std::size_t> sent = send_now(socket_.native_handle(), ByteView(kept_).subspan(sent_));
    if (!sent) return wrap(sent.error(), "local connection");
    if (*sent == 0) return {};
    sent_ += *sent;
  }
  sent_ = 0;
  Bytes().swap(kept_);
  return {};
}

Task<Result<void>> LocalTransport::writable() {
  do {
    const Result<void> waited = co_await wait(Socket::wait_write);
    if (!waited) co_return waited;
    const Result<void> sent = flush();
    if (!sent) co_return sent;
  } while (backlog());
  co_return Result<void>();
}

Task<Result<void>> LocalTransport::shutdown() {
  if (closed_) co_return Result<void>();
  while (backlog()) {
    const Result<void> sent = co_await writable();
    if (!sent) co_return sent;
  }
  boost::system::error_code failed;
  socket_.shutdown(Socket::shutdown_send, failed);
  if (failed) co_return Error(failed, "local connection");
  co_return Result<void>();
}

void LocalTransport::close() noexcept {
  if (std::exchange(closed_, true)) return;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace jump::tunnel
