#include "tools/console/session/forward.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/base/scoped_group.h"
#include "platform/signals.h"
#include "tools/console/text/exit_status.h"

namespace jump::console {
namespace {

using asio::ip::tcp;
constexpr std::size_t kPiece = 64 * 1024;
constexpr auto kLook = std::chrono::seconds(1);
constexpr auto kAcceptPause = std::chrono::milliseconds(200);  // when descriptors have run out

// One local connection and its stream. What breaks one direction ends both.
class Connection {
 public:
  Connection(asio::any_io_executor executor, tcp::socket socket, std::unique_ptr<session::Stream> stream)
      : group(executor), socket_(std::move(socket)), stream_(std::move(stream)) {}

  Task<Result<void>> run() {
    group.spawn("up", send_up());
    group.spawn("down", send_down());
    co_await group.join();
    if (broken_) co_return *broken_;
    co_return co_await stream_->flushed();
  }

  TaskGroup group;

 private:
  Task<> send_up() {
    Bytes buffer(kPiece);
    while (true) {
      boost::system::error_code failed;
      const std::size_t size = co_await socket_.async_read_some(
          asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, failed));
      if (failed == asio::error::eof) {
        stream_->end();
        co_return;
      }
      if (failed) co_return fail(Error(failed, "local connection"));
      const Result<void> written = co_await stream_->write(ByteView(buffer).first(size));
      if (!written) co_return fail(written.error());
    }
  }

  Task<> send_down() {
    Bytes buffer(kPiece);
    while (true) {
      const Result<std::size_t> size = co_await stream_->read(buffer);
      if (!size) co_return fail(size.error());
      boost::system::error_code failed;
      if (*size == 0) {
        socket_.shutdown(tcp::socket::shutdown_send, failed);
        co_return;
      }
      co_await asio::async_write(socket_, asio::buffer(buffer.data(), *size),
                                 asio::redirect_error(asio::use_awaitable, failed));
      if (failed) co_return fail(Error(failed, "local connection"));
      stream_->taken(*size);
    }
  }

  // The local side sees a reset, so that it does not take this for an orderly end.
  void fail(Error error) {
    if (broken_) return;
    broken_ = std::move(error);
    stream_->reset(broken_->message());
    boost::system::error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
  }

  tcp::socket socket_;
  std::unique_ptr<session::Stream> stream_;
  std::optional<Error> broken_;
};

}  // namespace

Result<tcp::acceptor> listen_local(const asio::any_io_executor& executor, const ForwardSpec& spec,
                                   bool bind_any) {
  boost::system::error_code failed;
  const asio::ip::address address = asio::ip::make_address(spec.listen_address, failed);
  if (failed)
    return Error(Fault::invalid, "'" + printable(spec.listen_address, 64) + "' is no address to listen on");
  if (!address.is_loopback() && !bind_any) {
    return Error(Fault::refused,
                 spec.listen_address +
                     " is not of this machine alone: everybody who reaches it would reach the "
                     "asset's network; --bind-any allows that");
  }
  const tcp::endpoint endpoint(address, spec.listen_port);
  tcp::acceptor acceptor(executor);
  acceptor.open(endpoint.protocol(), failed);
  if (!failed) acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed) acceptor.bind(endpoint, failed);
  if (!failed) acceptor.listen(tcp::acceptor::max_listen_connections, failed);
  if (failed)
    return Error(failed, "listen on " + spec.listen_address + " port " + std::to_string(spec.listen_port));
  return acceptor;
}

json::value forward_arguments(const std::string& host, std::uint16_t port) {
  session::ForwardStart start;
  start.host = host;
  start.port = port;
  return to_json(start);
}

Forward::Forward(OpenedSession& session, std::vector<ForwardListener> listeners, Report report)
    : session_(session),
      listeners_(std::move(listeners)),
      report_(std::move(report)),
      connections_(session.tunnel().executor()),
      ended_(session.tunnel().executor()) {}

Task<Result<int>> Forward::run() {
  TaskGroup lasting(session_.tunnel().executor());
  TaskGroup tasks(session_.tunnel().executor());
  lasting.spawn("wait limit", session_.io().watch());
  lasting.spawn("listener", session_.listen());
  for (ForwardListener& listener : listeners_) tasks.spawn("accept", accept_all(listener));
  tasks.spawn("connection", watch_connection());
  tasks.spawn("signals", watch_signals());
  co_await ended_.wait();
  co_await tasks.stop();
  co_await connections_.stop();
  std::optional<Error> why = session_.over();
  if (!why && session_.failure()) why = Error(Fault::closed, printable(*session_.failure()));
  co_await session_.hang_up();
  co_await lasting.stop();
  if (stopped_by_) co_return status_of_signal(platform::name_of(*stopped_by_));
  co_return why ? *why : Error(Fault::closed, "the session is over");
}

Task<> Forward::accept_all(ForwardListener& listener) {
  while (true) {
    boost::system::error_code failed;
    tcp::socket socket =
        co_await listener.acceptor.async_accept(asio::redirect_error(asio::use_awaitable, failed));
    if (failed) {
      // A cancelled accept ends in the sleep.
      co_await sleep_for(kAcceptPause);
      continue;
    }
    connections_.spawn("connection", carry(std::move(socket), listener.arguments));
  }
}

Task<> Forward::carry(tcp::socket socket, json::value arguments) {
  Result<std::unique_ptr<session::Stream>> stream = session_.open_stream("connection", std::move(arguments));
  if (!stream) {
    report_(stream.error().message());
    co_return;
  }
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  Connection connection(session_.tunnel().executor(), std::move(socket), std::move(*stream));
  Task<Result<void>> both = connection.run();
  const Result<void> done = co_await and_stop(connection.group, std::move(both));
  if (!done) report_(done.error().message());
}

Task<> Forward::watch_connection() {
  while (!session_.over() && !session_.failure()) co_await session_.io().state_changed().wait_for(kLook);
  ended_.set();
}

Task<> Forward::watch_signals() {
  using platform::Signal;
  platform::Signals signals(session_.tunnel().executor(),
                            {Signal::interrupt, Signal::terminate, Signal::hang_up});
  stopped_by_ = co_await signals.next();
  ended_.set();
}

}  // namespace jump::console
