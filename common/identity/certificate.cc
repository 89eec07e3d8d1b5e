#include "common/identity/certificate.h"

#include <algorithm>
#include <charconv>

#include <openssl/pem.h>

#include "common/base/check.h"
#include "common/identity/openssl_types.h"

namespace jump::identity {
namespace {

using BioPtr = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;
using NumberPtr = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>>;

constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
constexpr std::size_t kUriBytes = 256;

Error not_a_certificate(std::string_view why) {
  openssl_words();
  return {Fault::malformed, "certificate: " + std::string(why)};
}

Result<std::string> serial_of(const X509* x509) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(x509);
  const NumberPtr number(ASN1_INTEGER_to_BN(serial, nullptr));
  // RFC 5280 section 4.1.2.2: positive, at most 20 octets.
  if (!number || BN_is_negative(number.get()) || BN_is_zero(number.get()) ||
      BN_num_bytes(number.get()) > 20) {
    return not_a_certificate("its serial is not 1 to 20 bytes");
  }
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), bytes.data());
  return to_hex(bytes);
}

Result<std::optional<std::string>> uri_of(const X509* x509) {
  int found = 0;
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, &found, nullptr)));
  if (!names) {
    if (found == -1) return std::optional<std::string>();
    return not_a_certificate("its alternative names cannot be read, or are there twice");
  }
  std::optional<std::string> uri;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    if (uri) return std::optional<std::string>();
    const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
    const ByteView bytes(ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text)));
    if (bytes.size() > kUriBytes) return not_a_certificate("its URI is above 256 bytes");
    uri = std::string(as_text(bytes));
  }
  return uri;
}

Result<Certificate> describe(X509Ptr x509, Bytes der) {
  if (der.size() > kCertificateBytes) return not_a_certificate("above 16 KiB");
  NativeCertificate made;
  // This also makes OpenSSL read the extensions now, so that later readers of other threads find them done.
  const std::uint32_t flags = X509_get_extension_flags(x509.get());
  if ((flags & EXFLAG_INVALID) != 0) return not_a_certificate("its extensions cannot be read");
  Result<std::string> serial = serial_of(x509.get());
  if (!serial) return serial.error();
  const Result<std::int64_t> not_before = asn1_seconds(X509_get0_notBefore(x509.get()));
  if (!not_before) return not_before.error();
  const Result<std::int64_t> not_after = asn1_seconds(X509_get0_notAfter(x509.get()));
  if (!not_after) return not_after.error();
  Result<std::optional<std::string>> uri = uri_of(x509.get());
  if (!uri) return uri.error();

  made.digest = sha256(der);
  made.der = std::move(der);
  made.serial = std::move(*serial);
  made.not_before = *not_before;
  made.not_after = *not_after;
  made.uri = std::move(*uri);
  made.spki = to_der<X509_PUBKEY>(i2d_X509_PUBKEY, X509_get_X509_PUBKEY(x509.get()));
  if (made.spki.empty()) return not_a_certificate("its key cannot be read");
  made.pin = spki_pin(made.spki);
  const std::uint32_t usage = X509_get_key_usage(x509.get());
  made.is_ca = X509_check_ca(x509.get()) == 1 && usage != UINT32_MAX && (usage & KU_KEY_CERT_SIGN) != 0;
  made.self_signed = X509_self_signed(x509.get(), 0) == 1;
  openssl_words();
  made.x509 = std::move(x509);
  return Certificate(std::make_shared<const NativeCertificate>(std::move(made)));
}

Result<Certificate> read_pem_block(std::string_view block) {
  if (block.size() > 2 * kCertificateBytes) return not_a_certificate("above 16 KiB");
  const BioPtr bio(BIO_new_mem_buf(block.data(), static_cast<int>(block.size())));
  CHECK(bio != nullptr);
  X509Ptr x509(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!x509) return openssl_error(Fault::malformed, "certificate: not PEM");
  Bytes der = to_der<X509>(i2d_X509, x509.get());
  return describe(std::move(x509), std::move(der));
}

void skip_blanks(std::string_view& text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  text.remove_prefix(start == std::string_view::npos ? text.size() : start);
}

}  // namespace

// --- identity
// ------------------------------------------------------------------------------------------------

std::string PeerIdentity::name() const {
  if (role == PeerRole::appliance) return "appliance";
  return (role == PeerRole::agent ? "agent:" : "node:") + std::to_string(id);
}

std::string PeerIdentity::uri() const {
  if (role == PeerRole::appliance) return "jump:appliance";
  return (role == PeerRole::agent ? "jump:agent/" : "jump:node/") + std::to_string(id);
}

Result<PeerIdentity> parse_identity(std::string_view uri) {
  PeerIdentity identity;
  std::string_view number;
  if (uri == "jump:appliance") return PeerIdentity{PeerRole::appliance, 0};
  if (uri.starts_with("jump:agent/")) {
    identity.role = PeerRole::agent;
    number = uri.substr(11);
  } else if (uri.starts_with("jump:node/")) {
    identity.role = PeerRole::node;
    number = uri.substr(10);
  }
  std::int64_t id = 0;
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), id);
  if (failure == std::errc() && end == number.data() + number.size() && id > 0) {
    identity.id = static_cast<std::uint64_t>(id);
    if (identity.uri() == uri) return identity;
  }
  return Error(Fault::malformed, "'" + printable(uri, 64) + "' names no peer of ours");
}

// --- the value
// -----------------------------------------------------------------------------------------------

Result<Certificate> Certificate::from_pem(std::string_view pem) {
  Result<std::vector<Certificate>> chain = parse_pem_chain(pem);
  if (!chain) return chain.error();
  if (chain->size() != 1) {
    return not_a_certificate(std::to_string(chain->size()) + " of them where one is expected");
  }
  return std::move(chain->front());
}

Result<Certificate> Certificate::from_der(ByteView der) {
  if (der.size() > kCertificateBytes) return not_a_certificate("above 16 KiB");
  const unsigned char* at = der.data();
  X509Ptr x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!x509) return openssl_error(Fault::malformed, "certificate: not DER");
  Bytes again = to_der<X509>(i2d_X509, x509.get());
  // One encoding for each certificate, or digests would not tell them apart.
  if (!std::equal(again.begin(), again.end(), der.begin(), der.end())) return not_a_certificate("not DER");
  return describe(std::move(x509), std::move(again));
}

Result<Certificate> certificate_from(X509* x509) {
  CHECK(X509_up_ref(x509) == 1);
  X509Ptr own(x509);
  Bytes der = to_der<X509>(i2d_X509, own.get());
  if (der.empty()) return not_a_certificate("it cannot be encoded");
  return describe(std::move(own), std::move(der));
}

std::string Certificate::to_pem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  CHECK(bio != nullptr && PEM_write_bio_X509(bio.get(), certificate_->x509.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

const Bytes& Certificate::der() const {
  return certificate_->der;
}
const Digest& Certificate::digest() const {
  return certificate_->digest;
}
const std::string& Certificate::serial() const {
  return certificate_->serial;
}
std::int64_t Certificate::not_before() const {
  return certificate_->not_before;
}
std::int64_t Certificate::not_after() const {
  return certificate_->not_after;
}
const std::optional<std::string>& Certificate::uri() const {
  return certificate_->uri;
}
const Bytes& Certificate::spki() const {
  return certificate_->spki;
}
const std::string& Certificate::pin() const {
  return certificate_->pin;
}
bool Certificate::is_ca() const {
  return certificate_->is_ca;
}
bool Certificate::self_signed() const {
  return certificate_->self_signed;
}

Result<std::vector<Certificate>> parse_pem_chain(std::string_view pem) {
  std::vector<Certificate> chain;
  for (skip_blanks(pem); !pem.empty(); skip_blanks(pem)) {
    if (chain.size() == kChainLength) return not_a_certificate("more than 8 in one file");
    const std::size_t end = pem.find(kEnd);
    if (!pem.starts_with(kBegin) || end == std::string_view::npos) {
      return not_a_certificate("'" + printable(pem.substr(0, 32)) + "' is not the start of one in PEM");
    }
    Result<Certificate> one = read_pem_block(pem.substr(0, end + kEnd.size()));
    if (!one) return one.error();
    chain.push_back(std::move(*one));
    pem.remove_prefix(end + kEnd.size());
  }
  if (chain.empty()) return not_a_certificate("none in an empty text");
  return chain;
}

std::string to_pem_chain(const std::vector<Certificate>& chain) {
  std::string text;
  for (const Certificate& certificate : chain) text += certificate.to_pem();
  return text;
}

std::int64_t renewal_time(const Certificate& certificate) {
  const std::int64_t life = certificate.not_after() - certificate.not_before();
  return certificate.not_after() - life / 3;
}

bool renewal_due(const Certificate& certificate, std::int64_t now) {
  return now >= renewal_time(certificate);
}

}  // namespace jump::identity
