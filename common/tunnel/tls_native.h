// OpenSSL's side of tls_context.h and tls_engine.h; for the tls_*.cc files only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

#include "common/identity/openssl_types.h"
#include "common/tunnel/tls_context.h"

namespace jump::tunnel {

using SslContextPtr = std::unique_ptr<SSL_CTX, identity::FreeBy<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, identity::FreeBy<SSL_free>>;

struct TlsServer::Native {
  SslContextPtr tunnel;  // jump/1
  SslContextPtr pinned;  // those who know the pin only
  SslContextPtr web;     // null: pinned serves
  std::shared_ptr<PeerVerifier> peers;
  std::shared_ptr<PskSource> psk;
};

struct TlsClient::Native {
  SslContextPtr context;
  std::shared_ptr<PeerVerifier> appliance;
};

// What a handshake learns; gone when it is over. The callbacks of the contexts find it by SSL_get_app_data.
struct Handshake {
  // Server.
  const TlsServer::Native* server = nullptr;
  bool hello_seen = false;  // the first client hello has been looked at, nothing computed yet
  bool psk_offered = false;
  unsigned psk_asked = 0;  // keys looked up for this handshake
  // Client.
  const TlsClient::Native* client = nullptr;
  std::optional<identity::Psk> psk;
  // Both.
  std::string_view alpn;  // one of alpn.h
  std::optional<identity::VerifiedPeer> by_chain;
  std::optional<identity::VerifiedPeer> by_psk;
  std::optional<Error> refused;  // why the peer's certificates were not believed
};

// The one place that says who the peer is: from its chain or from its PSK, never from both, and
// for jump/1 never from neither. Called when the handshake is over.
Result<std::optional<identity::VerifiedPeer>> peer_identity(const SSL* ssl, const Handshake& handshake);

// Server, when the handshake is over. The connection keeps the peer's certificates as long as it lives, read
// into some hundred pieces: a fifth of what an idle one holds. Who the peer is has been said, and no verifier
// of the server keeps them; this leaves empty ones.
void hollow_certificates(SSL* ssl);

// The oldest error in OpenSSL's queue in words for people (alerts of the peer are told as such); empties the
// queue.
std::string tls_words();

}  // namespace jump::tunnel
