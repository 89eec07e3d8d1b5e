// The only header with OpenSSL's types; for *.cc files of common/identity and common/tunnel, never for a
// header.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/identity/certificate.h"
#include "common/identity/key.h"

namespace jump::identity {

template <auto Free>
struct FreeBy {
  template <typename T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, FreeBy<X509_free>>;
using StorePtr = std::unique_ptr<X509_STORE, FreeBy<X509_STORE_free>>;

struct NativeKey {
  KeyPtr key;
};

struct NativeCertificate {
  X509Ptr x509;
  Bytes der;
  Digest digest{};
  std::string serial;
  std::int64_t not_before = 0;
  std::int64_t not_after = 0;
  std::optional<std::string> uri;
  Bytes spki;
  std::string pin;
  bool is_ca = false;
  bool self_signed = false;
};

struct NativeStore {
  StorePtr store;
};

// Borrowed: alive as long as the value. OpenSSL takes its own reference where it keeps them; it counts them
// even behind a const object.
inline EVP_PKEY* borrow(const PrivateKey& key) {
  return key.native().key.get();
}
inline X509* borrow(const Certificate& certificate) {
  return certificate.native().x509.get();
}

// Of a peer's certificate as the handshake gave it; takes a reference. Same limits as Certificate::from_der.
Result<Certificate> certificate_from(X509* x509);

// True for the one form of key that is allowed anywhere here, P-256 named and uncompressed.
bool is_p256(ByteView spki);
Result<std::int64_t> asn1_seconds(const ASN1_TIME* time);

// Whatever has an i2d function, as bytes. Empty when that fails.
template <typename T>
Bytes to_der(int (*encode)(const T*, unsigned char**), const T* value) {
  const int size = encode(value, nullptr);
  if (size <= 0) return {};
  Bytes der(static_cast<std::size_t>(size));
  unsigned char* to = der.data();
  encode(value, &to);
  return der;
}

// The oldest error in OpenSSL's queue of this thread, in words; empties the queue.
std::string openssl_words();
Error openssl_error(Fault fault, std::string context);

}  // namespace jump::identity
