// A site for benchmarks inside this process: its CA, an appliance's certificate, agents' certificates. Both
// ends of a TLS connection over loopback.
#pragma once

#include <memory>
#include <vector>

#include "common/identity/authority.h"
#include "common/identity/psk.h"
#include "common/tunnel/peer_verifier.h"
#include "common/tunnel/tls_stream.h"
#include "tools/bench/worker.h"

namespace jump::bench {

struct Credentials {
  identity::PrivateKey key = identity::PrivateKey::generate();
  std::vector<identity::Certificate> chain;
};

class Site {
 public:
  Site();

  Credentials issue(std::uint64_t agent) const;
  // `cached`: whoever came before is known by the digest of its certificate.
  std::shared_ptr<const tunnel::TlsServer> server(bool cached = true) const;
  std::shared_ptr<const tunnel::TlsClient> client(const Credentials& own) const;
  // Shows no certificate, for what proves itself by PSK or not at all.
  std::shared_ptr<const tunnel::TlsClient> stranger() const;
  identity::Psk offer(std::uint64_t agent, const Credentials& own) const;

  const identity::Authority& authority() const { return authority_; }
  const identity::ApplianceIdentity& appliance() const { return appliance_; }

 private:
  struct NoRevocations : tunnel::Revocations {
    std::uint64_t generation() const override { return 1; }
    Result<void> check(const identity::PeerIdentity&, const std::string&) const override { return {}; }
  };
  NoRevocations revocations_;
  identity::Authority authority_;
  identity::ApplianceIdentity appliance_;
  identity::PskMaster psk_;
};

using StreamPtr = std::unique_ptr<tunnel::TlsStream>;

// One TLS connection between two workers, as deep as the handshake. The program ends with a sentence where
// that is impossible.
struct Connected {
  StreamPtr client;
  StreamPtr server;
};
Connected connect(Worker& client, std::shared_ptr<const tunnel::TlsClient> client_context, Worker& server,
                  std::shared_ptr<const tunnel::TlsServer> server_context,
                  std::optional<identity::Psk> psk = {});

// TLS to a port of this machine, bound to `from` when that is given (127.0.0.0/8).
struct DialTo {
  std::uint16_t port = 0;
  std::string alpn{tunnel::kAlpnTunnel};
  std::optional<identity::Psk> psk;
  std::uint32_t from = 0;  // host byte order; 0: any
};
Task<Result<StreamPtr>> dial(std::shared_ptr<const tunnel::TlsClient> context, DialTo to);

// For what cannot fail unless the machine is broken: the value, or the end of the program with a sentence.
[[noreturn]] void give_up(const Error& error);
template <typename T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace jump::bench
