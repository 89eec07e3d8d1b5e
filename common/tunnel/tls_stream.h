// TlsStream: a Transport over TLS 1.3 over TCP. Data runs
//     write_now(parts) → TlsEngine: records in the worker's buffer → one send → what is left waits for
//     writable() socket readable → read_now: one recv for a whole batch → record after record, until 0
// Asio is asked for readiness only. The peer's certificate or PSK has been checked before anybody sees the
// stream (tls_context.h); peer() says whose it was.
//
// One thread: the one that made it. A connection never moves to another worker: ciphertext that has been
// received already may stand in that thread's buffer, where no other would look for it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "common/base/clock.h"
#include "common/identity/psk.h"
#include "common/identity/verify.h"
#include "common/tunnel/handshake_gate.h"
#include "common/tunnel/tls_context.h"
#include "common/tunnel/transport.h"

namespace jump::tunnel {

class TlsEngine;

struct TlsConnectOptions {
  std::string alpn{kAlpnTunnel};
  std::string server_name;  // SNI, for what stands in between; nothing is verified by it. Empty for addresses
  std::optional<identity::Psk> psk;
};

// What can be seen of a handshake from outside.
struct HandshakeProgress {
  std::optional<Instant> waiting_since;  // for the peer's bytes, and for nothing of ours
};

class TlsStream final : public Transport {
 public:
  ~TlsStream() override;

  // Handshakes, untimed: use with_timeout(limits::kTlsTimeout, …). The socket is connected.
  static Task<Result<std::unique_ptr<TlsStream>>> connect(asio::ip::tcp::socket socket,
                                                          std::shared_ptr<const TlsClient> context,
                                                          TlsConnectOptions options);
  // Both pointers may be null; what they point to outlives the handshake. A refused peer has been given the
  // time to read why (the alert): up to a second.
  static Task<Result<std::unique_ptr<TlsStream>>> accept(asio::ip::tcp::socket socket,
                                                         std::shared_ptr<const TlsServer> context,
                                                         HandshakeGate* gate = nullptr,
                                                         HandshakeProgress* progress = nullptr);

  std::string_view alpn() const;
  // Absent only where none is asked for (consoles, enrolment, http).
  const std::optional<identity::VerifiedPeer>& peer() const;
  // By PSK; then peer() holds identity and serial only.
  bool resumed() const;

  Task<Result<void>> readable() override;
  Result<std::size_t> read_now(std::span<std::uint8_t> into) override;
  Result<void> write_now(std::span<const ByteView> parts) override;
  bool backlog() const override;
  Task<Result<void>> writable() override;
  void set_unsent_limit(std::size_t bytes) override;
  PathState path() const override;
  Task<Result<void>> shutdown() override;
  void close() noexcept override;
  const TransportInfo& info() const override { return info_; }

 private:
  TlsStream(asio::ip::tcp::socket socket, std::shared_ptr<const void> context);
  Task<Result<void>> wait(asio::ip::tcp::socket::wait_type type);
  // The client's, and the server's steps until done.
  Task<Result<void>> shake_hands(HandshakeGate* gate, HandshakeProgress* progress);
  Task<Result<void>> part();
  Error named(Error error) const;

  std::shared_ptr<const void> context_;  // callbacks of the engine refer to it
  asio::ip::tcp::socket socket_;
  TransportInfo info_;
  std::unique_ptr<TlsEngine> engine_;
  bool closed_ = false;
};

}  // namespace jump::tunnel
