// Making certificates; for authority.cc only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/identity/certificate.h"
#include "common/identity/key.h"

namespace jump::identity {

struct ValidTimes {
  std::int64_t not_before = 0;
  std::int64_t not_after = 0;
};

// A self-signed CA on this key.
Result<Certificate> make_authority(const PrivateKey& key, const ValidTimes& times);
// The same CA (name and key), signed by another one.
Result<Certificate> cross_sign(const Certificate& authority, const PrivateKey& signer,
                               const Certificate& issuer);
// A certificate of one peer. `hosts`: further names, for the appliance.
Result<Certificate> make_peer(ByteView spki, const PeerIdentity& identity,
                              const std::vector<std::string>& hosts, const ValidTimes& times,
                              const PrivateKey& signer, const Certificate& issuer);
// The key of a certificate request, as SubjectPublicKeyInfo: read, limits and its own signature checked.
Result<Bytes> open_request(ByteView request);

}  // namespace jump::identity
