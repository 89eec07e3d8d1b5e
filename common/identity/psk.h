// Pre-shared keys for coming back (DESIGN.md 2, "PSK"): derived from a secret of the appliance that changes
// every day, so that a restarted appliance knows them and stores nothing for each agent.
//
//   id  = u8 version = 1 | u8 role | u64 id | 16 bytes certificate serial | u32 epoch        (30 bytes)
//   key = HKDF-SHA256(secret of the epoch, "jump psk v1" | 0x00 | id), 32 bytes
//
// The id is no proof and no secret; the TLS binder proves the key (RFC 8446 section 4.2.11.2). Whoever looks
// one up checks by serial and identity that nothing was revoked since; refusal is a full handshake.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/identity/certificate.h"

namespace jump::identity {

inline constexpr std::size_t kPskIdBytes = 30;
inline constexpr std::size_t kPskKeyBytes = 32;
inline constexpr std::int64_t kPskEpochSeconds = 86400;
inline constexpr std::size_t kPskEpochs = 3;

struct Psk {
  Bytes id;
  Secret key;
  std::int64_t expires = 0;  // seconds since 1970; for the peer, which then drops it
};

struct PskPeer {
  PeerIdentity identity;
  std::string serial;  // hex, of the certificate that it came with first
  Secret key;
};

struct PskEpoch {
  std::uint32_t number = 0;
  std::int64_t made = 0;
  Secret secret;
};
BOOST_DESCRIBE_STRUCT(PskEpoch, (), (number, made, secret))

// One thread.
class PskMaster {
 public:
  // Without an epoch: rotate() makes the first.
  PskMaster() = default;

  // Makes a new epoch when the newest is a day old (or from the future: the clock was put back), and forgets
  // all but the newest three and whatever is older than three days. True when something changed: save it
  // before the next offer().
  bool rotate(std::int64_t now);
  // The same with a given secret for the new epoch, for tests.
  bool rotate(std::int64_t now, const Secret& fresh);

  // A key for a peer that proved itself with this certificate. Never the appliance. Needs an epoch (CHECK).
  Psk offer(const PeerIdentity& identity, const std::string& serial) const;
  // Absent: not of ours, forged length, an epoch that is gone. Costs one HKDF.
  std::optional<PskPeer> lookup(ByteView id, std::int64_t now) const;

  // 0600 (platform/files.h). A missing file is Fault::not_found; a damaged one may simply be replaced by a
  // new master: everybody makes one full handshake.
  static Result<PskMaster> load(const std::string& path);
  Result<void> save(const std::string& path) const;

 private:
  std::vector<PskEpoch> epochs_;  // newest first
};

}  // namespace jump::identity
