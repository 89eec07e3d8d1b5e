// The site's own certificate authority, on the appliance. Everybody's trust starts here.
//
// A *generation* is a CA (P-256, ten years) and an order key (Ed25519). Changing them strands nobody:
//   create()          generation 1 signs
//   prepare_next()    generation 2 is made, cross-signed by 1, and handed out in the trust bundle; 1 still
//   signs promote_next()    2 signs; the appliance shows the cross certificate too, so that those who know
//   only 1 believe it;
//                     bundle and orders are signed by both
//   retire(pin)       1 is forgotten, once no asset needs it (Holdings.trust_serial tells)
// Each step raises the bundle's serial, to the present time at least: an appliance that was restored from an
// older backup goes on above the serials that endpoints hold. The caller saves after each step, before
// anything goes out.
//
// const functions may be called from several threads at once; the others belong to one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/identity/certificate.h"
#include "common/identity/key.h"
#include "common/identity/trust_bundle.h"
#include "common/identity/verify.h"

namespace jump::identity {

using Seconds = std::chrono::seconds;

inline constexpr Seconds kAuthorityLife = std::chrono::days(3653);
inline constexpr Seconds kApplianceLife = std::chrono::days(365);
inline constexpr Seconds kPeerLife = std::chrono::days(90);
inline constexpr Seconds kLeastLife = std::chrono::minutes(1);  // shorter is refused
// Certificates are valid from this long before they are issued: clocks differ.
inline constexpr Seconds kBackdate = std::chrono::hours(1);

// What the appliance shows in its handshakes.
struct ApplianceIdentity {
  PrivateKey key;
  Certificate certificate;
  // Cross certificates, while an old generation is still needed. Sent to everybody.
  std::vector<Certificate> cross;
  // The CAs. Sent besides to those who know nothing but a pin: ALPN jump-enroll/1 and http/1.1.
  std::vector<Certificate> roots;
};

class Authority {
 public:
  static Result<Authority> create(std::int64_t now);

  // One file, 0600 (platform/files.h), JSON.
  static Result<Authority> load(const std::string& path);
  Result<void> save(const std::string& path) const;
  // The same as text, for a sealed backup (seal.h).
  Secret to_text() const;
  static Result<Authority> from_text(const Secret& text);

  // The CA in use, and its pin for deployment keys and `jump login --ca-pin`.
  const Certificate& certificate() const;
  std::string pin() const;
  // Random, made at create(), the same for ever: fingerprints of two installations can be compared.
  const Secret& site_salt() const;

  // A certificate for an agent or a node, from its request (PKCS#10, DER, at most 16 KiB). The request's own
  // signature and that its key is on P-256 are checked; whatever names and extensions it asks for are
  // ignored. Ends with the CA at the latest.
  Result<Certificate> issue(ByteView request, const PeerIdentity& identity, std::int64_t now,
                            Seconds life = kPeerLife) const;
  // A new key and certificate for the appliance itself. `hosts`: names and addresses without ports that
  // browsers and scripts will use (SAN DNS and IP; peers of ours look at the URI only); at most 64, bad ones
  // are refused.
  Result<ApplianceIdentity> issue_appliance(const std::vector<std::string>& hosts, std::int64_t now,
                                            Seconds life = kApplianceLife) const;
  // For a kept key and certificate: the chain beside them as it is now. Refused when another CA issued it
  // than the one in use; then issue anew.
  Result<ApplianceIdentity> present(PrivateKey key, Certificate certificate) const;

  // What endpoints are to believe, and the same signed: open_bundle() reads it.
  TrustBundle bundle() const;
  Bytes signed_bundle() const;
  // Every CA that the appliance itself accepts certificates of.
  CaSet authorities() const;
  // One for each generation that endpoints may know: sign_order() signs with all of them.
  std::vector<SigningKey> order_keys() const;

  bool has_next() const;
  // Two thirds of the CA's life are over.
  bool next_due(std::int64_t now) const;
  // Refused when there is one already.
  Result<void> prepare_next(std::int64_t now);
  // Refused when there is none.
  Result<void> promote_next(std::int64_t now);
  // Refused for the one in use and for one that is not there; a prepared next one may be given up so. `pin`:
  // of the CA.
  Result<void> retire(const std::string& pin, std::int64_t now);

 private:
  struct Generation {
    PrivateKey key;
    Certificate certificate;
    SigningKey order_key;
    std::vector<Certificate> cross;  // this CA's key, signed by each older generation
  };

  Authority(std::vector<Generation> generations, Secret salt);
  void note_change(std::int64_t now);

  std::vector<Generation> generations_;  // the one in use first, then the next, then old ones
  bool has_next_ = false;
  std::uint64_t serial_ = 0;
  std::int64_t changed_ = 0;
  Secret salt_;
};

}  // namespace jump::identity
