#include "common/endpoint/status_socket.h"

#include <poll.h>
#include <unistd.h>

#include <array>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/base/with_timeout.h"

namespace jump::endpoint {
namespace {

using asio::local::stream_protocol;
constexpr std::size_t kDocumentBytes = 1024 * 1024;
constexpr int kPatienceMs = 3000;

Task<Result<void>> write_all(stream_protocol::socket& socket, std::string text) {
  auto [error, size] =
      co_await asio::async_write(socket, asio::buffer(text), asio::as_tuple(asio::use_awaitable));
  if (error) co_return Error(error, "write the status");
  co_return Result<void>();
}

}  // namespace

StatusSocket::StatusSocket(asio::any_io_executor executor, platform::LocalListener listener,
                           std::function<std::string()> describe)
    : executor_(executor), listener_(std::move(listener)), describe_(std::move(describe)) {}

Result<std::unique_ptr<StatusSocket>> StatusSocket::open(asio::any_io_executor executor,
                                                         const std::string& path,
                                                         std::function<std::string()> describe) {
  Result<platform::LocalListener> listener = platform::LocalListener::bind(path, 0600);
  if (!listener) return listener.error();
  return std::unique_ptr<StatusSocket>(new StatusSocket(executor, std::move(*listener), std::move(describe)));
}

Task<> StatusSocket::run() {
  stream_protocol::acceptor acceptor(executor_, stream_protocol(), ::dup(listener_.socket().get()));
  while (true) {
    auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      co_await sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    // One at a time: a reader that does not read holds up others for a second, and nobody else.
    Task<Result<void>> writing = write_all(socket, describe_());
    (void)co_await with_timeout(std::chrono::seconds(1), "status", std::move(writing));
  }
}

Result<std::string> read_status(const std::string& path) {
  Result<platform::Handle> socket = platform::connect_local(path);
  if (!socket) return socket.error();
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() < kDocumentBytes) {
    pollfd ready{socket->get(), POLLIN, 0};
    if (::poll(&ready, 1, kPatienceMs) <= 0)
      return Error(Fault::timed_out, "the service does not answer on " + path);
    const ssize_t size = ::read(socket->get(), buffer.data(), buffer.size());
    if (size < 0) return system_error("read " + path);
    if (size == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return Error(Fault::too_large, "the status on " + path + " does not end");
}

}  // namespace jump::endpoint
