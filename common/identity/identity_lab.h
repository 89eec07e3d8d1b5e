// For tests of this room: certificates as our own authority never makes them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/identity/certificate.h"
#include "common/identity/key.h"
#include "common/identity/openssl_types.h"

namespace jump::identity::lab {

inline constexpr std::int64_t kNow = 1'800'000'000;
inline constexpr std::int64_t kDay = 86400;

// Everything about a certificate, right unless a test says otherwise. Extensions are in the words of
// OpenSSL's configuration; an empty value leaves one out.
struct Recipe {
  std::string subject = "peer";
  std::string issuer_name;  // of `issuer` unless it is said
  std::string basic = "critical,CA:FALSE";
  std::string usage = "critical,digitalSignature";
  std::string extended = "clientAuth";
  std::string names = "URI:jump:agent/17";
  std::string further_names;  // a second SAN extension
  std::string comment_critical;
  std::int64_t not_before = kNow - kDay;
  std::int64_t not_after = kNow + kDay;
  const char* digest = "SHA256";
};

// Keys of the wrong kinds; made once, RSA is slow.
inline EVP_PKEY* rsa_key() {
  static const KeyPtr kKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
  return kKey.get();
}
inline EVP_PKEY* p384_key() {
  static const KeyPtr kKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"));
  return kKey.get();
}
inline EVP_PKEY* ed25519_key() {
  static const KeyPtr kKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  return kKey.get();
}

inline void add(X509* to, X509* issuer, int id, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  CHECK(extension != nullptr && X509_add_ext(to, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

inline void name(X509_NAME* to, const std::string& text) {
  CHECK(X509_NAME_add_entry_by_NID(to, NID_commonName, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()), -1, 0) == 1);
}

// `issuer` null: self-signed.
inline Certificate bake(const Recipe& recipe, EVP_PKEY* key, EVP_PKEY* signer, X509* issuer) {
  X509Ptr made(X509_new());
  X509* x = made.get();
  CHECK(X509_set_version(x, X509_VERSION_3) == 1 && X509_set_pubkey(x, key) == 1);
  static long serial = 0x1000;
  CHECK(ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial) == 1);
  CHECK(ASN1_TIME_set(X509_getm_notBefore(x), recipe.not_before) != nullptr);
  CHECK(ASN1_TIME_set(X509_getm_notAfter(x), recipe.not_after) != nullptr);
  name(X509_get_subject_name(x), recipe.subject);
  if (!recipe.issuer_name.empty()) {
    name(X509_get_issuer_name(x), recipe.issuer_name);
  } else {
    CHECK(X509_set_issuer_name(x, X509_get_subject_name(issuer == nullptr ? x : issuer)) == 1);
  }
  X509* over = issuer == nullptr ? x : issuer;
  add(x, over, NID_basic_constraints, recipe.basic);
  add(x, over, NID_key_usage, recipe.usage);
  add(x, over, NID_ext_key_usage, recipe.extended);
  add(x, over, NID_subject_key_identifier, "hash");
  add(x, over, NID_authority_key_identifier, "keyid");
  add(x, over, NID_subject_alt_name, recipe.names);
  add(x, over, NID_subject_alt_name, recipe.further_names);
  add(x, over, NID_netscape_comment, recipe.comment_critical);
  CHECK(X509_sign(x, signer, EVP_get_digestbyname(recipe.digest)) > 0);
  const Result<Certificate> parsed = Certificate::from_der(to_der<X509>(i2d_X509, x));
  CHECK(parsed.has_value());
  return *parsed;
}

inline Recipe ca_recipe(const std::string& subject) {
  Recipe recipe;
  recipe.subject = subject;
  recipe.basic = "critical,CA:TRUE,pathlen:1";
  recipe.usage = "critical,keyCertSign";
  recipe.extended = "";
  recipe.names = "";
  recipe.not_after = kNow + 1000 * kDay;
  return recipe;
}

// A CA whose key the test holds.
struct Ca {
  explicit Ca(const std::string& subject) : Ca(ca_recipe(subject)) {}
  explicit Ca(const Recipe& recipe)
      : key(PrivateKey::generate()), certificate(bake(recipe, borrow(key), borrow(key), nullptr)) {}
  Certificate issue(const Recipe& recipe, const PrivateKey& to) const {
    return bake(recipe, borrow(to), borrow(key), borrow(certificate));
  }
  Certificate issue(const Recipe& recipe) const { return issue(recipe, PrivateKey::generate()); }

  PrivateKey key;
  Certificate certificate;
};

}  // namespace jump::identity::lab
