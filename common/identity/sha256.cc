#include "common/identity/sha256.h"

#include <algorithm>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/base/check.h"

namespace jump::identity {
namespace {

// Fetched once: OpenSSL 3.0 would look it up anew for each hash, which costs more than a short hash does.
const EVP_MD* sha256_method() {
  static EVP_MD* const kMethod = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CHECK(kMethod != nullptr);
  return kMethod;
}

}  // namespace

Digest sha256(ByteView bytes) {
  Digest digest;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, sha256_method(), nullptr) == 1);
  return digest;
}

Digest hmac_sha256(ByteView key, ByteView message) {
  Digest digest;
  CHECK(HMAC(sha256_method(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
             digest.data(), nullptr) != nullptr);
  return digest;
}

Secret hkdf_sha256(const Secret& key, ByteView info, std::size_t size) {
  CHECK(size <= 255 * 32);
  Digest pseudorandom = hmac_sha256(Digest{}, key.reveal());
  Bytes out;
  out.reserve(size + 32);
  Bytes block;
  for (std::uint8_t counter = 1; out.size() < size; ++counter) {
    block.insert(block.end(), info.begin(), info.end());
    block.push_back(counter);
    Digest next = hmac_sha256(pseudorandom, block);
    out.insert(out.end(), next.begin(), next.end());
    wipe(block.data(), block.size());
    block.assign(next.begin(), next.end());
    wipe(next.data(), next.size());
  }
  wipe(block.data(), block.size());
  wipe(pseudorandom.data(), pseudorandom.size());
  wipe(out.data() + size, out.size() - size);
  out.resize(size);
  return Secret(std::move(out));
}

struct Sha256::State {
  State() : context(EVP_MD_CTX_new()) { CHECK(context != nullptr); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  EVP_MD_CTX* context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  reset();
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView bytes) {
  CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest digest;
  CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), nullptr) == 1);
  return digest;
}

void Sha256::reset() {
  CHECK(EVP_DigestInit_ex(state_->context, sha256_method(), nullptr) == 1);
}

Sha256 Sha256::fork() const {
  Sha256 copy;
  CHECK(EVP_MD_CTX_copy_ex(copy.state_->context, state_->context) == 1);
  return copy;
}

}  // namespace jump::identity
