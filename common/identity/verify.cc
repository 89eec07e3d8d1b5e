#include "common/identity/verify.h"

#include <algorithm>
#include <cstring>

#include <openssl/x509_vfy.h>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/identity/openssl_types.h"
#include "common/identity/trust_bundle.h"

namespace jump::identity {
namespace {

using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, FreeBy<X509_STORE_CTX_free>>;

constexpr std::size_t kAuthorities = 16;
// 128 bits: P-256, SHA-256 and whatever is stronger; is_p256 then leaves only the first.
constexpr int kAuthLevel = 3;
// Intermediates between a peer and a CA: the cross certificate.
constexpr int kCrossDepth = 1;

struct FreeStackOnly {
  void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};
using BorrowedStack = std::unique_ptr<STACK_OF(X509), FreeStackOnly>;

// "certificate 4f0a… (jump:agent/17)"
std::string title(const Certificate& certificate) {
  return "certificate " + certificate.serial() + " (" + printable(certificate.uri().value_or("no name"), 64) +
         ")";
}

Error untrusted(const Certificate& certificate, const std::string& why) {
  return {Fault::unauthenticated, title(certificate) + ": " + why};
}

// Says it was issued by a CA that is believed. OpenSSL takes the first issuer that fits and never tries a
// second one, so it gets only those that lead somewhere: a peer shows cross certificates by each older CA,
// and the CAs besides.
bool is_cross(const Certificate& shown, const CaSet& authorities) {
  if (shown.self_signed()) return false;
  const auto& all = authorities.authorities();
  return std::any_of(all.begin(), all.end(), [&](const Certificate& authority) {
    return X509_check_issued(borrow(authority), borrow(shown)) == X509_V_OK;
  });
}

// The value round an object of OpenSSL's: what it found is one of those that it was given.
const Certificate* find_object(const X509* object, std::span<const Certificate> shown,
                               const CaSet& authorities) {
  const auto is_it = [&](const Certificate& one) { return borrow(one) == object; };
  const auto in_shown = std::find_if(shown.begin(), shown.end(), is_it);
  if (in_shown != shown.end()) return &*in_shown;
  const auto& all = authorities.authorities();
  const auto in_set = std::find_if(all.begin(), all.end(), is_it);
  return in_set == all.end() ? nullptr : &*in_set;
}

// Finds a chain to one of `authorities` and checks all signatures in it; not its times. On success the chain,
// the peer's own certificate first.
Result<std::vector<Certificate>> find_chain(std::span<const Certificate> shown, const CaSet& authorities) {
  const Certificate& peer = shown.front();
  if (authorities.native() == nullptr) return untrusted(peer, "no CA is believed here");
  const StoreContextPtr context(X509_STORE_CTX_new());
  const BorrowedStack others(sk_X509_new_null());
  CHECK(context != nullptr && others != nullptr);
  for (const Certificate& other : shown.subspan(1)) {
    if (is_cross(other, authorities)) CHECK(sk_X509_push(others.get(), borrow(other)) > 0);
  }
  CHECK(X509_STORE_CTX_init(context.get(), authorities.native()->store.get(), borrow(peer), others.get()) ==
        1);
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_depth(rules, kCrossDepth);
  X509_VERIFY_PARAM_set_auth_level(rules, kAuthLevel);
  const bool good = X509_verify_cert(context.get()) == 1;
  openssl_words();
  if (!good) {
    const int code = X509_STORE_CTX_get_error(context.get());
    if (code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
        code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT || code == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
        code == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN || code == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE) {
      return untrusted(peer, "no CA that is believed here issued it");
    }
    return untrusted(peer, X509_verify_cert_error_string(code));
  }
  std::vector<Certificate> chain;
  const STACK_OF(X509)* found = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i < sk_X509_num(found); ++i) {
    const Certificate* link = find_object(sk_X509_value(found, i), shown, authorities);
    CHECK(link != nullptr);
    if (!is_p256(link->spki())) return untrusted(*link, "its key is not on P-256");
    chain.push_back(*link);
  }
  return chain;
}

Error out_of_time(const Certificate& certificate, std::int64_t now) {
  const bool early = now < certificate.not_before();
  return {Fault::expired, title(certificate) +
                              (early ? ": valid only from " + iso8601(certificate.not_before())
                                     : ": expired " + iso8601(certificate.not_after())) +
                              ", and now is " + iso8601(now)};
}

Result<void> check_times(const std::vector<Certificate>& chain, const VerifyOptions& options,
                         VerifiedPeer& peer) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (options.now < chain[i].not_before()) {
      if (!options.accept_not_yet_valid) return out_of_time(chain[i], options.now);
      peer.not_yet_valid = true;
    }
    if (options.now > chain[i].not_after()) {
      // Only the peer's own may be late: behind an expired CA anything could stand.
      if (i != 0 || !options.accept_expired) return out_of_time(chain[i], options.now);
      peer.renewal_only = true;
    }
  }
  return {};
}

// The part of the certificate that says what it may be used for.
Result<void> check_usage(const Certificate& certificate, PeerRole role) {
  X509* x509 = borrow(certificate);
  if (certificate.is_ca() || (X509_get_extension_flags(x509) & EXFLAG_CA) != 0) {
    return untrusted(certificate, "a CA is no peer");
  }
  const std::uint32_t usage = X509_get_key_usage(x509);
  if (usage == UINT32_MAX || (usage & KU_DIGITAL_SIGNATURE) == 0) {
    return untrusted(certificate, "its key usage does not allow signatures");
  }
  const std::uint32_t wanted = role == PeerRole::appliance ? XKU_SSL_SERVER : XKU_SSL_CLIENT;
  if (X509_get_extended_key_usage(x509) != wanted) {
    return untrusted(certificate, role == PeerRole::appliance
                                      ? "its extended key usage is not serverAuth alone"
                                      : "its extended key usage is not clientAuth alone");
  }
  return {};
}

std::string role_name(PeerRole role) {
  return boost::describe::enum_to_string(role, "?");
}

}  // namespace

// --- CaSet
// ---------------------------------------------------------------------------------------------------

CaSet::CaSet() = default;

Result<CaSet> CaSet::from(const std::vector<Certificate>& authorities) {
  if (authorities.empty() || authorities.size() > kAuthorities) {
    return Error(Fault::invalid, std::to_string(authorities.size()) + " CAs, 1 to 16 are taken");
  }
  StorePtr store(X509_STORE_new());
  CHECK(store != nullptr);
  for (const Certificate& authority : authorities) {
    if (!authority.is_ca()) return Error(Fault::invalid, title(authority) + ": no CA");
    if (!is_p256(authority.spki())) return Error(Fault::invalid, title(authority) + ": not on P-256");
    if (X509_self_signed(borrow(authority), 1) != 1) {
      openssl_words();
      return Error(Fault::invalid, title(authority) + ": not signed by its own key");
    }
    CHECK(X509_STORE_add_cert(store.get(), borrow(authority)) == 1);
  }
  CaSet set;
  set.authorities_ = authorities;
  set.store_ = std::make_shared<const NativeStore>(NativeStore{std::move(store)});
  return set;
}

Result<CaSet> CaSet::from(const TrustBundle& bundle) {
  const Result<std::vector<Certificate>> authorities = bundle.authorities();
  if (!authorities) return authorities.error();
  return from(*authorities);
}

Result<CaSet> CaSet::from_pin(std::span<const Certificate> chain, const std::string& pin) {
  if (chain.size() > kChainLength) {
    return Error(Fault::unauthenticated,
                 "the peer showed " + std::to_string(chain.size()) + " certificates, at most 8 are read");
  }
  for (const Certificate& shown : chain) {
    if (shown.pin() == pin && shown.is_ca() && shown.self_signed()) return from({shown});
  }
  return Error(Fault::unauthenticated, "the CA with pin " + printable(pin, 64) +
                                           " is not among what the peer showed: it is another appliance, or "
                                           "somebody stands in between");
}

// --- verify_peer
// -----------------------------------------------------------------------------------------------

Result<VerifiedPeer> verify_peer(std::span<const Certificate> chain, std::initializer_list<PeerRole> expected,
                                 const CaSet& authorities, const VerifyOptions& options) {
  if (chain.empty()) return Error(Fault::unauthenticated, "the peer showed no certificate");
  if (chain.size() > kChainLength) {
    return Error(Fault::unauthenticated,
                 "the peer showed " + std::to_string(chain.size()) + " certificates, at most 8 are read");
  }
  const Certificate& own = chain.front();
  const Result<std::vector<Certificate>> verified = find_chain(chain, authorities);
  if (!verified) return verified.error();

  VerifiedPeer peer;
  if (!own.uri()) return untrusted(own, "it does not name exactly one peer");
  const Result<PeerIdentity> identity = parse_identity(*own.uri());
  if (!identity) return untrusted(own, identity.error().context);
  const Result<void> usage = check_usage(own, identity->role);
  if (!usage) return usage.error();
  if (std::find(expected.begin(), expected.end(), identity->role) == expected.end()) {
    std::string roles;
    for (const PeerRole role : expected) roles += (roles.empty() ? "" : " or ") + role_name(role);
    return untrusted(own, "it is for role " + role_name(identity->role) + ", expected is " + roles);
  }
  const Result<void> times = check_times(*verified, options, peer);
  if (!times) return times.error();
  peer.identity = *identity;
  peer.serial = own.serial();
  peer.not_before = own.not_before();
  peer.not_after = own.not_after();
  return peer;
}

// --- VerifiedCache
// ---------------------------------------------------------------------------------------------

std::size_t VerifiedCache::Hash::operator()(const Digest& digest) const {
  std::size_t start = 0;
  std::memcpy(&start, digest.data(), sizeof start);
  return start;
}

std::optional<VerifiedPeer> VerifiedCache::find(const Digest& certificate, std::int64_t now,
                                                std::uint64_t generation) const {
  const auto at = entries_.find(certificate);
  if (at == entries_.end() || at->second.generation != generation) return std::nullopt;
  const VerifiedPeer& peer = at->second.peer;
  if (now < peer.not_before || now > peer.not_after) return std::nullopt;
  return peer;
}

void VerifiedCache::remember(const Digest& certificate, const VerifiedPeer& peer, std::uint64_t generation) {
  if (peer.renewal_only || peer.not_yet_valid || limit_ == 0) return;
  const auto [at, fresh] = entries_.insert_or_assign(certificate, Entry{peer, generation});
  if (!fresh) return;
  order_.push_back(certificate);
  if (order_.size() > limit_) {
    entries_.erase(order_.front());
    order_.pop_front();
  }
}

void VerifiedCache::clear() {
  entries_.clear();
  order_.clear();
}

}  // namespace jump::identity
