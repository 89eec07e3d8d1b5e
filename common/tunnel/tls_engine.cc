#include "common/tunnel/tls_engine.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <boost/asio/error.hpp>

#include "common/base/check.h"
#include "platform/sockets.h"

namespace jump::tunnel {
namespace {

// A part from this size on is encrypted where it stands; smaller ones are gathered first, because a record
// costs 22 bytes and about a microsecond.
constexpr std::size_t kOwnRecord = 4096;
// Ciphertext kept for a peer that reads nothing. Our own writers stop at the first kept byte; what comes on
// top are answers to the peer's key updates.
constexpr std::size_t kMostKept = WorkerBuffers::kOut + 64 * 1024;
// Key updates and the like in a row, without one byte of data (an honest peer sends one in 2^24 records).
constexpr unsigned kMostDataless = 64;

const Error& stay(std::unique_ptr<const Error>& place, Error error) {
  place = std::make_unique<const Error>(std::move(error));
  return *place;
}

}  // namespace

// --- BIO ------------------------------------------------------------------------------------------------

struct TlsEngine::Bio {
  static TlsEngine& engine(BIO* bio) { return *static_cast<TlsEngine*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, std::size_t size, std::size_t* got) {
    BIO_clear_retry_flags(bio);
    bool again = false;
    const int count = engine(bio).bio_read({reinterpret_cast<std::uint8_t*>(to), size}, again);
    if (again) BIO_set_retry_read(bio);
    *got = count > 0 ? static_cast<std::size_t>(count) : 0;
    return count > 0 ? 1 : 0;
  }

  static int write(BIO* bio, const char* from, std::size_t size, std::size_t* put) {
    BIO_clear_retry_flags(bio);
    const bool taken = engine(bio).bio_write(as_bytes({from, size}));
    *put = taken ? size : 0;
    return taken ? 1 : 0;
  }

  static long control(BIO* bio, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;  // each call of ours sends at its own end
      case BIO_CTRL_EOF:
        return engine(bio).ended_ ? 1 : 0;
      default:
        return 0;
    }
  }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  static BIO_METHOD* make() {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "worker buffers");
    CHECK(made != nullptr && BIO_meth_set_read_ex(made, read) == 1 &&
          BIO_meth_set_write_ex(made, write) == 1 && BIO_meth_set_ctrl(made, control) == 1 &&
          BIO_meth_set_create(made, create) == 1);
    return made;
  }
  static BIO_METHOD* method() {
    static BIO_METHOD* const kMethod = make();
    return kMethod;
  }
};

int TlsEngine::bio_read(std::span<std::uint8_t> into, bool& again) {
  if (kept_in_.empty() && !holds_input()) {
    if (!may_receive_ || ended_) {
      again = !ended_;
      return 0;
    }
    WorkerBuffers& buffers = WorkerBuffers::mine();
    const std::span<std::uint8_t> room = buffers.claim();
    const Result<std::size_t> got = platform::receive_now(socket_, room);
    if (!got) {
      ended_ = true;
      if (!got.error().is(Fault::closed)) stay(broken_, got.error());
      return 0;
    }
    may_receive_ = *got == room.size();
    again = *got == 0;
    buffers.filled(*this, *got);
  }
  const ByteView there = kept_in_.empty() ? input() : ByteView(kept_in_).subspan(used_);
  const std::size_t count = std::min(there.size(), into.size());
  if (count == 0) return 0;
  std::memcpy(into.data(), there.data(), count);
  if (kept_in_.empty()) {
    consume(count);
  } else if ((used_ += count) == kept_in_.size()) {
    used_ = 0;
    Bytes().swap(kept_in_);
  }
  return static_cast<int>(count);
}

void TlsEngine::keep(ByteView rest) {
  kept_in_.assign(rest.begin(), rest.end());
}

bool TlsEngine::bio_write(ByteView bytes) {
  if (unsendable_) return true;  // nobody will have it
  // Behind what is kept already: the order of records is part of the protocol.
  if (backlog() || out_ + bytes.size() > WorkerBuffers::kOut) {
    if (!backlog()) {
      kept_out_.assign(WorkerBuffers::mine().out(), WorkerBuffers::mine().out() + out_);
      out_ = 0;
    }
    if (kept_out_.size() - sent_ + bytes.size() > kMostKept) {
      stay(broken_, Error(Fault::too_large, "the peer reads nothing and makes us send"));
      return false;
    }
    kept_out_.insert(kept_out_.end(), bytes.begin(), bytes.end());
    return true;
  }
  std::memcpy(WorkerBuffers::mine().out() + out_, bytes.data(), bytes.size());
  out_ += bytes.size();
  return true;
}

// --- making ------------------------------------------------------------------------------------------------

TlsEngine::TlsEngine(int socket, SslPtr ssl, std::unique_ptr<Handshake> handshake)
    : ssl_(std::move(ssl)), socket_(socket), handshake_(std::move(handshake)) {
  SSL_set_app_data(ssl_.get(), handshake_.get());
}

Result<std::unique_ptr<TlsEngine>> TlsEngine::make(int socket, SSL_CTX* context,
                                                   std::unique_ptr<Handshake> handshake) {
  SslPtr ssl(SSL_new(context));
  BIO* bio = ssl ? BIO_new(Bio::method()) : nullptr;
  if (bio == nullptr) return Error(Fault::internal, "TLS connection: " + tls_words());
  SSL_set_bio(ssl.get(), bio, bio);
  std::unique_ptr<TlsEngine> made(new TlsEngine(socket, std::move(ssl), std::move(handshake)));
  BIO_set_data(bio, made.get());
  return made;
}

Result<std::unique_ptr<TlsEngine>> TlsEngine::server(int socket, const TlsServer& context) {
  auto handshake = std::make_unique<Handshake>();
  handshake->server = &context.native();
  Result<std::unique_ptr<TlsEngine>> made = make(socket, context.native().tunnel.get(), std::move(handshake));
  if (made) SSL_set_accept_state((*made)->ssl_.get());
  return made;
}

Result<std::unique_ptr<TlsEngine>> TlsEngine::client(int socket, const TlsClient& context,
                                                     std::string_view alpn, const std::string& server_name,
                                                     std::optional<identity::Psk> psk) {
  auto handshake = std::make_unique<Handshake>();
  handshake->client = &context.native();
  handshake->alpn = alpn;
  if (psk) {
    // Whoever proves this key is the appliance that gave it to us over a tunnel.
    identity::VerifiedPeer appliance;
    appliance.identity.role = identity::PeerRole::appliance;
    handshake->by_psk = appliance;
    handshake->psk = std::move(psk);
  }
  Result<std::unique_ptr<TlsEngine>> made =
      make(socket, context.native().context.get(), std::move(handshake));
  if (!made) return made;
  SSL* ssl = (*made)->ssl_.get();
  Bytes offer{static_cast<std::uint8_t>(alpn.size())};
  offer.insert(offer.end(), alpn.begin(), alpn.end());
  CHECK(!alpn.empty() && alpn.size() < 256);
  // What the macro SSL_set_tlsext_host_name does, without its old-style cast; the name is copied.
  std::string name = server_name;
  const bool named = name.empty() ||
                     SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
  if (!named || SSL_set_alpn_protos(ssl, offer.data(), static_cast<unsigned>(offer.size())) != 0) {
    return Error(Fault::invalid, "server name '" + printable(server_name, 64) + "': " + tls_words());
  }
  SSL_set_connect_state(ssl);
  return made;
}

// --- handshake
// ----------------------------------------------------------------------------------------------

Result<TlsEngine::Step> TlsEngine::handshake() {
  if (broken_) return *broken_;
  if (backlog()) return Step::kernel;
  CHECK(handshake_ != nullptr);
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  const int what = SSL_get_error(ssl_.get(), result);
  if (result != 1 && what != SSL_ERROR_WANT_READ && what != SSL_ERROR_WANT_CLIENT_HELLO_CB) {
    const Error why = failed(result, "TLS handshake");
    stay(broken_, handshake_->refused ? *handshake_->refused : why);
    static_cast<void>(send_out());  // the alert, as far as it goes
    return *broken_;
  }
  const Result<void> sent = send_out();
  if (!sent) return sent.error();
  if (result != 1) {
    if (what == SSL_ERROR_WANT_CLIENT_HELLO_CB) return Step::ours;
    return backlog() ? Step::kernel : Step::peer;
  }
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  if (handshake_->client != nullptr && as_text({name, size}) != handshake_->alpn) {
    return stay(broken_,
                Error(Fault::unsupported, "the server does not speak " + std::string(handshake_->alpn)));
  }
  Result<std::optional<identity::VerifiedPeer>> peer = peer_identity(ssl_.get(), *handshake_);
  if (!peer) return stay(broken_, peer.error());
  peer_ = *std::move(peer);
  if (handshake_->server != nullptr) hollow_certificates(ssl_.get());
  alpn_ = handshake_->alpn;
  resumed_ = SSL_session_reused(ssl_.get()) == 1;
  SSL_set_app_data(ssl_.get(), nullptr);
  handshake_.reset();
  return Step::done;
}

// --- data
// ------------------------------------------------------------------------------------------------------

Error TlsEngine::failed(int result, std::string_view doing) {
  if (!broken_) {
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN) {
      closed_ = true;
      return {Fault::closed, "the peer closed the connection"};
    }
    if (ended_) {
      stay(broken_, Error(boost::asio::error::make_error_code(boost::asio::error::eof),
                          std::string(doing) + ": the connection was cut, the peer did not close it"));
    } else {
      stay(broken_, Error(Fault::malformed, std::string(doing) + ": " + tls_words()));
    }
  }
  ERR_clear_error();
  return *broken_;
}

Result<std::size_t> TlsEngine::read(std::span<std::uint8_t> into) {
  for (;;) {
    if (broken_) return *broken_;
    if (closed_) return Error(Fault::closed, "the peer closed the connection");
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
    std::optional<Error> why;
    if (result != 1 && SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) why = failed(result, "TLS");
    // An answer to a key update, or an alert. That it cannot be sent is for those who send.
    static_cast<void>(send_out());
    if (why) return *std::move(why);
    if (result == 1) {
      dataless_ = 0;
      return got;
    }
    if (!buffered()) return std::size_t{0};
    if (++dataless_ > kMostDataless) {
      stay(broken_, Error(Fault::refused, "more than " + std::to_string(kMostDataless) +
                                              " TLS records in a row without data"));
    }
  }
}

bool TlsEngine::buffered() const {
  return !kept_in_.empty() || holds_input() || broken_ || closed_ || SSL_pending(ssl_.get()) > 0;
}

Result<void> TlsEngine::write(std::span<const ByteView> parts) {
  if (broken_) return *broken_;
  if (unsendable_) return *unsendable_;
  CHECK(!backlog());
  const Result<void> written = write_records(parts);
  const Result<void> sent = send_out();
  return written ? sent : written;
}

Result<void> TlsEngine::write_records(std::span<const ByteView> parts) {
  std::uint8_t* gathered = WorkerBuffers::mine().record();
  std::size_t size = 0;
  std::size_t total = 0;
  Result<void> result;
  for (const ByteView part : parts) {
    total += part.size();
    CHECK(total <= WorkerBuffers::kBatch);
    if (part.empty()) continue;
    if (size > 0 && size + part.size() > WorkerBuffers::kRecord) {
      result = write_record({gathered, std::exchange(size, 0)});
      if (!result) return result;
    }
    if (size == 0 && part.size() >= kOwnRecord) {
      result = write_record(part);
      if (!result) return result;
      continue;
    }
    std::memcpy(gathered + size, part.data(), part.size());
    size += part.size();
  }
  if (size > 0) result = write_record({gathered, size});
  return result;
}

// OpenSSL cuts what is longer than a record. The BIO takes everything, so this never waits.
Result<void> TlsEngine::write_record(ByteView bytes) {
  ERR_clear_error();
  std::size_t put = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &put);
  if (result != 1 || put != bytes.size()) return failed(result, "TLS");
  return {};
}

Result<void> TlsEngine::send_out() {
  if (unsendable_) return *unsendable_;
  if (out_ == 0) return {};
  const ByteView bytes(WorkerBuffers::mine().out(), std::exchange(out_, 0));
  const Result<std::size_t> sent = platform::send_now(socket_, bytes);
  if (!sent) return stay(unsendable_, sent.error());
  if (*sent < bytes.size()) kept_out_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(*sent), bytes.end());
  return {};
}

Result<void> TlsEngine::flush() {
  while (backlog()) {
    const Result<std::size_t> sent = platform::send_now(socket_, ByteView(kept_out_).subspan(sent_));
    if (!sent) return stay(unsendable_, sent.error());
    if (*sent == 0) return {};
    sent_ += *sent;
  }
  sent_ = 0;
  Bytes().swap(kept_out_);
  return {};
}

Result<void> TlsEngine::end() {
  if (broken_) return *broken_;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());  // 0: sent, the peer's has not come; nobody waits for it
  ERR_clear_error();
  return send_out();
}

}  // namespace jump::tunnel
