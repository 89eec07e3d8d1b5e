// One TLS connection over a non-blocking socket, without waiting and without Asio: the synchronous half of
// TlsStream. OpenSSL reads and writes through a BIO of ours that moves whole batches through the buffers of
// the worker thread (worker_buffers.h).
//
//   incoming: recv → worker's buffer → OpenSSL, record by record → the caller
//   outgoing: the caller's parts → records → worker's buffer → one send; what the kernel does not take is
//   kept here
//
// What a connection holds while it is idle: OpenSSL's state, and two empty vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/tunnel/tls_native.h"
#include "common/tunnel/worker_buffers.h"

namespace jump::tunnel {

class TlsEngine final : private WorkerBuffers::Owner {
 public:
  // The socket stays the caller's; open as long as this. `context` outlives this.
  static Result<std::unique_ptr<TlsEngine>> server(int socket, const TlsServer& context);
  static Result<std::unique_ptr<TlsEngine>> client(int socket, const TlsClient& context,
                                                   std::string_view alpn, const std::string& server_name,
                                                   std::optional<identity::Psk> psk);
  ~TlsEngine() = default;

  enum class Step {
    done,
    peer,    // wait until the socket is readable
    ours,    // the client hello is there; computing comes next, with the next call
    kernel,  // wait until the socket is writable, then flush()
  };
  // One step; after done the handshake's own state is gone. An error has told the peer by an alert.
  Result<Step> handshake();
  // Server, after Step::ours: whether the client offered a PSK (it may still prove worthless).
  bool psk_offered() const { return handshake_ && handshake_->psk_offered; }
  // After done.
  const std::optional<identity::VerifiedPeer>& peer() const { return peer_; }
  std::string_view alpn() const { return alpn_; }
  bool resumed() const { return resumed_; }

  // At most one record; 0 = nothing now. Fault::closed after the peer's close_notify; asio::error::eof when
  // the connection ended without it.
  Result<std::size_t> read(std::span<std::uint8_t> into);
  // True: read() has something to say although the socket has not: bytes, or the end.
  bool buffered() const;
  // The socket is readable: the next read() may receive again. (After a recv that did not fill its
  // buffer none is tried until then; it could only say "nothing".)
  void readable() { may_receive_ = true; }

  // All of it becomes records: large parts one each, neighbouring small ones together.
  Result<void> write(std::span<const ByteView> parts);
  bool backlog() const { return kept_out_.size() > sent_; }
  Result<void> flush();
  // Queues and sends close_notify.
  Result<void> end();

 private:
  TlsEngine(int socket, SslPtr ssl, std::unique_ptr<Handshake> handshake);
  static Result<std::unique_ptr<TlsEngine>> make(int socket, SSL_CTX* context,
                                                 std::unique_ptr<Handshake> handshake);
  struct Bio;  // the table of functions that OpenSSL calls
  int bio_read(std::span<std::uint8_t> into, bool& again);
  bool bio_write(ByteView bytes);

  Result<void> write_records(std::span<const ByteView> parts);
  Result<void> write_record(ByteView bytes);
  // Ends every call that may have written: what stands in the worker's buffer goes to the kernel or is kept.
  Result<void> send_out();
  Error failed(int result, std::string_view doing);
  void keep(ByteView rest) override;

  SslPtr ssl_;
  int socket_;
  bool may_receive_ = true;
  bool ended_ = false;   // recv said: no more
  bool closed_ = false;  // the peer's close_notify came
  bool resumed_ = false;
  unsigned dataless_ = 0;  // records without data since the last one with
  std::size_t used_ = 0;   // of kept_in_
  std::size_t sent_ = 0;   // of kept_out_
  std::size_t out_ = 0;    // bytes in the worker's outgoing buffer, within one call only
  Bytes kept_in_;          // received, not decrypted, when another connection needed the buffer
  Bytes kept_out_;         // encrypted, not taken by the kernel
  // Nearly always empty. Every later call says so again; the second only calls that send: what the peer sent
  // before can still be read.
  std::unique_ptr<const Error> broken_, unsendable_;
  std::unique_ptr<Handshake> handshake_;
  std::string_view alpn_;
  std::optional<identity::VerifiedPeer> peer_;
};

}  // namespace jump::tunnel
