// Who is at the other end: the one decision about a peer's certificates.
//
//   first contact (deployment key, jump login):  CaSet::from_pin(chain, pin) → verify_peer
//   afterwards:                                  CaSet::from(bundle)         → verify_peer
//   the appliance, thousands at once:            VerifiedCache::find → else verify_peer → remember
//
// What is checked: at most kChainLength certificates; a chain of at most one cross certificate to a CA of the
// set; P-256 and SHA-256 throughout; validity; exactly the extended key usage of the role (serverAuth for the
// appliance, clientAuth for agents and nodes); exactly one SAN URI, and the role in it among the expected.
// Not checked here: revocation and whether the asset is enabled. The caller looks those up by serial and id.
#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/error.h"
#include "common/identity/certificate.h"
#include "common/identity/sha256.h"

namespace jump::identity {

struct TrustBundle;  // trust_bundle.h
struct NativeStore;  // openssl_types.h

// The CAs that are believed. Immutable, cheap to copy, usable from any thread.
class CaSet {
 public:
  CaSet();  // believes nobody
  // Refused: an empty list, more than 16, one that is no CA, not self-signed or not P-256.
  static Result<CaSet> from(const std::vector<Certificate>& authorities);
  static Result<CaSet> from(const TrustBundle& bundle);
  // The self-signed CA with this pin among what the peer showed. Fault::unauthenticated when it is not there:
  // another appliance, or somebody in between.
  static Result<CaSet> from_pin(std::span<const Certificate> chain, const std::string& pin);

  const std::vector<Certificate>& authorities() const { return authorities_; }
  const NativeStore* native() const { return store_.get(); }

 private:
  std::vector<Certificate> authorities_;
  std::shared_ptr<const NativeStore> store_;
};

struct VerifyOptions {
  std::int64_t now = 0;  // TimeFloor::now on endpoints, the wall clock on the appliance
  // An expired certificate passes with `renewal_only` set: a listed asset may come to renew and do nothing
  // else.
  bool accept_expired = false;
  // One from the future passes with `not_yet_valid` set: for an endpoint whose clock cannot be right before
  // the appliance has told it the time. It opens nothing to anybody: the signature is checked all the same.
  bool accept_not_yet_valid = false;
};

struct VerifiedPeer {
  PeerIdentity identity;
  std::string serial;  // hex, for the look-up of revocation
  std::int64_t not_before = 0;
  std::int64_t not_after = 0;
  bool renewal_only = false;  // expired
  bool not_yet_valid = false;
};

// `chain`: the peer's own certificate first, then whatever it sent. Errors: Fault::unauthenticated, or
// Fault::expired for one out of its time; the sentence names what failed and the certificate.
Result<VerifiedPeer> verify_peer(std::span<const Certificate> chain, std::initializer_list<PeerRole> expected,
                                 const CaSet& authorities, const VerifyOptions& options);

// Certificates that passed verify_peer, by digest, so that thousands who come back cost one hash each.
// One thread. Full: the oldest goes. Never holds renewal_only or not_yet_valid ones.
class VerifiedCache {
 public:
  explicit VerifiedCache(std::size_t limit = 65536) : limit_(limit) {}

  // Absent when unknown, out of its time, or remembered under another generation.
  std::optional<VerifiedPeer> find(const Digest& certificate, std::int64_t now,
                                   std::uint64_t generation) const;
  void remember(const Digest& certificate, const VerifiedPeer& peer, std::uint64_t generation);
  void clear();
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    VerifiedPeer peer;
    std::uint64_t generation = 0;
  };
  struct Hash {
    std::size_t operator()(const Digest& digest) const;
  };

  // `generation` is the caller's count of revocations and of changes to the set of CAs: raising it forgets
  // all.
  std::size_t limit_;
  std::unordered_map<Digest, Entry, Hash> entries_;
  std::deque<Digest> order_;  // oldest first, each key once
};

}  // namespace jump::identity
