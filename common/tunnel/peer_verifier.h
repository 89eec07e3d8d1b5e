// Who a peer is, decided during its handshake by what is injected here; tunnel knows no list of assets.
//
//   endpoint, console   PinVerifier (first contact) or BundleVerifier: the appliance and nobody else
//   appliance           ClientVerifier: agents and nodes, with the cache and the look-up of revocation
//
// One thread: each worker has its own.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "common/base/error.h"
#include "common/identity/psk.h"
#include "common/identity/verify.h"

namespace jump::tunnel {

// Seconds since 1970: TimeFloor::now on endpoints, the wall clock on the appliance.
using WallClock = std::function<std::int64_t()>;

class PeerVerifier {
 public:
  virtual ~PeerVerifier() = default;
  // By the digest of the peer's own certificate alone, before anything is parsed. Absent: verify() is asked.
  virtual std::optional<Result<identity::VerifiedPeer>> known(const identity::Digest& leaf);
  // The peer's own certificate first. Fault::expired and Fault::refused (revoked) are told to the peer as
  // such.
  virtual Result<identity::VerifiedPeer> verify(std::span<const identity::Certificate> chain) = 0;
};

// The appliance whose CA has this pin, and which shows that CA.
class PinVerifier : public PeerVerifier {
 public:
  PinVerifier(std::string pin, WallClock clock, bool accept_not_yet_valid = false);
  Result<identity::VerifiedPeer> verify(std::span<const identity::Certificate> chain) override;

 private:
  std::string pin_;
  WallClock clock_;
  bool accept_not_yet_valid_;
};

// The appliance under one of these CAs.
class BundleVerifier : public PeerVerifier {
 public:
  BundleVerifier(identity::CaSet authorities, WallClock clock, bool accept_not_yet_valid = false);
  Result<identity::VerifiedPeer> verify(std::span<const identity::Certificate> chain) override;

 private:
  identity::CaSet authorities_;
  WallClock clock_;
  bool accept_not_yet_valid_;
};

// What the appliance knows beyond certificates.
class Revocations {
 public:
  virtual ~Revocations() = default;
  // Grows with each revocation and each change of the set of CAs.
  virtual std::uint64_t generation() const = 0;
  // Fault::refused with the reason for a certificate that must not even finish its handshake (stolen).
  // Removed and disabled assets pass: they are told so after hello.
  virtual Result<void> check(const identity::PeerIdentity& peer, const std::string& serial) const = 0;
};

// Agents and nodes. Expired ones pass with `renewal_only` set.
class ClientVerifier : public PeerVerifier {
 public:
  // `revocations` outlives this.
  ClientVerifier(identity::CaSet authorities, const Revocations& revocations, WallClock clock);
  void set_authorities(identity::CaSet authorities);

  std::optional<Result<identity::VerifiedPeer>> known(const identity::Digest& leaf) override;
  Result<identity::VerifiedPeer> verify(std::span<const identity::Certificate> chain) override;
  const identity::VerifiedCache& cache() const { return cache_; }

 private:
  identity::CaSet authorities_;
  const Revocations& revocations_;
  WallClock clock_;
  identity::VerifiedCache cache_;
};

// Keys for coming back, on the appliance. Absent: unknown, too old or revoked; a full handshake follows.
class PskSource {
 public:
  virtual ~PskSource() = default;
  virtual std::optional<identity::PskPeer> find(ByteView id) = 0;
};

// From the appliance's rotating secret; everything is outlived by what it refers to.
class MasterPskSource : public PskSource {
 public:
  MasterPskSource(const identity::PskMaster& master, const Revocations& revocations, WallClock clock);
  std::optional<identity::PskPeer> find(ByteView id) override;

 private:
  const identity::PskMaster& master_;
  const Revocations& revocations_;
  WallClock clock_;
};

}  // namespace jump::tunnel
