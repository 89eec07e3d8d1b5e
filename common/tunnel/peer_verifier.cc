#include "common/tunnel/peer_verifier.h"

#include <utility>

namespace jump::tunnel {

using identity::PeerRole;
using identity::VerifiedPeer;

std::optional<Result<VerifiedPeer>> PeerVerifier::known(const identity::Digest&) {
  return std::nullopt;
}

PinVerifier::PinVerifier(std::string pin, WallClock clock, bool accept_not_yet_valid)
    : pin_(std::move(pin)), clock_(std::move(clock)), accept_not_yet_valid_(accept_not_yet_valid) {}

Result<VerifiedPeer> PinVerifier::verify(std::span<const identity::Certificate> chain) {
  const Result<identity::CaSet> authorities = identity::CaSet::from_pin(chain, pin_);
  if (!authorities) return authorities.error();
  identity::VerifyOptions options;
  options.now = clock_();
  options.accept_not_yet_valid = accept_not_yet_valid_;
  return identity::verify_peer(chain, {PeerRole::appliance}, *authorities, options);
}

BundleVerifier::BundleVerifier(identity::CaSet authorities, WallClock clock, bool accept_not_yet_valid)
    : authorities_(std::move(authorities)),
      clock_(std::move(clock)),
      accept_not_yet_valid_(accept_not_yet_valid) {}

Result<VerifiedPeer> BundleVerifier::verify(std::span<const identity::Certificate> chain) {
  identity::VerifyOptions options;
  options.now = clock_();
  options.accept_not_yet_valid = accept_not_yet_valid_;
  return identity::verify_peer(chain, {PeerRole::appliance}, authorities_, options);
}

ClientVerifier::ClientVerifier(identity::CaSet authorities, const Revocations& revocations, WallClock clock)
    : authorities_(std::move(authorities)), revocations_(revocations), clock_(std::move(clock)) {}

void ClientVerifier::set_authorities(identity::CaSet authorities) {
  authorities_ = std::move(authorities);
  cache_.clear();
}

std::optional<Result<VerifiedPeer>> ClientVerifier::known(const identity::Digest& leaf) {
  std::optional<VerifiedPeer> peer = cache_.find(leaf, clock_(), revocations_.generation());
  if (!peer) return std::nullopt;
  // The generation covers this already; asking again costs one look-up and needs no faith in it.
  const Result<void> allowed = revocations_.check(peer->identity, peer->serial);
  if (!allowed) return Result<VerifiedPeer>(allowed.error());
  return Result<VerifiedPeer>(*std::move(peer));
}

Result<VerifiedPeer> ClientVerifier::verify(std::span<const identity::Certificate> chain) {
  identity::VerifyOptions options;
  options.now = clock_();
  options.accept_expired = true;
  const std::uint64_t generation = revocations_.generation();
  Result<VerifiedPeer> peer =
      identity::verify_peer(chain, {PeerRole::agent, PeerRole::node}, authorities_, options);
  if (!peer) return peer;
  const Result<void> allowed = revocations_.check(peer->identity, peer->serial);
  if (!allowed) return allowed.error();
  if (!peer->renewal_only && !peer->not_yet_valid) {
    cache_.remember(chain.front().digest(), *peer, generation);
  }
  return peer;
}

MasterPskSource::MasterPskSource(const identity::PskMaster& master, const Revocations& revocations,
                                 WallClock clock)
    : master_(master), revocations_(revocations), clock_(std::move(clock)) {}

std::optional<identity::PskPeer> MasterPskSource::find(ByteView id) {
  std::optional<identity::PskPeer> peer = master_.lookup(id, clock_());
  if (!peer || !revocations_.check(peer->identity, peer->serial)) return std::nullopt;
  return peer;
}

}  // namespace jump::tunnel
