#include "common/identity/key.h"

#include <algorithm>

#include <openssl/pem.h>

#include "common/base/check.h"
#include "common/identity/openssl_types.h"
#include "platform/files.h"

namespace jump::identity {
namespace {

using BioPtr = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>>;
using Pkcs8Ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, FreeBy<PKCS8_PRIV_KEY_INFO_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, FreeBy<X509_REQ_free>>;

constexpr std::size_t kKeyBytes = 16384;

// Without this OpenSSL would ask at the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

Bytes spki_of(EVP_PKEY* key) {
  Bytes der = to_der<EVP_PKEY>(i2d_PUBKEY, key);
  CHECK(!der.empty());
  return der;
}

Result<KeyPtr> demand_p256(KeyPtr key) {
  if (!EVP_PKEY_is_a(key.get(), "EC") || !is_p256(to_der<EVP_PKEY>(i2d_PUBKEY, key.get()))) {
    return Error(Fault::invalid, "private key: not ECDSA on P-256");
  }
  return key;
}

// `method` null: the key's own, for Ed25519.
Bytes sign_with(EVP_PKEY* key, const char* method, ByteView message) {
  const DigestContextPtr context(EVP_MD_CTX_new());
  std::size_t size = 0;
  CHECK(EVP_DigestSignInit_ex(context.get(), nullptr, method, nullptr, nullptr, key, nullptr) == 1);
  CHECK(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
  Bytes signature(size);
  CHECK(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  signature.resize(size);
  return signature;
}

bool verify_with(EVP_PKEY* key, const char* method, ByteView message, ByteView signature) {
  const DigestContextPtr context(EVP_MD_CTX_new());
  const bool good =
      EVP_DigestVerifyInit_ex(context.get(), nullptr, method, nullptr, nullptr, key, nullptr) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) ==
          1;
  if (!good) openssl_words();
  return good;
}

std::shared_ptr<const NativeKey> share(KeyPtr key) {
  CHECK(key != nullptr);
  return std::make_shared<const NativeKey>(NativeKey{std::move(key)});
}

}  // namespace

std::string spki_pin(ByteView spki) {
  return to_base64url(sha256(spki));
}

bool is_pin(std::string_view text) {
  const Result<Bytes> bytes = from_base64url(text);
  return bytes && bytes->size() == 32;
}

// --- P-256 -------------------------------------------------------------------------------------------------

PrivateKey PrivateKey::generate() {
  return PrivateKey(share(KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"))));
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  if (pem.size() > kKeyBytes) return Error(Fault::too_large, "private key: above 16 KiB");
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CHECK(bio != nullptr);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) return openssl_error(Fault::malformed, "private key: not PEM of PKCS#8 without passphrase");
  Result<KeyPtr> checked = demand_p256(std::move(key));
  if (!checked) return checked.error();
  return PrivateKey(share(std::move(*checked)));
}

Result<PrivateKey> PrivateKey::from_der(ByteView der) {
  if (der.size() > kKeyBytes) return Error(Fault::too_large, "private key: above 16 KiB");
  const unsigned char* at = der.data();
  const Pkcs8Ptr info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  KeyPtr key(info && at == der.data() + der.size() ? EVP_PKCS82PKEY(info.get()) : nullptr);
  if (!key) return openssl_error(Fault::malformed, "private key: not PKCS#8");
  Result<KeyPtr> checked = demand_p256(std::move(key));
  if (!checked) return checked.error();
  return PrivateKey(share(std::move(*checked)));
}

Result<PrivateKey> PrivateKey::load(const std::string& path) {
  Result<Bytes> bytes = platform::read_private_file(path, kKeyBytes);
  if (!bytes) return bytes.error();
  const Secret text(std::move(*bytes));
  Result<PrivateKey> key = from_pem(text.reveal_text());
  if (!key) return wrap(key.error(), path);
  return key;
}

Secret PrivateKey::to_pem() const {
  // A memory BIO wipes its buffer when it goes.
  const BioPtr bio(BIO_new(BIO_s_mem()));
  CHECK(bio != nullptr);
  CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
        1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return Secret(std::string_view(text, static_cast<std::size_t>(size)));
}

Secret PrivateKey::to_der() const {
  const Pkcs8Ptr info(EVP_PKEY2PKCS8(key_->key.get()));
  CHECK(info != nullptr);
  return Secret(identity::to_der<PKCS8_PRIV_KEY_INFO>(i2d_PKCS8_PRIV_KEY_INFO, info.get()));
}

Result<void> PrivateKey::save(const std::string& path) const {
  return platform::write_private_file(path, to_pem().reveal());
}

Bytes PrivateKey::public_spki() const {
  return spki_of(key_->key.get());
}
std::string PrivateKey::pin() const {
  return spki_pin(public_spki());
}
Bytes PrivateKey::sign(ByteView message) const {
  return sign_with(key_->key.get(), "SHA256", message);
}

Bytes PrivateKey::make_request() const {
  const RequestPtr request(X509_REQ_new());
  CHECK(request != nullptr);
  CHECK(X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1);
  const auto* name = reinterpret_cast<const unsigned char*>("jump");
  X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  CHECK(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC, name, -1, -1, 0) == 1);
  CHECK(X509_REQ_set_pubkey(request.get(), key_->key.get()) == 1);
  CHECK(X509_REQ_sign(request.get(), key_->key.get(), EVP_sha256()) > 0);
  return identity::to_der<X509_REQ>(i2d_X509_REQ, request.get());
}

bool verify_signature(ByteView spki, ByteView message, ByteView signature) {
  if (!is_p256(spki)) return false;
  const unsigned char* at = spki.data();
  const KeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  if (!key) {
    openssl_words();
    return false;
  }
  return verify_with(key.get(), "SHA256", message, signature);
}

// --- Ed25519 -----------------------------------------------------------------------------------------------

Result<VerifyKey> VerifyKey::from_bytes(ByteView bytes) {
  if (bytes.size() != kBytes) {
    return Error(Fault::malformed, "order key: " + std::to_string(bytes.size()) + " bytes, 32 expected");
  }
  VerifyKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
  return key;
}

std::array<std::uint8_t, 8> VerifyKey::id() const {
  const Digest digest = sha256(bytes_);
  std::array<std::uint8_t, 8> id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

bool VerifyKey::verify(ByteView message, ByteView signature) const {
  if (signature.size() != kSignatureBytes) return false;
  const KeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_.data(), bytes_.size()));
  if (!key) {
    openssl_words();
    return false;
  }
  return verify_with(key.get(), nullptr, message, signature);
}

SigningKey SigningKey::generate() {
  return SigningKey(share(KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"))));
}

Result<SigningKey> SigningKey::from_bytes(const Secret& seed) {
  if (seed.size() != VerifyKey::kBytes) return Error(Fault::malformed, "order key: not 32 bytes");
  KeyPtr key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.reveal().data(), seed.reveal().size()));
  if (!key) return openssl_error(Fault::malformed, "order key");
  return SigningKey(share(std::move(key)));
}

Secret SigningKey::to_bytes() const {
  Bytes seed(VerifyKey::kBytes);
  std::size_t size = seed.size();
  CHECK(EVP_PKEY_get_raw_private_key(key_->key.get(), seed.data(), &size) == 1 && size == seed.size());
  return Secret(std::move(seed));
}

VerifyKey SigningKey::public_key() const {
  std::array<std::uint8_t, VerifyKey::kBytes> bytes;
  std::size_t size = bytes.size();
  CHECK(EVP_PKEY_get_raw_public_key(key_->key.get(), bytes.data(), &size) == 1 && size == bytes.size());
  return *VerifyKey::from_bytes(bytes);
}

std::array<std::uint8_t, VerifyKey::kSignatureBytes> SigningKey::sign(ByteView message) const {
  const Bytes bytes = sign_with(key_->key.get(), nullptr, message);
  std::array<std::uint8_t, VerifyKey::kSignatureBytes> signature;
  CHECK(bytes.size() == signature.size());
  std::copy(bytes.begin(), bytes.end(), signature.begin());
  return signature;
}

}  // namespace jump::identity
