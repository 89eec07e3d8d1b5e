// Hashes, randomness, keys: against published vectors where there are any.
#include <gtest/gtest.h>

#include <set>

#include "common/identity/key.h"
#include "common/identity/random.h"
#include "common/identity/sha256.h"

namespace jump::identity {
namespace {

std::string hex(const Digest& digest) {
  return to_hex(digest);
}

TEST(Sha256, AgreesWithFips180) {
  EXPECT_EQ(hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256(as_bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, IsTheSameInPiecesAndCanGoOnFromAFork) {
  Sha256 hash;
  hash.update(as_bytes("a"));
  Sha256 fork = hash.fork();
  hash.update(as_bytes("bc"));
  fork.update(as_bytes("xy"));
  EXPECT_EQ(hash.finish(), sha256(as_bytes("abc")));
  EXPECT_EQ(fork.finish(), sha256(as_bytes("axy")));
  hash.reset();
  Sha256 moved = std::move(hash);
  EXPECT_EQ(moved.finish(), sha256({}));
}

// RFC 4231 test case 2; RFC 5869 test case 3 (no salt, no info).
TEST(Sha256, AgreesWithTheVectorsOfHmacAndHkdf) {
  EXPECT_EQ(hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const Secret key(Bytes(22, 0x0b));
  const Secret out = hkdf_sha256(key, {}, 42);
  EXPECT_EQ(to_hex(out.reveal()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  EXPECT_FALSE(hkdf_sha256(key, as_bytes("a"), 32) == hkdf_sha256(key, as_bytes("b"), 32));
}

TEST(Random, GivesOtherBytesEachTime) {
  std::set<std::array<std::uint8_t, 16>> seen;
  for (int i = 0; i < 100; ++i) seen.insert(random_array<16>());
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(random_bytes(0).size(), 0u);
}

TEST(PrivateKey, ComesBackFromPemAndDer) {
  const PrivateKey key = PrivateKey::generate();
  EXPECT_TRUE(key.to_pem().reveal_text().starts_with("-----BEGIN PRIVATE KEY-----\n"));
  const Result<PrivateKey> pem = PrivateKey::from_pem(key.to_pem().reveal_text());
  const Result<PrivateKey> der = PrivateKey::from_der(key.to_der().reveal());
  ASSERT_TRUE(pem && der);
  EXPECT_EQ(pem->pin(), key.pin());
  EXPECT_EQ(der->pin(), key.pin());
  EXPECT_TRUE(is_pin(key.pin()));
  EXPECT_EQ(key.pin(), spki_pin(key.public_spki()));
  EXPECT_NE(PrivateKey::generate().pin(), key.pin());
}

TEST(PrivateKey, SignsWhatOnlyItsPublicHalfVerifies) {
  const PrivateKey key = PrivateKey::generate();
  const Bytes message = to_bytes("message");
  Bytes signature = key.sign(message);
  EXPECT_TRUE(verify_signature(key.public_spki(), message, signature));
  EXPECT_FALSE(verify_signature(PrivateKey::generate().public_spki(), message, signature));
  EXPECT_FALSE(verify_signature(key.public_spki(), to_bytes("messagf"), signature));
  EXPECT_FALSE(verify_signature({}, message, signature));
  for (std::size_t size = 0; size < signature.size(); ++size) {
    EXPECT_FALSE(verify_signature(key.public_spki(), message, ByteView(signature).first(size)));
  }
  signature.push_back(0);
  EXPECT_FALSE(verify_signature(key.public_spki(), message, signature));
}

TEST(PrivateKey, RefusesOtherCurvesOtherKindsAndRubbish) {
  constexpr std::string_view kP384 =
      "-----BEGIN PRIVATE KEY-----\n"
      "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBQ43DwdRZw87UaXLqL\n"
      "P384\n-----END PRIVATE KEY-----\n";
  EXPECT_FALSE(PrivateKey::from_pem(kP384));
  EXPECT_FALSE(PrivateKey::from_pem(""));
  EXPECT_FALSE(PrivateKey::from_pem(std::string(20000, 'A')));
  // Ed25519, RFC 8410 section 10.3.
  const Result<PrivateKey> other = PrivateKey::from_pem(
      "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
      "-----END PRIVATE KEY-----\n");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message(), "private key: not ECDSA on P-256");

  const Secret der = PrivateKey::generate().to_der();
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(PrivateKey::from_der(der.reveal().first(size))) << size;
  }
}

// A key with a passphrase must be refused at once: OpenSSL would ask at the terminal.
TEST(PrivateKey, NeverAsksForAPassphrase) {
  constexpr std::string_view kEncrypted =
      "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "
      "AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END EC PRIVATE KEY-----\n";
  EXPECT_FALSE(PrivateKey::from_pem(kEncrypted));
}

// RFC 8032 section 7.1, TEST 2.
TEST(SigningKey, AgreesWithRfc8032) {
  const Secret seed(*from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  const Result<SigningKey> key = SigningKey::from_bytes(seed);
  ASSERT_TRUE(key);
  EXPECT_EQ(to_hex(key->public_key().bytes()),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const Bytes message = {0x72};
  const auto signature = key->sign(message);
  EXPECT_EQ(to_hex(signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_TRUE(key->public_key().verify(message, signature));
  EXPECT_TRUE(key->to_bytes() == seed);
}

TEST(SigningKey, SignatureOfAnotherKeyOrTextIsFalse) {
  const SigningKey key = SigningKey::generate();
  const auto signature = key.sign(as_bytes("a"));
  EXPECT_FALSE(key.public_key().verify(as_bytes("b"), signature));
  EXPECT_FALSE(SigningKey::generate().public_key().verify(as_bytes("a"), signature));
  EXPECT_FALSE(key.public_key().verify(as_bytes("a"), ByteView(signature).first(63)));
  EXPECT_FALSE(VerifyKey::from_bytes(Bytes(31)));
  EXPECT_FALSE(SigningKey::from_bytes(Secret(Bytes(33))));
}

}  // namespace
}  // namespace jump::identity
