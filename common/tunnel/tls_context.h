// How TLS is spoken here: made once, used by many connections of one worker (tls_stream.h).
//
// TLS 1.3 only; ECDSA P-256; X25519, then P-256; SHA-256 suites first, so that a PSK fits. No tickets, no
// session cache, no early data, no renegotiation, no store of the operating system, no configuration file of
// OpenSSL. A peer comes back by an external PSK with (EC)DHE (RFC 8446 section 4.2.11): see PskSource.
//
// One thread each: a worker has its own, because verifiers and key sources are asked from its handshakes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/identity/authority.h"
#include "common/identity/certificate.h"
#include "common/identity/key.h"
#include "common/tunnel/alpn.h"
#include "common/tunnel/peer_verifier.h"

namespace jump::tunnel {

// First thing in main, before anything else touches OpenSSL: keeps it from reading its configuration file,
// which on some systems stands where every user may write.
void init_tls();

// A certificate that is not of the site's own CA, for browsers.
struct WebCertificate {
  std::string chain_pem;  // its own first
  Secret key_pem;         // any kind of key
};

struct TlsServerSettings {
  // jump/1 sees the certificate and the cross certificates, all others the CAs as well.
  identity::ApplianceIdentity identity;
  // Shown for http/1.1 instead.
  std::optional<WebCertificate> web;
  std::shared_ptr<PeerVerifier> peers;  // asked for jump/1 only
  std::shared_ptr<PskSource> psk;       // may be null; jump/1 only
};

class TlsServer {
 public:
  static Result<std::shared_ptr<const TlsServer>> create(TlsServerSettings settings);
  ~TlsServer();

  struct Native;  // tls_native.h
  const Native& native() const { return *native_; }
  explicit TlsServer(std::unique_ptr<Native> native);

 private:
  std::unique_ptr<Native> native_;
};

struct TlsClientSettings {
  std::shared_ptr<PeerVerifier> appliance;
  // Agents and nodes: shown when the appliance asks.
  std::optional<identity::PrivateKey> key;
  std::vector<identity::Certificate> chain;
};

class TlsClient {
 public:
  static Result<std::shared_ptr<const TlsClient>> create(TlsClientSettings settings);
  ~TlsClient();

  struct Native;
  const Native& native() const { return *native_; }
  explicit TlsClient(std::unique_ptr<Native> native);

 private:
  std::unique_ptr<Native> native_;
};

}  // namespace jump::tunnel
