// Certificates, and who they speak for.
//
// Role and id of a peer stand in one place only, the SAN URI that the appliance issues:
//     jump:appliance     jump:agent/17     jump:node/3
// parse_identity() is the only function that reads it. Names that a peer puts into a request count for
// nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/identity/sha256.h"

namespace jump::identity {

inline constexpr std::size_t kCertificateBytes = 16384;  // one certificate, PEM or DER; larger is refused
inline constexpr std::size_t kChainLength = 8;           // certificates of one peer; more are refused

enum class PeerRole { appliance, agent, node };
BOOST_DESCRIBE_ENUM(PeerRole, appliance, agent, node)

struct PeerIdentity {
  PeerRole role = PeerRole::agent;
  std::uint64_t id = 0;  // 1 … 2^63-1; 0 for the appliance

  std::string name()
      const;                // "agent:17", "node:3", "appliance": audience of orders, peer_id in welcome, logs
  std::string uri() const;  // "jump:agent/17"
  friend bool operator==(const PeerIdentity&, const PeerIdentity&) = default;
};
BOOST_DESCRIBE_STRUCT(PeerIdentity, (), (role, id))

// From a SAN URI. One spelling for each identity: no leading zero, no other case, nothing behind it.
Result<PeerIdentity> parse_identity(std::string_view uri);

struct NativeCertificate;  // openssl_types.h

// One parsed certificate: an immutable value, cheap to copy, usable from any thread. Parsed says nothing
// about trusted: verify.h.
class Certificate {
 public:
  static Result<Certificate> from_pem(std::string_view pem);
  static Result<Certificate> from_der(ByteView der);

  std::string to_pem() const;
  const Bytes& der() const;
  // SHA-256 of the DER.
  const Digest& digest() const;
  // Lower-case hex, two digits a byte; 32 digits in those that we issue.
  const std::string& serial() const;
  std::int64_t not_before() const;  // seconds since 1970
  std::int64_t not_after() const;   // the last second in which it is valid
  // The one SAN URI; absent when there is none or more than one.
  const std::optional<std::string>& uri() const;
  // DER of the SubjectPublicKeyInfo, and its pin.
  const Bytes& spki() const;
  const std::string& pin() const;
  bool is_ca() const;        // basicConstraints CA:TRUE and the right to sign certificates
  bool self_signed() const;  // issued in its own name; the signature is not checked here

  const NativeCertificate& native() const { return *certificate_; }
  explicit Certificate(std::shared_ptr<const NativeCertificate> certificate)
      : certificate_(std::move(certificate)) {}

  friend bool operator==(const Certificate& a, const Certificate& b) { return a.digest() == b.digest(); }

 private:
  std::shared_ptr<const NativeCertificate> certificate_;
};

// One after the other, as in a PEM file; at most kChainLength, anything else in between is refused.
Result<std::vector<Certificate>> parse_pem_chain(std::string_view pem);
std::string to_pem_chain(const std::vector<Certificate>& chain);

// True from two thirds of the certificate's life on.
bool renewal_due(const Certificate& certificate, std::int64_t now);
// When that is, seconds since 1970.
std::int64_t renewal_time(const Certificate& certificate);

}  // namespace jump::identity
