#include "common/identity/seal.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/identity/openssl_types.h"
#include "common/identity/random.h"

namespace jump::identity {
namespace {

using CipherPtr = std::unique_ptr<EVP_CIPHER_CTX, FreeBy<EVP_CIPHER_CTX_free>>;

constexpr std::string_view kMagic = "JSB1";
constexpr std::uint8_t kByKey = 1;
constexpr std::uint8_t kByPassphrase = 2;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kStepBytes = std::size_t{1} << 30;  // OpenSSL counts in int

// What stands before the nonce.
std::size_t header_size(std::uint8_t kind) {
  return kMagic.size() + 1 + (kind == kByPassphrase ? 3 + kSaltBytes : 0);
}

Error cannot_open() {
  openssl_words();
  return {Fault::unauthenticated, "sealed box: wrong key or passphrase, made for something else, or altered"};
}

void set_up(EVP_CIPHER_CTX* cipher, bool sealing, const Secret& key, ByteView nonce, ByteView header,
            std::string_view context) {
  CHECK(cipher != nullptr && key.size() == kKeyBytes && nonce.size() == kNonceBytes);
  const int direction = sealing ? 1 : 0;
  CHECK(EVP_CipherInit_ex2(cipher, EVP_aes_256_gcm(), key.reveal().data(), nonce.data(), direction,
                           nullptr) == 1);
  int done = 0;
  CHECK(EVP_CipherUpdate(cipher, nullptr, &done, header.data(), static_cast<int>(header.size())) == 1);
  const ByteView more = as_bytes(context);
  CHECK(more.empty() ||
        EVP_CipherUpdate(cipher, nullptr, &done, more.data(), static_cast<int>(more.size())) == 1);
}

void transform(EVP_CIPHER_CTX* cipher, ByteView from, std::uint8_t* to) {
  while (!from.empty()) {
    const ByteView step = from.first(std::min(from.size(), kStepBytes));
    int done = 0;
    CHECK(EVP_CipherUpdate(cipher, to, &done, step.data(), static_cast<int>(step.size())) == 1);
    CHECK(done == static_cast<int>(step.size()));
    to += step.size();
    from = from.subspan(step.size());
  }
}

// `box`: the header, to which the rest is added.
Result<Bytes> seal_behind(Bytes box, const Secret& key, std::string_view context, ByteView contents) {
  if (contents.size() > kSealedBytes) {
    return Error(Fault::too_large, "sealed box: contents of " + std::to_string(contents.size()) +
                                       " bytes, at most 2 GiB are taken");
  }
  const std::size_t header = box.size();
  const auto nonce = random_array<kNonceBytes>();
  box.insert(box.end(), nonce.begin(), nonce.end());
  box.resize(box.size() + contents.size() + kTagBytes);
  const CipherPtr cipher(EVP_CIPHER_CTX_new());
  set_up(cipher.get(), true, key, nonce, ByteView(box).first(header), context);
  transform(cipher.get(), contents, box.data() + header + kNonceBytes);
  int done = 0;
  CHECK(EVP_CipherFinal_ex(cipher.get(), box.data() + box.size() - kTagBytes, &done) == 1 && done == 0);
  CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes,
                            box.data() + box.size() - kTagBytes) == 1);
  return box;
}

Result<Secret> open_behind(std::size_t header, const Secret& key, std::string_view context, ByteView box) {
  const ByteView nonce = box.subspan(header, kNonceBytes);
  const ByteView sealed = box.subspan(header + kNonceBytes, box.size() - header - kNonceBytes - kTagBytes);
  Bytes tag(box.end() - kTagBytes, box.end());
  const CipherPtr cipher(EVP_CIPHER_CTX_new());
  set_up(cipher.get(), false, key, nonce, box.first(header), context);
  Bytes contents(sealed.size());
  transform(cipher.get(), sealed, contents.data());
  CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1);
  int done = 0;
  std::uint8_t rest[kTagBytes];
  const bool good = EVP_CipherFinal_ex(cipher.get(), rest, &done) == 1;
  Secret secret(std::move(contents));  // wiped when it is not good
  if (!good) return cannot_open();
  return secret;
}

Result<void> check_header(ByteView box, std::uint8_t kind) {
  if (box.size() < kMagic.size() + 1 || as_text(box.first(kMagic.size())) != kMagic) {
    return Error(Fault::malformed, "sealed box: this is none");
  }
  const std::uint8_t found = box[kMagic.size()];
  if (found != kind) {
    if (found == kByKey) return Error(Fault::invalid, "sealed box: sealed by a key, not by a passphrase");
    if (found == kByPassphrase)
      return Error(Fault::invalid, "sealed box: sealed by a passphrase, not by a key");
    return Error(Fault::unsupported, "sealed box: kind " + std::to_string(found) + " is not known");
  }
  if (box.size() < header_size(kind) + kNonceBytes + kTagBytes)
    return Error(Fault::malformed, "sealed box: cut short");
  if (box.size() > kSealedBytes + 64) return Error(Fault::too_large, "sealed box: above 2 GiB");
  return {};
}

Bytes start_box(std::uint8_t kind) {
  Bytes box = to_bytes(kMagic);
  box.push_back(kind);
  return box;
}

}  // namespace

Result<Bytes> seal(const Secret& key, std::string_view context, ByteView contents) {
  return seal_behind(start_box(kByKey), key, context, contents);
}

Result<Secret> open_sealed(const Secret& key, std::string_view context, ByteView box) {
  const Result<void> checked = check_header(box, kByKey);
  if (!checked) return checked.error();
  return open_behind(header_size(kByKey), key, context, box);
}

Result<Bytes> seal_with_passphrase(const Secret& passphrase, std::string_view context, ByteView contents,
                                   const ScryptCost& cost) {
  if (passphrase.empty()) return Error(Fault::invalid, "sealed box: the passphrase is empty");
  Bytes box = start_box(kByPassphrase);
  const auto salt = random_array<kSaltBytes>();
  box.insert(box.end(), {cost.log2_n, cost.r, cost.p});
  box.insert(box.end(), salt.begin(), salt.end());
  const Result<Secret> key = scrypt(passphrase, salt, cost, kKeyBytes);
  if (!key) return key.error();
  return seal_behind(std::move(box), *key, context, contents);
}

Result<Secret> open_with_passphrase(const Secret& passphrase, std::string_view context, ByteView box) {
  const Result<void> checked = check_header(box, kByPassphrase);
  if (!checked) return checked.error();
  const std::size_t at = kMagic.size() + 1;
  const ScryptCost cost{box[at], box[at + 1], box[at + 2]};
  const Result<Secret> key = scrypt(passphrase, box.subspan(at + 3, kSaltBytes), cost, kKeyBytes);
  if (!key) return wrap(key.error(), "sealed box");
  return open_behind(header_size(kByPassphrase), *key, context, box);
}

}  // namespace jump::identity
