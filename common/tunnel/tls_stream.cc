#include "common/tunnel/tls_stream.h"

#include <array>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/check.h"
#include "common/base/with_timeout.h"
#include "common/tunnel/endpoint_text.h"
#include "common/tunnel/tls_engine.h"
#include "platform/sockets.h"

namespace jump::tunnel {
namespace {

using asio::ip::tcp;

// For a refused peer to read the alert; then what it still sends is nobody's.
constexpr std::chrono::seconds kPartLimit(1);
constexpr std::size_t kPartBytes = 256 * 1024;

}  // namespace

TlsStream::TlsStream(tcp::socket socket, std::shared_ptr<const void> context)
    : context_(std::move(context)), socket_(std::move(socket)), info_(describe(socket_)) {}

TlsStream::~TlsStream() {
  close();
}

Task<Result<std::unique_ptr<TlsStream>>> TlsStream::connect(tcp::socket socket,
                                                            std::shared_ptr<const TlsClient> context,
                                                            TlsConnectOptions options) {
  std::unique_ptr<TlsStream> stream(new TlsStream(std::move(socket), context));
  const int native = static_cast<int>(stream->socket_.native_handle());
  const Result<void> tuned = platform::tune_tcp(native);
  if (!tuned) co_return stream->named(tuned.error());
  Result<std::unique_ptr<TlsEngine>> engine =
      TlsEngine::client(native, *context, options.alpn, options.server_name, std::move(options.psk));
  if (!engine) co_return engine.error();
  stream->engine_ = *std::move(engine);
  const Result<void> shaken = co_await stream->shake_hands(nullptr, nullptr);
  if (!shaken) co_return stream->named(shaken.error());
  co_return stream;
}

Task<Result<std::unique_ptr<TlsStream>>> TlsStream::accept(tcp::socket socket,
                                                           std::shared_ptr<const TlsServer> context,
                                                           HandshakeGate* gate, HandshakeProgress* progress) {
  std::unique_ptr<TlsStream> stream(new TlsStream(std::move(socket), context));
  const int native = static_cast<int>(stream->socket_.native_handle());
  const Result<void> tuned = platform::tune_tcp(native);
  if (!tuned) co_return stream->named(tuned.error());
  Result<std::unique_ptr<TlsEngine>> engine = TlsEngine::server(native, *context);
  if (!engine) co_return engine.error();
  stream->engine_ = *std::move(engine);
  const Result<void> shaken = co_await stream->shake_hands(gate, progress);
  if (!shaken) {
    if (progress != nullptr) progress->waiting_since = BootClock::now();
    // Closing with bytes unread would reset the connection, and the peer would never see the alert.
    co_await with_timeout(kPartLimit, "close", stream->part());
    co_return stream->named(shaken.error());
  }
  co_return stream;
}

Task<Result<void>> TlsStream::shake_hands(HandshakeGate* gate, HandshakeProgress* progress) {
  HandshakeGate::Kind kind = HandshakeGate::Kind::begin;
  bool computes = false;  // the next step is an expensive one
  for (;;) {
    Result<TlsEngine::Step> step = TlsEngine::Step::done;
    if (gate != nullptr && computes) {
      const HandshakeGate::Turn turn = co_await gate->turn(kind);
      step = engine_->handshake();
    } else {
      step = engine_->handshake();
    }
    if (!step) co_return step.error();
    Result<void> waited;
    switch (*step) {
      case TlsEngine::Step::done:
        while (engine_->backlog() && waited) {
          waited = co_await wait(tcp::socket::wait_write);
          if (waited) waited = engine_->flush();
        }
        co_return waited;
      case TlsEngine::Step::ours:
        kind = engine_->psk_offered() ? HandshakeGate::Kind::psk : HandshakeGate::Kind::begin;
        computes = true;
        break;
      case TlsEngine::Step::peer:
        if (progress != nullptr) progress->waiting_since = BootClock::now();
        waited = co_await wait(tcp::socket::wait_read);
        if (progress != nullptr) progress->waiting_since.reset();
        engine_->readable();
        // Whoever came by PSK only sends Finished now; the others their certificate.
        if (kind == HandshakeGate::Kind::begin && computes) kind = HandshakeGate::Kind::finish;
        break;
      case TlsEngine::Step::kernel:
        waited = co_await wait(tcp::socket::wait_write);
        if (waited) waited = engine_->flush();
        break;
    }
    if (!waited) co_return waited;
  }
}

Task<Result<void>> TlsStream::part() {
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  std::array<std::uint8_t, 4096> rest;
  for (std::size_t total = 0; total < kPartBytes;) {
    const Result<std::size_t> got = platform::receive_now(static_cast<int>(socket_.native_handle()), rest);
    if (!got) break;
    total += *got;
    if (*got > 0) continue;
    const Result<void> waited = co_await wait(tcp::socket::wait_read);
    if (!waited) break;
  }
  co_return Result<void>();
}

std::string_view TlsStream::alpn() const {
  return engine_->alpn();
}
const std::optional<identity::VerifiedPeer>& TlsStream::peer() const {
  return engine_->peer();
}
bool TlsStream::resumed() const {
  return engine_->resumed();
}

Error TlsStream::named(Error error) const {
  return wrap(std::move(error), info_.peer_address);
}

Task<Result<void>> TlsStream::wait(tcp::socket::wait_type type) {
  boost::system::error_code failed;
  if (!closed_) co_await socket_.async_wait(type, asio::redirect_error(asio::use_awaitable, failed));
  if (closed_) co_return Error(Fault::closed, "the connection was closed here");
  if (failed) co_return Error(failed, "wait");
  co_return Result<void>();
}

Task<Result<void>> TlsStream::readable() {
  if (closed_) co_return Error(Fault::closed, "the connection was closed here");
  if (engine_->buffered()) co_return Result<void>();
  // Not by wait(): thousands of idle connections stand here, each with the frames of all that it is in.
  boost::system::error_code failed;
  co_await socket_.async_wait(tcp::socket::wait_read, asio::redirect_error(asio::use_awaitable, failed));
  if (closed_) co_return Error(Fault::closed, "the connection was closed here");
  if (failed) co_return named(Error(failed, "wait"));
  engine_->readable();
  co_return Result<void>();
}

Result<std::size_t> TlsStream::read_now(std::span<std::uint8_t> into) {
  if (closed_) return Error(Fault::closed, "the connection was closed here");
  Result<std::size_t> got = engine_->read(into);
  if (!got) return named(got.error());
  return got;
}

Result<void> TlsStream::write_now(std::span<const ByteView> parts) {
  if (closed_) return Error(Fault::closed, "the connection was closed here");
  Result<void> written = engine_->write(parts);
  if (!written) return named(written.error());
  return written;
}

bool TlsStream::backlog() const {
  return engine_->backlog();
}

Task<Result<void>> TlsStream::writable() {
  do {
    const Result<void> waited = co_await wait(tcp::socket::wait_write);
    if (!waited) co_return named(waited.error());
    const Result<void> sent = engine_->flush();
    if (!sent) co_return named(sent.error());
  } while (engine_->backlog());
  co_return Result<void>();
}

void TlsStream::set_unsent_limit(std::size_t bytes) {
  if (!closed_) platform::limit_unsent(static_cast<int>(socket_.native_handle()), bytes);
}

PathState TlsStream::path() const {
  // native_handle() is not const; the descriptor is only asked.
  if (closed_) return {};
  const platform::TcpState tcp =
      platform::tcp_state(static_cast<int>(const_cast<tcp::socket&>(socket_).native_handle()));
  PathState path;
  path.delivery_rate = tcp.delivery_rate;
  path.unsent = tcp.unsent;
  path.round_trip = tcp.round_trip;
  return path;
}

Task<Result<void>> TlsStream::shutdown() {
  if (closed_) co_return Result<void>();
  const Result<void> ended = engine_->end();
  if (!ended) co_return named(ended.error());
  while (engine_->backlog()) {
    const Result<void> waited = co_await writable();
    if (!waited) co_return waited;
  }
  boost::system::error_code failed;
  socket_.shutdown(tcp::socket::shutdown_send, failed);
  if (failed) co_return named(Error(failed, "shutdown"));
  co_return Result<void>();
}

void TlsStream::close() noexcept {
  if (std::exchange(closed_, true)) return;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace jump::tunnel
