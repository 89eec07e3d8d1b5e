#include "common/tunnel/tls_context.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "common/base/check.h"
#include "common/identity/openssl_types.h"
#include "common/tunnel/tls_native.h"

namespace jump::tunnel {
namespace {

using identity::Certificate;
using identity::VerifiedPeer;

constexpr char kSuites[] = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
constexpr std::string_view kGroups = "X25519:P-256";
constexpr std::string_view kPeerSignatures = "ECDSA+SHA256";  // what peers of ours sign with
// What a web certificate may sign with besides.
constexpr std::string_view kServerSignatures =
    "ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA-PSS+SHA384:ed25519";
constexpr std::size_t kCertificateListBytes = 32768;  // of a peer; more ends the handshake
// Looked up for one client hello; each costs an HKDF, and an honest peer offers one.
constexpr unsigned kPskLookups = 2;
constexpr std::array kServed{kAlpnTunnel, kAlpnConsole, kAlpnEnroll, kAlpnPinnedHttp, kAlpnHttp};

Handshake& handshake_of(const SSL* ssl) {
  auto* handshake = static_cast<Handshake*>(SSL_get_app_data(ssl));
  CHECK(handshake != nullptr);
  return *handshake;
}

ByteView view(const unsigned char* data, std::size_t size) {
  return {data, size};
}

// --- PSK -----------------------------------------------------------------------------------------

// A session object for one handshake only. OpenSSL writes the early secret into the object that the client
// callback hands out and makes it the connection's own session: one that is shared by several connections,
// let alone by several threads, is changed under their feet.
SSL_SESSION* session_for(SSL* ssl, const Secret& key) {
  constexpr unsigned char kAes128GcmSha256[] = {0x13, 0x01};
  const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl, kAes128GcmSha256);
  SSL_SESSION* session = SSL_SESSION_new();
  const ByteView bytes = key.reveal();
  if (session == nullptr || cipher == nullptr ||
      SSL_SESSION_set1_master_key(session, bytes.data(), bytes.size()) != 1 ||
      SSL_SESSION_set_cipher(session, cipher) != 1 ||
      SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) != 1) {
    SSL_SESSION_free(session);
    return nullptr;
  }
  return session;
}

// Server: asked for each identity that the client offers until one is taken, so the last one found is the
// one in use. No session = unknown: the handshake goes on in full.
int find_psk(SSL* ssl, const unsigned char* id, std::size_t size, SSL_SESSION** session) {
  *session = nullptr;
  Handshake& handshake = handshake_of(ssl);
  handshake.by_psk.reset();
  if (handshake.alpn != kAlpnTunnel || !handshake.server->psk) return 1;
  if (++handshake.psk_asked > kPskLookups) return 1;
  const std::optional<identity::PskPeer> peer = handshake.server->psk->find(view(id, size));
  if (!peer) return 1;
  *session = session_for(ssl, peer->key);
  if (*session == nullptr) return 0;
  VerifiedPeer found;
  found.identity = peer->identity;
  found.serial = peer->serial;
  handshake.by_psk = std::move(found);
  return 1;
}

// Client. `digest` is set after a hello retry request, when the suite is known already.
int use_psk(SSL* ssl, const EVP_MD* digest, const unsigned char** id, std::size_t* size,
            SSL_SESSION** session) {
  *id = nullptr;
  *size = 0;
  *session = nullptr;
  const Handshake& handshake = handshake_of(ssl);
  if (!handshake.psk || (digest != nullptr && EVP_MD_is_a(digest, "SHA256") != 1)) return 1;
  *session = session_for(ssl, handshake.psk->key);
  if (*session == nullptr) return 0;
  *id = handshake.psk->id.data();
  *size = handshake.psk->id.size();
  return 1;
}

// --- client hello -----------------------------------------------------------------------------------

// The first of ours that the client offers; empty: none of ours. RFC 7301 section 3.1.
std::string_view choose_alpn(SSL* ssl) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data, &size) != 1) {
    return kAlpnHttp;
  }
  ByteView list = view(data, size);
  if (list.size() < 2 || get_u16(list.data()) != list.size() - 2) return {};
  std::array<bool, kServed.size()> offered{};
  for (list = list.subspan(2); !list.empty();) {
    const std::size_t length = list[0];
    if (length == 0 || length > list.size() - 1) return {};
    const std::string_view name = as_text(list.subspan(1, length));
    const auto known = std::find(kServed.begin(), kServed.end(), name);
    if (known != kServed.end()) offered[static_cast<std::size_t>(known - kServed.begin())] = true;
    list = list.subspan(1 + length);
  }
  const auto first = std::find(offered.begin(), offered.end(), true);
  return first == offered.end() ? std::string_view()
                                : kServed[static_cast<std::size_t>(first - offered.begin())];
}

// Called for each client hello (a second one comes after a hello retry request), so all is set anew. The
// first call only looks: whoever drives the handshake may let others go first before anything is computed.
int on_client_hello(SSL* ssl, int* alert, void*) {
  Handshake& handshake = handshake_of(ssl);
  handshake.alpn = choose_alpn(ssl);
  if (handshake.alpn.empty()) {
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    handshake.refused = Error(Fault::refused, "the client offers no protocol that is served here (ALPN)");
    return SSL_CLIENT_HELLO_ERROR;
  }
  if (!handshake.hello_seen) {
    handshake.hello_seen = true;
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    handshake.psk_offered = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &data, &size) == 1;
    return SSL_CLIENT_HELLO_RETRY;
  }
  const TlsServer::Native& server = *handshake.server;
  const bool tunnel = handshake.alpn == kAlpnTunnel;
  SSL_CTX* context = tunnel ? server.tunnel.get() : server.pinned.get();
  if (handshake.alpn == kAlpnHttp && server.web) context = server.web.get();
  if (SSL_set_SSL_CTX(ssl, context) != context) {
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
  }
  SSL_set_verify(ssl, tunnel ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE, nullptr);
  return SSL_CLIENT_HELLO_SUCCESS;
}

int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* size, const unsigned char*, unsigned, void*) {
  const std::string_view alpn = handshake_of(ssl).alpn;
  *out = as_bytes(alpn).data();
  *size = static_cast<unsigned char>(alpn.size());
  return SSL_TLSEXT_ERR_OK;
}

// --- certificates -------------------------------------------------------------------------------------

Result<std::vector<Certificate>> chain_of(X509_STORE_CTX* store) {
  std::vector<Certificate> chain;
  STACK_OF(X509)* sent = X509_STORE_CTX_get0_untrusted(store);  // the peer's own is the first of them
  const int count = sk_X509_num(sent);
  if (count < 1) return Error(Fault::unauthenticated, "the peer showed no certificate");
  if (static_cast<std::size_t>(count) > identity::kChainLength) {
    return Error(Fault::too_large, "the peer showed " + std::to_string(count) + " certificates, at most " +
                                       std::to_string(identity::kChainLength));
  }
  for (int i = 0; i < count; ++i) {
    Result<Certificate> certificate = identity::certificate_from(sk_X509_value(sent, i));
    if (!certificate) return certificate.error();
    chain.push_back(*std::move(certificate));
  }
  return chain;
}

Result<VerifiedPeer> verify(PeerVerifier& verifier, X509_STORE_CTX* store) {
  identity::Digest digest{};
  unsigned size = 0;
  if (X509_digest(X509_STORE_CTX_get0_cert(store), EVP_sha256(), digest.data(), &size) == 1) {
    if (std::optional<Result<VerifiedPeer>> known = verifier.known(digest)) return *std::move(known);
  }
  const Result<std::vector<Certificate>> chain = chain_of(store);
  if (!chain) return chain.error();
  return verifier.verify(*chain);
}

// In place of OpenSSL's own verification. The error number decides only which alert the peer gets.
int on_certificates(X509_STORE_CTX* store, void*) {
  const auto* ssl =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  Handshake& handshake = handshake_of(ssl);
  PeerVerifier* verifier =
      handshake.server != nullptr ? handshake.server->peers.get() : handshake.client->appliance.get();
  if (verifier == nullptr) {
    handshake.refused = Error(Fault::unauthenticated, "no certificates are believed here");
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
  }
  Result<VerifiedPeer> peer = verify(*verifier, store);
  if (!peer) {
    const Error& why = peer.error();
    X509_STORE_CTX_set_error(store, why.is(Fault::expired)   ? X509_V_ERR_CERT_HAS_EXPIRED
                                    : why.is(Fault::refused) ? X509_V_ERR_CERT_REVOKED
                                                             : X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT);
    handshake.refused = why;
    return 0;
  }
  handshake.by_chain = *std::move(peer);
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

// --- contexts --------------------------------------------------------------------------------------------

Error tls_error(std::string doing) {
  return {Fault::internal, std::move(doing) + ": " + tls_words()};
}

// OpenSSL's macros take char*, and only read.
bool set_groups(SSL_CTX* context, std::string list) {
  return SSL_CTX_set1_groups_list(context, list.data()) == 1;
}
bool set_signatures(SSL_CTX* context, std::string list) {
  return SSL_CTX_set1_sigalgs_list(context, list.data()) == 1;
}
bool ask_for_signatures(SSL_CTX* context, std::string list) {
  return SSL_CTX_set1_client_sigalgs_list(context, list.data()) == 1;
}

Result<SslContextPtr> make_context(const SSL_METHOD* method) {
  init_tls();
  SslContextPtr made(SSL_CTX_new(method));
  SSL_CTX* context = made.get();
  if (context == nullptr) return tls_error("TLS context");
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);  // TlsEngine counts records without data
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(context, static_cast<long>(kCertificateListBytes));
  SSL_CTX_set_cert_verify_callback(context, on_certificates, nullptr);
  if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_num_tickets(context, 0) != 1 || SSL_CTX_set_ciphersuites(context, kSuites) != 1 ||
      !set_groups(context, std::string(kGroups))) {
    return tls_error("TLS settings");
  }
  return made;
}

Result<void> show(SSL_CTX* context, EVP_PKEY* key, X509* own, const std::vector<X509*>& others) {
  if (SSL_CTX_use_certificate(context, own) != 1 || SSL_CTX_use_PrivateKey(context, key) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return tls_error("use certificate");
  }
  for (X509* other : others) {
    if (SSL_CTX_add1_chain_cert(context, other) != 1) return tls_error("use certificate chain");
  }
  return {};
}

Result<void> show(SSL_CTX* context, const identity::PrivateKey& key, const std::vector<Certificate>& chain) {
  std::vector<X509*> others;
  for (std::size_t i = 1; i < chain.size(); ++i) others.push_back(identity::borrow(chain[i]));
  return show(context, identity::borrow(key), identity::borrow(chain.front()), others);
}

Result<SslContextPtr> make_server_context() {
  Result<SslContextPtr> made = make_context(TLS_server_method());
  if (!made) return made;
  SSL_CTX* context = made->get();
  SSL_CTX_set_client_hello_cb(context, on_client_hello, nullptr);
  SSL_CTX_set_alpn_select_cb(context, on_alpn, nullptr);
  SSL_CTX_set_psk_find_session_callback(context, find_psk);
  constexpr std::array<unsigned char, 4> kContext{'j', 'u', 'm', 'p'};  // resuming by PSK needs some name
  if (SSL_CTX_set_session_id_context(context, kContext.data(), kContext.size()) != 1 ||
      !set_signatures(context, std::string(kServerSignatures)) ||
      !ask_for_signatures(context, std::string(kPeerSignatures))) {
    return tls_error("TLS settings");
  }
  return made;
}

using BioPtr = std::unique_ptr<BIO, identity::FreeBy<BIO_free_all>>;

Result<SslContextPtr> make_web_context(const WebCertificate& web) {
  Result<SslContextPtr> made = make_server_context();
  if (!made) return made;
  const BioPtr certificates(BIO_new_mem_buf(web.chain_pem.data(), static_cast<int>(web.chain_pem.size())));
  std::vector<identity::X509Ptr> chain;
  while (X509* next = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr))
    chain.emplace_back(next);
  ERR_clear_error();  // "no more" is how the list ends
  if (chain.empty()) return Error(Fault::invalid, "web certificate: no certificate in PEM form");
  const std::string_view text = web.key_pem.reveal_text();
  const BioPtr secret(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  // An empty passphrase instead of OpenSSL's question on the terminal.
  constexpr char kNoPassphrase[] = "";
  const identity::KeyPtr key(
      PEM_read_bio_PrivateKey(secret.get(), nullptr, nullptr, const_cast<char*>(kNoPassphrase)));
  if (!key) {
    ERR_clear_error();
    return Error(Fault::invalid, "web certificate: no private key in PEM form without passphrase");
  }
  std::vector<X509*> others;
  for (std::size_t i = 1; i < chain.size(); ++i) others.push_back(chain[i].get());
  const Result<void> shown = show(made->get(), key.get(), chain.front().get(), others);
  if (!shown) return wrap(shown.error(), "web certificate");
  return made;
}

// RFC 8446 section 6; those of OpenSSL 3.0 know not all of them.
std::string alert_words(int alert) {
  switch (alert) {
    case 40:
      return "handshake failure";
    case 42:
      return "bad certificate";
    case 43:
      return "unsupported certificate";
    case 44:
      return "certificate revoked";
    case 45:
      return "certificate expired";
    case 46:
      return "certificate unknown";
    case 48:
      return "unknown CA";
    case 49:
      return "access denied";
    case 51:
      return "decrypt error";
    case 70:
      return "protocol version";
    case 80:
      return "internal error";
    case 90:
      return "cancelled";
    case 112:
      return "unrecognised server name";
    case 116:
      return "certificate required";
    case 120:
      return "no common application protocol";
    default:
      return "alert " + std::to_string(alert);
  }
}

}  // namespace

void init_tls() {
  CHECK(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1);
  CHECK(OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1);
}

TlsServer::TlsServer(std::unique_ptr<Native> native) : native_(std::move(native)) {}
TlsServer::~TlsServer() = default;

Result<std::shared_ptr<const TlsServer>> TlsServer::create(TlsServerSettings settings) {
  auto native = std::make_unique<Native>();
  native->peers = std::move(settings.peers);
  native->psk = std::move(settings.psk);
  const identity::ApplianceIdentity& own = settings.identity;
  std::vector<Certificate> chain{own.certificate};
  chain.insert(chain.end(), own.cross.begin(), own.cross.end());
  for (const bool with_roots : {false, true}) {
    if (with_roots) chain.insert(chain.end(), own.roots.begin(), own.roots.end());
    Result<SslContextPtr> made = make_server_context();
    if (!made) return made.error();
    const Result<void> shown = show(made->get(), own.key, chain);
    if (!shown) return shown.error();
    (with_roots ? native->pinned : native->tunnel) = *std::move(made);
  }
  if (settings.web) {
    Result<SslContextPtr> made = make_web_context(*settings.web);
    if (!made) return made.error();
    native->web = *std::move(made);
  }
  return std::make_shared<const TlsServer>(std::move(native));
}

TlsClient::TlsClient(std::unique_ptr<Native> native) : native_(std::move(native)) {}
TlsClient::~TlsClient() = default;

Result<std::shared_ptr<const TlsClient>> TlsClient::create(TlsClientSettings settings) {
  auto native = std::make_unique<Native>();
  native->appliance = std::move(settings.appliance);
  Result<SslContextPtr> made = make_context(TLS_client_method());
  if (!made) return made.error();
  SSL_CTX* context = made->get();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_psk_use_session_callback(context, use_psk);
  if (!set_signatures(context, std::string(kPeerSignatures))) return tls_error("TLS settings");
  if (settings.key) {
    if (settings.chain.empty()) return Error(Fault::invalid, "a key without its certificate");
    const Result<void> shown = show(context, *settings.key, settings.chain);
    if (!shown) return shown.error();
  }
  native->context = *std::move(made);
  return std::make_shared<const TlsClient>(std::move(native));
}

Result<std::optional<VerifiedPeer>> peer_identity(const SSL* ssl, const Handshake& handshake) {
  const bool back = SSL_session_reused(ssl) == 1;
  const bool showed = SSL_get0_peer_certificate(ssl) != nullptr;
  if (back && !showed && handshake.by_psk && !handshake.by_chain) return handshake.by_psk;
  if (!back && showed && handshake.by_chain) return handshake.by_chain;
  const bool nobody = !back && !showed && !handshake.by_chain;
  if (nobody && handshake.server != nullptr && handshake.alpn != kAlpnTunnel) {
    return std::optional<VerifiedPeer>();
  }
  return Error(Fault::unauthenticated, "the handshake ended without one proof of who the peer is");
}

namespace {

// OpenSSL lets nobody take a certificate out of a session, only out of its parts.
void hollow(X509* certificate, X509_NAME* nobody) {
  // An empty key of the same type: what it held is freed.
  if (EVP_PKEY* key = X509_get0_pubkey(certificate)) EVP_PKEY_set_type(key, EVP_PKEY_get_base_id(key));
  while (X509_EXTENSION* extension = X509_delete_ext(certificate, 0)) X509_EXTENSION_free(extension);
  X509_set_subject_name(certificate, nobody);
  X509_set_issuer_name(certificate, nobody);
  ERR_clear_error();
}

}  // namespace

void hollow_certificates(SSL* ssl) {
  const std::unique_ptr<X509_NAME, identity::FreeBy<X509_NAME_free>> nobody(X509_NAME_new());
  X509* const own = SSL_get0_peer_certificate(ssl);
  if (own == nullptr || !nobody) return;
  hollow(own, nobody.get());
  // A server's has not the peer's own in it.
  STACK_OF(X509)* const others = SSL_get_peer_cert_chain(ssl);
  for (int i = 0; i < sk_X509_num(others); ++i) hollow(sk_X509_value(others, i), nobody.get());
}

std::string tls_words() {
  const unsigned long code = ERR_get_error();
  std::string words = "no reason given";
  if (code != 0) {
    const int reason = ERR_GET_REASON(code);
    const char* text = ERR_reason_error_string(code);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
        reason < SSL_AD_REASON_OFFSET + 256) {
      words = "the peer refused: " + alert_words(reason - SSL_AD_REASON_OFFSET);
    } else if (text != nullptr) {
      words = text;
    }
  }
  ERR_clear_error();
  return words;
}

}  // namespace jump::tunnel
