// The trust bundle: which CAs and order keys an endpoint believes, signed by the CAs themselves. It is how
// the next CA becomes known before it is used, so it may be handed out by anybody over anything.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/identity/certificate.h"
#include "common/identity/key.h"

namespace jump::identity {

inline constexpr std::size_t kBundleBytes = 32768;  // a signed bundle; larger is refused
inline constexpr std::size_t kGenerations = 4;      // CAs in one bundle; more are refused

// One generation of site keys: a CA and the order key that came with it.
struct TrustedKeys {
  std::string ca;  // PEM, self-signed
  std::array<std::uint8_t, VerifyKey::kBytes> order_key{};
};
BOOST_DESCRIBE_STRUCT(TrustedKeys, (), (ca, order_key))

struct TrustBundle {
  std::uint64_t serial = 0;       // grows with each change; an older one is refused
  std::int64_t issued = 0;        // seconds since 1970, for people
  std::vector<TrustedKeys> keys;  // the one in use first, then the next, then old ones still needed

  Result<std::vector<Certificate>> authorities() const;
  std::vector<VerifyKey> order_keys() const;
};
BOOST_DESCRIBE_STRUCT(TrustBundle, (), (serial, issued, keys))

// The appliance's side (Authority::signed_bundle): signed by each of `signers`, 1-4 of them. On the wire as
// in signed_text.h; key id: the first eight bytes of the pin; each signature covers "jump trust bundle v1" |
// 0x00 | JSON.
struct BundleSigner {
  PrivateKey key;
  Certificate certificate;
};
Bytes sign_bundle(const TrustBundle& bundle, const std::vector<BundleSigner>& signers);

// A bundle whose signature holds under a CA that is believed already: the one with `pin`, which must stand in
// it (first contact), or one of `older` (a change). Refused as well: malformed, no usable CA, a serial below
// that of `older`, the same serial with other contents.
Result<TrustBundle> open_bundle(ByteView bundle, const std::string& pin);
Result<TrustBundle> open_bundle(ByteView bundle, const TrustBundle& older);

}  // namespace jump::identity
