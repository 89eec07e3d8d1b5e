// Where a key stands, as Linux shows it: by the mode of its file.
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/bytes.h"
#include "common/identity/key.h"
#include "common/identity/random.h"

namespace jump::identity {
namespace {

namespace fs = std::filesystem;

TEST(PrivateKey, IsKeptInAFileOfItsOwnerOnly) {
  const fs::path path = fs::temp_directory_path() / ("jump-key-" + to_hex(random_bytes(8)));
  const PrivateKey key = PrivateKey::generate();
  ASSERT_TRUE(key.save(path));
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const Result<PrivateKey> back = PrivateKey::load(path);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->pin(), key.pin());
  fs::permissions(path, fs::perms::group_read, fs::perm_options::add);
  EXPECT_TRUE(PrivateKey::load(path).error().is(Fault::refused));
  fs::remove(path);
  EXPECT_TRUE(PrivateKey::load(path).error().is(Fault::not_found));
}

}  // namespace
}  // namespace jump::identity
