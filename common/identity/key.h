// Keys: ECDSA P-256 for certificates and TLS, Ed25519 for orders. Values that share one immutable key;
// cheap to copy, usable from any thread.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/identity/sha256.h"

namespace jump::identity {

struct NativeKey;  // openssl_types.h

// SHA-256 of a SubjectPublicKeyInfo (DER), base64url: the name of a key, 43 characters.
std::string spki_pin(ByteView spki);
// True for text that could be a pin.
bool is_pin(std::string_view text);

// A private key on P-256. Never leaves the machine that made it.
class PrivateKey {
 public:
  static PrivateKey generate();
  // PKCS#8, at most 16 KiB, without passphrase; refused when not P-256.
  static Result<PrivateKey> from_pem(std::string_view pem);
  static Result<PrivateKey> from_der(ByteView der);
  static Result<PrivateKey> load(const std::string& path);

  Secret to_pem() const;
  Secret to_der() const;
  // Mode 0600, whole or not at all (platform/files.h).
  Result<void> save(const std::string& path) const;

  // SubjectPublicKeyInfo, DER.
  Bytes public_spki() const;
  std::string pin() const;
  // ECDSA with SHA-256, DER.
  Bytes sign(ByteView message) const;
  // A certificate request (PKCS#10, DER) for this key. Its names say nothing: the appliance ignores them.
  Bytes make_request() const;

  const NativeKey& native() const { return *key_; }

 private:
  explicit PrivateKey(std::shared_ptr<const NativeKey> key) : key_(std::move(key)) {}
  std::shared_ptr<const NativeKey> key_;
};

// Checks a signature of PrivateKey::sign against a SubjectPublicKeyInfo. False for anything wrong.
bool verify_signature(ByteView spki, ByteView message, ByteView signature);

// The public half of an order key.
class VerifyKey {
 public:
  static constexpr std::size_t kBytes = 32;
  static constexpr std::size_t kSignatureBytes = 64;

  // The raw public key of RFC 8032; any 32 bytes are taken, wrong ones verify nothing.
  static Result<VerifyKey> from_bytes(ByteView bytes);

  const std::array<std::uint8_t, kBytes>& bytes() const { return bytes_; }
  // The first eight bytes of its SHA-256: which key signed, not a proof.
  std::array<std::uint8_t, 8> id() const;
  bool verify(ByteView message, ByteView signature) const;

  friend bool operator==(const VerifyKey& a, const VerifyKey& b) { return a.bytes_ == b.bytes_; }

 private:
  std::array<std::uint8_t, kBytes> bytes_{};
};

// Ed25519 (RFC 8032).
class SigningKey {
 public:
  static SigningKey generate();
  // The 32-byte seed.
  static Result<SigningKey> from_bytes(const Secret& seed);

  Secret to_bytes() const;
  VerifyKey public_key() const;
  std::array<std::uint8_t, VerifyKey::kSignatureBytes> sign(ByteView message) const;

 private:
  explicit SigningKey(std::shared_ptr<const NativeKey> key) : key_(std::move(key)) {}
  std::shared_ptr<const NativeKey> key_;
};

}  // namespace jump::identity
