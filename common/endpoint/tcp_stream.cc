#include "common/endpoint/tcp_stream.h"

#include <array>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/base/scoped_group.h"

namespace jump::endpoint {
namespace {

using tcp = asio::ip::tcp;

constexpr std::size_t kPieceBytes = 64 * 1024;

class Connection {
 public:
  Connection(asio::any_io_executor executor, std::unique_ptr<session::Stream> stream, tcp::socket socket)
      : group(executor), stream_(std::move(stream)), socket_(std::move(socket)) {}

  // Until both directions are over, or one broke.
  Task<Result<void>> go() {
    group.spawn("forward to target", to_target());
    group.spawn("forward from target", from_target());
    co_await group.join();
    if (broken_) co_return *broken_;
    co_return co_await stream_->flushed();
  }

  // The other side learns that it was no orderly end.
  void abort(const Error& error) {
    stream_->reset(error.message());
    boost::system::error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
  }

  TaskGroup group;

 private:
  Task<> to_target() {
    std::array<std::uint8_t, kPieceBytes> piece;
    while (true) {
      const Result<std::size_t> got = co_await stream_->read(piece);
      if (!got) co_return fail(got.error());
      boost::system::error_code failed;
      if (*got == 0) {
        socket_.shutdown(tcp::socket::shutdown_send, failed);
        co_return;
      }
      co_await asio::async_write(socket_, asio::buffer(piece.data(), *got),
                                 asio::redirect_error(asio::use_awaitable, failed));
      if (failed) co_return fail(Error(failed, "forwarded connection"));
      stream_->taken(*got);
    }
  }

  Task<> from_target() {
    std::array<std::uint8_t, kPieceBytes> piece;
    while (true) {
      boost::system::error_code failed;
      const std::size_t got = co_await socket_.async_read_some(
          asio::buffer(piece), asio::redirect_error(asio::use_awaitable, failed));
      if (failed == asio::error::eof) {
        stream_->end();
        co_return;
      }
      if (failed) co_return fail(Error(failed, "forwarded connection"));
      const Result<void> written = co_await stream_->write(ByteView(piece.data(), got));
      if (!written) co_return fail(written.error());
    }
  }

  // One broken direction ends both.
  void fail(Error error) {
    if (broken_) return;
    broken_ = std::move(error);
    abort(*broken_);
  }

  std::unique_ptr<session::Stream> stream_;
  tcp::socket socket_;
  std::optional<Error> broken_;
};

}  // namespace

Task<Result<void>> join_stream(std::unique_ptr<session::Stream> stream, tcp::socket socket) {
  Connection connection(co_await asio::this_coro::executor, std::move(stream), std::move(socket));
  Task<Result<void>> work = connection.go();
  co_return co_await and_stop(connection.group, std::move(work));
}

}  // namespace jump::endpoint
