#include "tools/appliance/store/certificates.h"

#include "tools/appliance/store/rows.h"

namespace jump::store {
namespace {

constexpr std::int64_t kForgetAfter = 90 * 86400;

const std::string& columns() {
  static const std::string list = column_list<Certificate>();
  return list;
}

}  // namespace

Result<void> Certificates::add(const Certificate& certificate) {
  static const std::string sql = "INSERT INTO certificates (" + columns() + ") VALUES (?, ?, ?, ?, ?, ?, ?)";
  return run(db_, sql, certificate.serial, certificate.kind, certificate.peer, certificate.issued_at,
             certificate.not_after, certificate.revoked_at, certificate.reason);
}

Result<std::optional<Certificate>> Certificates::get(std::string_view serial) {
  static const std::string sql = "SELECT " + columns() + " FROM certificates WHERE serial = ?";
  return first<Certificate>(db_, sql, serial);
}

Result<std::vector<Certificate>> Certificates::of_peer(PeerKind kind, std::int64_t peer) {
  static const std::string sql =
      "SELECT " + columns() + " FROM certificates WHERE kind = ? AND peer = ? ORDER BY issued_at, serial";
  return all<Certificate>(db_, sql, kind, peer);
}

Result<bool> Certificates::revoke(std::string_view serial, std::string_view reason, std::int64_t now) {
  const Result<void> done =
      run(db_, "UPDATE certificates SET revoked_at = ?, reason = ? WHERE serial = ? AND revoked_at IS NULL",
          now, reason, serial);
  if (!done) return done.error();
  return db_.changes() > 0;
}

Result<std::vector<std::string>> Certificates::revoke_of_peer(PeerKind kind, std::int64_t peer,
                                                              std::string_view except,
                                                              std::string_view reason, std::int64_t now) {
  return all<std::string>(
      db_,
      "UPDATE certificates SET revoked_at = ?, reason = ? WHERE kind = ? AND peer = ? AND serial <> "
      "? AND revoked_at IS NULL RETURNING serial",
      now, reason, kind, peer, except);
}

Result<std::vector<Certificate>> Certificates::revoked(std::int64_t now) {
  static const std::string sql =
      "SELECT " + columns() + " FROM certificates WHERE revoked_at IS NOT NULL AND not_after >= ?";
  return all<Certificate>(db_, sql, now);
}

Result<void> Certificates::forget_expired(std::int64_t now) {
  return run(db_, "DELETE FROM certificates WHERE not_after < ?", now - kForgetAfter);
}

}  // namespace jump::store
