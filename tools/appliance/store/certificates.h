// Certificates that the site CA issued to agents and nodes, and which of them are void.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "tools/appliance/store/db.h"
#include "tools/appliance/store/endpoint.h"

namespace jump::store {

struct Certificate {
  std::string serial;  // hex, lower case
  PeerKind kind = PeerKind::agent;
  std::int64_t peer = 0;  // the agent's or node's id
  std::int64_t issued_at = 0;
  std::int64_t not_after = 0;
  std::optional<std::int64_t> revoked_at;
  std::string reason;  // of the revocation: "replaced", "stolen", "removed"
};
BOOST_DESCRIBE_STRUCT(Certificate, (), (serial, kind, peer, issued_at, not_after, revoked_at, reason))

class Certificates {
 public:
  explicit Certificates(Db& db) : db_(db) {}

  Result<void> add(const Certificate& certificate);
  Result<std::optional<Certificate>> get(std::string_view serial);
  Result<std::vector<Certificate>> of_peer(PeerKind kind, std::int64_t peer);
  // False when there is none or it is revoked already.
  Result<bool> revoke(std::string_view serial, std::string_view reason, std::int64_t now);
  // All of a peer but `except`; the serials that are revoked now.
  Result<std::vector<std::string>> revoke_of_peer(PeerKind kind, std::int64_t peer, std::string_view except,
                                                  std::string_view reason, std::int64_t now);
  // Every revoked one that has not expired: for the handshake's table in memory.
  Result<std::vector<Certificate>> revoked(std::int64_t now);
  // Expired long ago (90 days).
  Result<void> forget_expired(std::int64_t now);

 private:
  Db& db_;
};

}  // namespace jump::store
