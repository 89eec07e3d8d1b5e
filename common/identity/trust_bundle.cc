#include "common/identity/trust_bundle.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/json.h"
#include "common/identity/signed_text.h"
#include "common/identity/verify.h"

namespace jump::identity {
namespace {

constexpr std::string_view kDomain = "jump trust bundle v1";

KeyId key_id(const Certificate& authority) {
  const Digest digest = sha256(authority.spki());
  KeyId id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

struct OpenedBundle {
  TrustBundle bundle;
  SignedText parts;
};

// Reads it and checks its shape; its signature not yet.
Result<OpenedBundle> read_bundle(ByteView bytes) {
  Result<SignedText> parts = parse_signed(bytes, kBundleBytes, "trust bundle");
  if (!parts) return parts.error();
  Result<TrustBundle> bundle = from_json_text<TrustBundle>(parts->text, kBundleBytes);
  if (!bundle) return wrap(bundle.error(), "trust bundle");
  if (bundle->keys.empty() || bundle->keys.size() > kGenerations) {
    return Error(Fault::malformed,
                 "trust bundle: " + std::to_string(bundle->keys.size()) + " CAs, 1 to 4 are taken");
  }
  const Result<CaSet> usable = CaSet::from(*bundle);
  if (!usable) return wrap(usable.error(), "trust bundle");
  return OpenedBundle{std::move(*bundle), std::move(*parts)};
}

bool signed_by(const SignedText& parts, const Certificate& authority) {
  const KeyId id = key_id(authority);
  const Bytes input = signing_input(kDomain, parts.text);
  return std::any_of(parts.signatures.begin(), parts.signatures.end(), [&](const KeySignature& one) {
    return one.key == id && verify_signature(authority.spki(), input, one.signature);
  });
}

}  // namespace

Result<std::vector<Certificate>> TrustBundle::authorities() const {
  std::vector<Certificate> all;
  for (const TrustedKeys& generation : keys) {
    Result<Certificate> authority = Certificate::from_pem(generation.ca);
    if (!authority) return authority.error();
    all.push_back(std::move(*authority));
  }
  return all;
}

std::vector<VerifyKey> TrustBundle::order_keys() const {
  std::vector<VerifyKey> all;
  all.reserve(keys.size());
  for (const TrustedKeys& generation : keys) all.push_back(*VerifyKey::from_bytes(generation.order_key));
  return all;
}

Bytes sign_bundle(const TrustBundle& bundle, const std::vector<BundleSigner>& signers) {
  const std::string text = to_json_text(bundle);
  const Bytes input = signing_input(kDomain, text);
  std::vector<KeySignature> signatures;
  signatures.reserve(signers.size());
  for (const BundleSigner& signer : signers) {
    signatures.push_back({key_id(signer.certificate), signer.key.sign(input)});
  }
  return format_signed(signatures, text);
}

Result<TrustBundle> open_bundle(ByteView bytes, const std::string& pin) {
  Result<OpenedBundle> opened = read_bundle(bytes);
  if (!opened) return opened.error();
  const Result<std::vector<Certificate>> authorities = opened->bundle.authorities();
  if (!authorities) return authorities.error();
  for (const Certificate& authority : *authorities) {
    if (authority.pin() == pin && signed_by(opened->parts, authority)) return std::move(opened->bundle);
  }
  return Error(Fault::unauthenticated, "trust bundle: not signed by the CA with pin " + printable(pin, 64));
}

Result<TrustBundle> open_bundle(ByteView bytes, const TrustBundle& older) {
  Result<OpenedBundle> opened = read_bundle(bytes);
  if (!opened) return opened.error();
  const Result<std::vector<Certificate>> believed = older.authorities();
  if (!believed) return wrap(believed.error(), "the trust bundle that is held");
  const bool good = std::any_of(believed->begin(), believed->end(), [&](const Certificate& authority) {
    return signed_by(opened->parts, authority);
  });
  if (!good) {
    return Error(Fault::unauthenticated, "trust bundle: not signed by a CA that is believed here");
  }
  const std::uint64_t serial = opened->bundle.serial;
  if (serial < older.serial) {
    return Error(Fault::expired, "trust bundle " + std::to_string(serial) + ": older than " +
                                     std::to_string(older.serial) + ", which is held");
  }
  if (serial == older.serial && to_json_text(opened->bundle) != to_json_text(older)) {
    return Error(Fault::refused,
                 "trust bundle " + std::to_string(serial) + ": held already, with other contents");
  }
  return std::move(opened->bundle);
}

}  // namespace jump::identity
