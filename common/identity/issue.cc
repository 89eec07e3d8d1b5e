#include "common/identity/issue.h"

#include <algorithm>

#include <boost/asio/ip/address.hpp>

#include "common/base/check.h"
#include "common/identity/host_port.h"
#include "common/identity/openssl_types.h"
#include "common/identity/random.h"

namespace jump::identity {
namespace {

using ExtensionPtr = std::unique_ptr<X509_EXTENSION, FreeBy<X509_EXTENSION_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, FreeBy<X509_REQ_free>>;
using TimePtr = std::unique_ptr<ASN1_TIME, FreeBy<ASN1_TIME_free>>;

constexpr std::size_t kHosts = 64;
// The last date that a certificate can carry, 9999-12-31 (RFC 5280 section 4.1.2.5).
constexpr std::int64_t kLastTime = 253402300799;

// 126 random bits in 16 bytes: always positive, always 32 hex digits.
void set_serial(X509* x509) {
  auto bytes = random_array<16>();
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0x3f) | 0x40);
  const NumberPtr number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  CHECK(number != nullptr && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x509)) != nullptr);
}

Result<void> set_times(X509* x509, const ValidTimes& times) {
  if (times.not_before < 0 || times.not_after > kLastTime || times.not_before >= times.not_after) {
    return Error(Fault::invalid, "certificate: cannot be valid from " + std::to_string(times.not_before) +
                                     " to " + std::to_string(times.not_after));
  }
  const TimePtr from(ASN1_TIME_set(nullptr, times.not_before));
  const TimePtr to(ASN1_TIME_set(nullptr, times.not_after));
  CHECK(from != nullptr && to != nullptr);
  CHECK(X509_set1_notBefore(x509, from.get()) == 1 && X509_set1_notAfter(x509, to.get()) == 1);
  return {};
}

void set_name(X509_NAME* name, const std::string& text) {
  CHECK(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()), -1, 0) == 1);
}

// `value` in OpenSSL's configuration language: constants only, never text from outside.
void add_extension(X509* x509, X509* issuer, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x509, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, id, value));
  CHECK(extension != nullptr && X509_add_ext(x509, extension.get(), -1) == 1);
}

void add_name(GENERAL_NAMES* names, int type, ByteView value) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_STRING* text = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
  CHECK(name != nullptr && text != nullptr);
  CHECK(ASN1_STRING_set(text, value.data(), static_cast<int>(value.size())) == 1);
  GENERAL_NAME_set0_value(name, type, text);
  CHECK(sk_GENERAL_NAME_push(names, name) > 0);
}

Result<void> add_host(GENERAL_NAMES* names, const std::string& host) {
  boost::system::error_code failure;
  const auto address = boost::asio::ip::make_address(host, failure);
  if (!failure && address.is_v4()) {
    add_name(names, GEN_IPADD, address.to_v4().to_bytes());
  } else if (!failure && address.to_v6().scope_id() == 0) {
    add_name(names, GEN_IPADD, address.to_v6().to_bytes());
  } else if (is_host_name(host)) {
    add_name(names, GEN_DNS, as_bytes(host));
  } else {
    return Error(Fault::invalid, "'" + printable(host, 64) + "' is no host name and no address");
  }
  return {};
}

Result<void> add_alternative_names(X509* x509, const PeerIdentity& identity,
                                   const std::vector<std::string>& hosts) {
  const NamesPtr names(GENERAL_NAMES_new());
  CHECK(names != nullptr);
  const std::string uri = identity.uri();
  add_name(names.get(), GEN_URI, as_bytes(uri));
  if (hosts.size() > kHosts) {
    return Error(Fault::too_large,
                 std::to_string(hosts.size()) + " host names, at most 64 go into a certificate");
  }
  for (const std::string& host : hosts) {
    const Result<void> added = add_host(names.get(), host);
    if (!added) return added;
  }
  CHECK(X509_add1_ext_i2d(x509, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) == 1);
  return {};
}

Result<X509Ptr> start(ByteView spki, const ValidTimes& times) {
  X509Ptr x509(X509_new());
  CHECK(x509 != nullptr && X509_set_version(x509.get(), X509_VERSION_3) == 1);
  const unsigned char* at = spki.data();
  const KeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  if (!key || X509_set_pubkey(x509.get(), key.get()) != 1) {
    return openssl_error(Fault::invalid, "certificate: its key cannot be read");
  }
  set_serial(x509.get());
  const Result<void> timed = set_times(x509.get(), times);
  if (!timed) return timed.error();
  return x509;
}

Result<Certificate> finish(X509Ptr x509, const PrivateKey& signer) {
  CHECK(X509_sign(x509.get(), borrow(signer), EVP_sha256()) > 0);
  // Parsed anew from its bytes: what was built piece by piece holds caches of the unfinished one.
  return Certificate::from_der(to_der<X509>(i2d_X509, x509.get()));
}

}  // namespace

Result<Certificate> make_authority(const PrivateKey& key, const ValidTimes& times) {
  const Bytes spki = key.public_spki();
  Result<X509Ptr> x509 = start(spki, times);
  if (!x509) return x509.error();
  X509* made = x509->get();
  // A name of its own for each CA, so that two generations are never confused.
  set_name(X509_get_subject_name(made), "Jump site CA " + to_hex(ByteView(sha256(spki)).first(6)));
  CHECK(X509_set_issuer_name(made, X509_get_subject_name(made)) == 1);
  add_extension(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:1");
  add_extension(made, made, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(made, made, NID_subject_key_identifier, "hash");
  add_extension(made, made, NID_authority_key_identifier, "keyid:always");
  return finish(std::move(*x509), key);
}

Result<Certificate> cross_sign(const Certificate& authority, const PrivateKey& signer,
                               const Certificate& issuer) {
  const ValidTimes times{std::max(authority.not_before(), issuer.not_before()),
                         std::min(authority.not_after(), issuer.not_after())};
  Result<X509Ptr> x509 = start(authority.spki(), times);
  if (!x509) return x509.error();
  X509* made = x509->get();
  CHECK(X509_set_subject_name(made, X509_get_subject_name(borrow(authority))) == 1);
  CHECK(X509_set_issuer_name(made, X509_get_subject_name(borrow(issuer))) == 1);
  add_extension(made, borrow(issuer), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(made, borrow(issuer), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(made, borrow(issuer), NID_subject_key_identifier, "hash");
  add_extension(made, borrow(issuer), NID_authority_key_identifier, "keyid:always");
  return finish(std::move(*x509), signer);
}

Result<Certificate> make_peer(ByteView spki, const PeerIdentity& identity,
                              const std::vector<std::string>& hosts, const ValidTimes& times,
                              const PrivateKey& signer, const Certificate& issuer) {
  if (!is_p256(spki))
    return Error(Fault::invalid, "certificate for " + identity.name() + ": its key is not on P-256");
  Result<X509Ptr> x509 = start(spki, times);
  if (!x509) return x509.error();
  X509* made = x509->get();
  set_name(X509_get_subject_name(made), "jump " + identity.name());
  CHECK(X509_set_issuer_name(made, X509_get_subject_name(borrow(issuer))) == 1);
  add_extension(made, borrow(issuer), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(made, borrow(issuer), NID_key_usage, "critical,digitalSignature");
  add_extension(made, borrow(issuer), NID_ext_key_usage,
                identity.role == PeerRole::appliance ? "serverAuth" : "clientAuth");
  add_extension(made, borrow(issuer), NID_subject_key_identifier, "hash");
  add_extension(made, borrow(issuer), NID_authority_key_identifier, "keyid:always");
  const Result<void> named = add_alternative_names(made, identity, hosts);
  if (!named) return named.error();
  return finish(std::move(*x509), signer);
}

Result<Bytes> open_request(ByteView bytes) {
  if (bytes.size() > kCertificateBytes) {
    return Error(Fault::too_large,
                 "certificate request: " + std::to_string(bytes.size()) + " bytes, at most 16384 are taken");
  }
  const unsigned char* at = bytes.data();
  const RequestPtr request(d2i_X509_REQ(nullptr, &at, static_cast<long>(bytes.size())));
  if (!request) return openssl_error(Fault::malformed, "certificate request");
  if (at != bytes.data() + bytes.size())
    return Error(Fault::malformed, "certificate request: bytes behind its end");
  Bytes spki = to_der<X509_PUBKEY>(i2d_X509_PUBKEY, X509_REQ_get_X509_PUBKEY(request.get()));
  if (!is_p256(spki)) return Error(Fault::invalid, "certificate request: its key is not on P-256");
  EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
  const bool good = key != nullptr && X509_REQ_verify(request.get(), key) == 1;
  openssl_words();
  if (!good) return Error(Fault::unauthenticated, "certificate request: not signed by its own key");
  return spki;
}

}  // namespace jump::identity
