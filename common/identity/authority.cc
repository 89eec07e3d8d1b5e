#include "common/identity/authority.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/identity/issue.h"
#include "common/identity/openssl_types.h"
#include "common/identity/random.h"
#include "platform/files.h"

namespace jump::identity {

// What stands in the file.
struct StoredGeneration {
  Secret key;  // PKCS#8, DER
  std::string certificate;
  Secret order_key;
  std::vector<std::string> cross;
};
BOOST_DESCRIBE_STRUCT(StoredGeneration, (), (key, certificate, order_key, cross))

struct StoredAuthority {
  std::uint32_t version = 1;
  std::uint64_t serial = 1;
  std::int64_t changed = 0;
  bool has_next = false;
  Secret site_salt;
  std::vector<StoredGeneration> generations;
};
BOOST_DESCRIBE_STRUCT(StoredAuthority, (), (version, serial, changed, has_next, site_salt, generations))

namespace {

constexpr std::size_t kFileBytes = 262144;
constexpr std::size_t kSaltBytes = 16;

// Valid from a little before now, but never by a large part of a short life: renewal at two thirds would be
// due at once.
Result<ValidTimes> times_from(std::int64_t now, Seconds life, std::int64_t latest) {
  if (life < kLeastLife) {
    return Error(Fault::invalid,
                 "a certificate's life of " + std::to_string(life.count()) + " s is below 60 s");
  }
  const ValidTimes times{std::max<std::int64_t>(0, now - std::min(kBackdate, life / 8).count()),
                         std::min(now + life.count(), latest)};
  if (times.not_after <= now) {
    return Error(Fault::expired, "the CA expired " + iso8601(latest) + ", it can issue nothing");
  }
  return times;
}

Result<Certificate> new_authority_certificate(const PrivateKey& key, std::int64_t now) {
  return make_authority(key,
                        {std::max<std::int64_t>(0, now - kBackdate.count()), now + kAuthorityLife.count()});
}

}  // namespace

Authority::Authority(std::vector<Generation> generations, Secret salt)
    : generations_(std::move(generations)), salt_(std::move(salt)) {}

Result<Authority> Authority::create(std::int64_t now) {
  const PrivateKey key = PrivateKey::generate();
  const Result<Certificate> certificate = new_authority_certificate(key, now);
  if (!certificate) return certificate.error();
  Authority made({Generation{key, *certificate, SigningKey::generate(), {}}}, random_secret(kSaltBytes));
  made.note_change(now);
  return made;
}

// --- storing
// -------------------------------------------------------------------------------------------------

Secret Authority::to_text() const {
  StoredAuthority stored;
  stored.serial = serial_;
  stored.changed = changed_;
  stored.has_next = has_next_;
  stored.site_salt = salt_;
  for (const Generation& one : generations_) {
    StoredGeneration& to = stored.generations.emplace_back();
    to.key = one.key.to_der();
    to.certificate = one.certificate.to_pem();
    to.order_key = one.order_key.to_bytes();
    for (const Certificate& cross : one.cross) to.cross.push_back(cross.to_pem());
  }
  std::string text = to_json_text(stored);
  Secret secret{std::string_view(text)};
  wipe(text.data(), text.size());
  return secret;
}

Result<Authority> Authority::from_text(const Secret& text) {
  const Result<StoredAuthority> stored = from_json_text<StoredAuthority>(text.reveal_text(), kFileBytes);
  if (!stored) return wrap(stored.error(), "site CA");
  if (stored->version != 1) {
    return Error(Fault::unsupported, "site CA: version " + std::to_string(stored->version) + ", 1 is known");
  }
  const std::size_t count = stored->generations.size();
  if (count < (stored->has_next ? 2u : 1u) || count > kGenerations ||
      stored->site_salt.size() != kSaltBytes) {
    return Error(Fault::malformed, "site CA: incomplete");
  }
  std::vector<Generation> generations;
  for (const StoredGeneration& from : stored->generations) {
    Result<PrivateKey> key = PrivateKey::from_der(from.key.reveal());
    if (!key) return wrap(key.error(), "site CA");
    Result<Certificate> certificate = Certificate::from_pem(from.certificate);
    if (!certificate) return wrap(certificate.error(), "site CA");
    Result<SigningKey> order_key = SigningKey::from_bytes(from.order_key);
    if (!order_key) return wrap(order_key.error(), "site CA");
    if (key->pin() != certificate->pin()) {
      return Error(Fault::malformed, "site CA: key and certificate do not belong together");
    }
    Generation made{std::move(*key), std::move(*certificate), std::move(*order_key), {}};
    for (const std::string& pem : from.cross) {
      Result<Certificate> cross = Certificate::from_pem(pem);
      if (!cross) return wrap(cross.error(), "site CA");
      made.cross.push_back(std::move(*cross));
    }
    generations.push_back(std::move(made));
  }
  Authority authority(std::move(generations), stored->site_salt);
  authority.has_next_ = stored->has_next;
  authority.serial_ = stored->serial;
  authority.changed_ = stored->changed;
  return authority;
}

Result<Authority> Authority::load(const std::string& path) {
  Result<Bytes> bytes = platform::read_private_file(path, kFileBytes);
  if (!bytes) return bytes.error();
  const Secret text(std::move(*bytes));
  Result<Authority> authority = from_text(text);
  if (!authority) return wrap(authority.error(), path);
  return authority;
}

Result<void> Authority::save(const std::string& path) const {
  return platform::write_private_file(path, to_text().reveal());
}

// --- issuing
// -------------------------------------------------------------------------------------------------

const Certificate& Authority::certificate() const {
  return generations_.front().certificate;
}
std::string Authority::pin() const {
  return certificate().pin();
}
const Secret& Authority::site_salt() const {
  return salt_;
}

Result<Certificate> Authority::issue(ByteView request, const PeerIdentity& identity, std::int64_t now,
                                     Seconds life) const {
  CHECK(identity.role != PeerRole::appliance && parse_identity(identity.uri()).has_value());
  const Result<Bytes> spki = open_request(request);
  if (!spki) return spki.error();
  const Generation& current = generations_.front();
  const Result<ValidTimes> times = times_from(now, life, current.certificate.not_after());
  if (!times) return times.error();
  return make_peer(*spki, identity, {}, *times, current.key, current.certificate);
}

Result<ApplianceIdentity> Authority::issue_appliance(const std::vector<std::string>& hosts, std::int64_t now,
                                                     Seconds life) const {
  const Generation& current = generations_.front();
  const Result<ValidTimes> times = times_from(now, life, current.certificate.not_after());
  if (!times) return times.error();
  PrivateKey key = PrivateKey::generate();
  Result<Certificate> certificate =
      make_peer(key.public_spki(), {PeerRole::appliance, 0}, hosts, *times, current.key, current.certificate);
  if (!certificate) return certificate.error();
  return present(std::move(key), std::move(*certificate));
}

Result<ApplianceIdentity> Authority::present(PrivateKey key, Certificate certificate) const {
  const Generation& current = generations_.front();
  if (key.pin() != certificate.pin()) {
    return Error(Fault::invalid, "the appliance's key and certificate do not belong together");
  }
  const bool ours = X509_verify(borrow(certificate), borrow(current.key)) == 1;
  openssl_words();
  if (!ours || certificate.uri() != "jump:appliance") {
    return Error(Fault::invalid, "the appliance's certificate is not from the CA in use, " + pin());
  }
  ApplianceIdentity identity{std::move(key), std::move(certificate), current.cross, {}};
  for (const Generation& one : generations_) {
    if (has_next_ && &one == &generations_[1]) continue;  // nobody has its pin yet
    identity.roots.push_back(one.certificate);
  }
  return identity;
}

// --- trust
// ---------------------------------------------------------------------------------------------------

TrustBundle Authority::bundle() const {
  TrustBundle bundle;
  bundle.serial = serial_;
  bundle.issued = changed_;
  for (const Generation& one : generations_) {
    bundle.keys.push_back({one.certificate.to_pem(), one.order_key.public_key().bytes()});
  }
  return bundle;
}

Bytes Authority::signed_bundle() const {
  std::vector<BundleSigner> signers;
  signers.reserve(generations_.size());
  for (const Generation& one : generations_) signers.push_back({one.key, one.certificate});
  return sign_bundle(bundle(), signers);
}

CaSet Authority::authorities() const {
  std::vector<Certificate> all;
  all.reserve(generations_.size());
  for (const Generation& one : generations_) all.push_back(one.certificate);
  const Result<CaSet> set = CaSet::from(all);
  CHECK(set.has_value());
  return *set;
}

std::vector<SigningKey> Authority::order_keys() const {
  std::vector<SigningKey> keys;
  for (std::size_t i = 0; i < generations_.size(); ++i) {
    // Nobody needs the next one's: who knows it knows the one in use as well.
    if (!has_next_ || i != 1) keys.push_back(generations_[i].order_key);
  }
  return keys;
}

// --- change of the CA
// ----------------------------------------------------------------------------------------

void Authority::note_change(std::int64_t now) {
  serial_ = std::max(serial_ + 1, static_cast<std::uint64_t>(std::max<std::int64_t>(now, 0)));
  changed_ = now;
}

bool Authority::has_next() const {
  return has_next_;
}
bool Authority::next_due(std::int64_t now) const {
  return renewal_due(certificate(), now);
}

Result<void> Authority::prepare_next(std::int64_t now) {
  if (has_next_) {
    return Error(Fault::already_exists,
                 "the next CA is prepared already: " + generations_[1].certificate.pin());
  }
  if (generations_.size() >= kGenerations) {
    return Error(Fault::refused, "there are 4 CAs already; retire one that no asset needs");
  }
  const PrivateKey key = PrivateKey::generate();
  Result<Certificate> certificate = new_authority_certificate(key, now);
  if (!certificate) return certificate.error();
  Generation next{key, *certificate, SigningKey::generate(), {}};
  for (const Generation& older : generations_) {
    if (older.certificate.not_after() <= next.certificate.not_before()) continue;
    Result<Certificate> cross = cross_sign(next.certificate, older.key, older.certificate);
    if (!cross) return cross.error();
    next.cross.push_back(std::move(*cross));
  }
  generations_.insert(generations_.begin() + 1, std::move(next));
  has_next_ = true;
  note_change(now);
  return {};
}

Result<void> Authority::promote_next(std::int64_t now) {
  if (!has_next_) return Error(Fault::not_found, "no next CA is prepared");
  std::swap(generations_[0], generations_[1]);
  has_next_ = false;
  note_change(now);
  return {};
}

Result<void> Authority::retire(const std::string& pin, std::int64_t now) {
  const auto found = std::find_if(generations_.begin(), generations_.end(),
                                  [&](const Generation& one) { return one.certificate.pin() == pin; });
  if (found == generations_.end()) return Error(Fault::not_found, "no CA has the pin " + printable(pin, 64));
  if (found == generations_.begin()) return Error(Fault::refused, "the CA in use cannot be retired");
  const Certificate gone = found->certificate;
  const bool was_next = has_next_ && found == generations_.begin() + 1;
  generations_.erase(found);
  if (was_next) has_next_ = false;
  // Cross certificates by it serve nobody any more.
  for (Generation& one : generations_) {
    std::erase_if(one.cross, [&](const Certificate& cross) {
      return X509_check_issued(borrow(gone), borrow(cross)) == X509_V_OK;
    });
  }
  note_change(now);
  return {};
}

}  // namespace jump::identity
