// Secrets at rest: key files, passwords, tokens, sealed boxes.
#include <gtest/gtest.h>

#include "common/identity/key.h"
#include "common/identity/password.h"
#include "common/identity/random.h"
#include "common/identity/seal.h"
#include "common/identity/token.h"

namespace jump::identity {
namespace {

constexpr ScryptCost kCheap{4, 8, 1};

// RFC 7914 section 12, the second vector.
TEST(Password, ScryptAgreesWithRfc7914) {
  const Result<Secret> key = scrypt(Secret("password"), as_bytes("NaCl"), {10, 8, 16}, 64);
  ASSERT_TRUE(key);
  EXPECT_EQ(to_hex(key->reveal()),
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
            "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
}

TEST(Password, OnlyTheRightOneVerifies) {
  const Result<std::string> stored = hash_password(Secret("correct horse"), kCheap);
  ASSERT_TRUE(stored);
  EXPECT_TRUE(stored->starts_with("scrypt$4$8$1$"));
  EXPECT_TRUE(verify_password(Secret("correct horse"), *stored));
  EXPECT_FALSE(verify_password(Secret("correct horsf"), *stored));
  EXPECT_FALSE(verify_password(Secret(""), *stored));
  EXPECT_NE(*hash_password(Secret("correct horse"), kCheap), *stored) << "another salt each time";
  EXPECT_TRUE(needs_rehash(*stored));
  EXPECT_FALSE(needs_rehash(*stored, kCheap));
  EXPECT_FALSE(hash_password(Secret(""), kCheap));
  EXPECT_FALSE(hash_password(Secret(std::string(1025, 'a')), kCheap));
}

TEST(Password, DamagedTextVerifiesNothing) {
  const Secret password("p");
  const std::string stored = *hash_password(password, kCheap);
  for (std::size_t size = 0; size < stored.size(); ++size) {
    EXPECT_FALSE(verify_password(password, stored.substr(0, size))) << size;
  }
  EXPECT_FALSE(verify_password(password, stored + "$"));
  EXPECT_FALSE(verify_password(password, "scrypt$4$8$1$$"));
  // A cost that would eat the machine is refused, not tried.
  EXPECT_FALSE(verify_password(password, "scrypt$31" + stored.substr(8)));
  EXPECT_FALSE(verify_password(password, "scrypt$20$32$16" + stored.substr(12)));
}

TEST(Password, TheDefaultCostIsWithinTheLimits) {
  const Result<std::string> stored = hash_password(Secret("p"));
  ASSERT_TRUE(stored);
  EXPECT_FALSE(needs_rehash(*stored));
}

TEST(Token, HasItsPrefixAndIsNeverTheSame) {
  const Secret token = make_token("jct");
  EXPECT_EQ(token.size(), 4u + 43u);
  EXPECT_TRUE(looks_like_token(token.reveal_text(), "jct"));
  EXPECT_FALSE(looks_like_token(token.reveal_text(), "jat"));
  EXPECT_FALSE(looks_like_token(std::string(token.reveal_text()) + "A", "jct"));
  EXPECT_FALSE(looks_like_token(token.reveal_text().substr(0, 46), "jct"));
  EXPECT_FALSE(looks_like_token("jct_", "jct"));
  EXPECT_FALSE(looks_like_token("", "jct"));
  EXPECT_FALSE(token == make_token("jct"));
  EXPECT_EQ(token_hash(token.reveal_text()), sha256(token.reveal()));
}

TEST(Seal, OpensOnlyWithKeyAndContext) {
  const Secret key = random_secret(32);
  const Bytes contents = to_bytes("the vault");
  const Result<Bytes> box = seal(key, "credential 7", contents);
  ASSERT_TRUE(box);
  EXPECT_EQ(box->size(), 5u + 12 + contents.size() + 16);
  const Result<Secret> opened = open_sealed(key, "credential 7", *box);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->reveal_text(), "the vault");
  EXPECT_TRUE(open_sealed(key, "credential 8", *box).error().is(Fault::unauthenticated));
  EXPECT_TRUE(open_sealed(random_secret(32), "credential 7", *box).error().is(Fault::unauthenticated));
  EXPECT_NE(*seal(key, "credential 7", contents), *box);
  EXPECT_TRUE(open_sealed(key, "", *seal(key, "", {})));
}

TEST(Seal, EveryTruncationAndEveryFlippedBitIsRefused) {
  const Secret key = random_secret(32);
  const Bytes box = *seal(key, "c", as_bytes("contents"));
  for (std::size_t size = 0; size < box.size(); ++size) {
    EXPECT_FALSE(open_sealed(key, "c", ByteView(box).first(size))) << size;
  }
  for (std::size_t bit = 0; bit < box.size() * 8; ++bit) {
    Bytes altered = box;
    altered[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    EXPECT_FALSE(open_sealed(key, "c", altered)) << bit;
  }
}

TEST(Seal, PassphraseBoxesCarryTheirCostAndAreBound) {
  const Secret phrase("correct horse battery staple");
  const Bytes box = *seal_with_passphrase(phrase, "backup", as_bytes("database"), kCheap);
  EXPECT_EQ(open_with_passphrase(phrase, "backup", box)->reveal_text(), "database");
  EXPECT_TRUE(open_with_passphrase(Secret("wrong"), "backup", box).error().is(Fault::unauthenticated));
  EXPECT_TRUE(open_with_passphrase(phrase, "other", box).error().is(Fault::unauthenticated));
  EXPECT_TRUE(open_sealed(random_secret(32), "backup", box).error().is(Fault::invalid));
  EXPECT_FALSE(seal_with_passphrase(Secret(""), "backup", {}, kCheap));
  for (std::size_t size = 0; size < box.size(); ++size) {
    EXPECT_FALSE(open_with_passphrase(phrase, "backup", ByteView(box).first(size))) << size;
  }
  for (std::size_t at = 8; at < box.size(); ++at) {
    Bytes altered = box;
    altered[at] ^= 1;
    EXPECT_FALSE(open_with_passphrase(phrase, "backup", altered)) << at;
  }
  Bytes greedy = box;
  greedy[5] = 63;
  EXPECT_TRUE(open_with_passphrase(phrase, "backup", greedy).error().is(Fault::invalid));
}

}  // namespace
}  // namespace jump::identity
