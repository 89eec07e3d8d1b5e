#include <gtest/gtest.h>

#include <filesystem>

#include "common/identity/psk.h"
#include "common/identity/random.h"
#include "platform/files.h"
#include "tests/support/temp_folder.h"

namespace jump::identity {
namespace {

constexpr std::int64_t kDay = kPskEpochSeconds;
constexpr std::int64_t kStart = 1'800'000'000;
const PeerIdentity kAgent{PeerRole::agent, 17};
const std::string kSerial = "4f000102030405060708090a0b0c0d0e";

Secret secret(std::uint8_t fill) {
  return Secret(Bytes(32, fill));
}

TEST(Psk, IdAndKeyAreTheseBytes) {
  PskMaster master;
  ASSERT_TRUE(master.rotate(kStart, secret(1)));
  const Psk psk = master.offer(kAgent, kSerial);
  EXPECT_EQ(to_hex(psk.id),
            "0101"
            "0000000000000011" +
                kSerial + "00000001");
  Bytes info = to_bytes("jump psk v1");
  info.push_back(0);
  info.insert(info.end(), psk.id.begin(), psk.id.end());
  EXPECT_TRUE(psk.key == hkdf_sha256(secret(1), info, 32));
  EXPECT_EQ(psk.expires, kStart + 3 * kDay);
}

TEST(Psk, LookupGivesKeyIdentityAndSerial) {
  PskMaster master;
  master.rotate(kStart);
  for (const PeerIdentity identity : {kAgent, PeerIdentity{PeerRole::node, 3}}) {
    const Psk psk = master.offer(identity, kSerial);
    const std::optional<PskPeer> peer = master.lookup(psk.id, kStart);
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->identity, identity);
    EXPECT_EQ(peer->serial, kSerial);
    EXPECT_TRUE(peer->key == psk.key);
  }
}

TEST(Psk, AnotherAgentSerialOrEpochHasAnotherKey) {
  PskMaster master;
  master.rotate(kStart, secret(1));
  const Psk first = master.offer(kAgent, kSerial);
  EXPECT_FALSE(first.key == master.offer({PeerRole::agent, 18}, kSerial).key);
  EXPECT_FALSE(first.key == master.offer({PeerRole::node, 17}, kSerial).key);
  EXPECT_FALSE(first.key == master.offer(kAgent, "5" + kSerial.substr(1)).key);
  master.rotate(kStart + kDay, secret(1));
  EXPECT_FALSE(first.key == master.offer(kAgent, kSerial).key);
}

TEST(Psk, LivesThreeEpochsAndNoLonger) {
  PskMaster master;
  master.rotate(kStart, secret(1));
  const Psk psk = master.offer(kAgent, kSerial);
  EXPECT_FALSE(master.rotate(kStart + kDay - 1, secret(9)));
  EXPECT_TRUE(master.rotate(kStart + kDay, secret(2)));
  EXPECT_TRUE(master.lookup(psk.id, kStart + kDay));
  master.rotate(kStart + 2 * kDay, secret(3));
  EXPECT_TRUE(master.lookup(psk.id, kStart + 3 * kDay - 1));
  EXPECT_FALSE(master.lookup(psk.id, kStart + 3 * kDay)) << "even before the next rotation";
  master.rotate(kStart + 3 * kDay, secret(4));
  EXPECT_FALSE(master.lookup(psk.id, kStart + 2 * kDay));
}

TEST(Psk, ALongStandstillAndAClockPutBackAreSafe) {
  PskMaster master;
  master.rotate(kStart, secret(1));
  const Psk psk = master.offer(kAgent, kSerial);
  // The clock was put back: a new epoch, the old one still found until three newer ones came.
  EXPECT_TRUE(master.rotate(kStart - 100 * kDay, secret(2)));
  EXPECT_TRUE(master.lookup(psk.id, kStart - 100 * kDay));
  EXPECT_FALSE(master.rotate(kStart - 100 * kDay + 1, secret(3)));
  master.rotate(kStart - 99 * kDay, secret(3));
  master.rotate(kStart - 98 * kDay, secret(4));
  EXPECT_FALSE(master.lookup(psk.id, kStart - 98 * kDay));
  // Off for a month: one new epoch, nothing old.
  const Psk later = master.offer(kAgent, kSerial);
  EXPECT_TRUE(master.rotate(kStart, secret(5)));
  EXPECT_FALSE(master.lookup(later.id, kStart));
  EXPECT_TRUE(master.lookup(master.offer(kAgent, kSerial).id, kStart));
}

TEST(Psk, ForeignIdsAreUnknown) {
  PskMaster master;
  EXPECT_FALSE(master.lookup({}, kStart));
  master.rotate(kStart);
  const Bytes id = master.offer(kAgent, kSerial).id;
  for (std::size_t size = 0; size < id.size(); ++size)
    EXPECT_FALSE(master.lookup(ByteView(id).first(size), kStart));
  Bytes altered = id;
  altered.push_back(0);
  EXPECT_FALSE(master.lookup(altered, kStart));
  altered = id;
  altered[0] = 2;
  EXPECT_FALSE(master.lookup(altered, kStart)) << "version";
  for (const int role : {0, 3, 255}) {
    altered = id;
    altered[1] = static_cast<std::uint8_t>(role);
    EXPECT_FALSE(master.lookup(altered, kStart)) << "role " << role;
  }
  PskMaster other;
  other.rotate(kStart);
  EXPECT_FALSE(other.lookup(id, kStart)->key == master.lookup(id, kStart)->key);
}

TEST(Psk, ComesBackFromItsFile) {
  const test::TempFolder folder;
  ASSERT_TRUE(platform::make_private_folder(folder / "private"));
  const std::string path = folder / "private/psk";
  PskMaster master;
  master.rotate(kStart);
  master.rotate(kStart + kDay);
  const Psk psk = master.offer(kAgent, kSerial);
  ASSERT_TRUE(master.save(path));
  const Result<PskMaster> back = PskMaster::load(path);
  ASSERT_TRUE(back);
  const std::optional<PskPeer> peer = back->lookup(psk.id, kStart + kDay);
  ASSERT_TRUE(peer);
  EXPECT_TRUE(peer->key == psk.key);
  ASSERT_TRUE(platform::write_file(
      path, as_bytes(R"({"version":1,"epochs":[{"number":1,"made":1,"secret":"AA"}]})"), 0600));
  EXPECT_TRUE(PskMaster::load(path).error().is(Fault::malformed));
  std::filesystem::remove(path);
  EXPECT_TRUE(PskMaster::load(path).error().is(Fault::not_found));
}

}  // namespace
}  // namespace jump::identity
