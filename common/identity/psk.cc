#include "common/identity/psk.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/json.h"
#include "common/identity/random.h"
#include "common/identity/sha256.h"
#include "platform/files.h"

namespace jump::identity {

struct StoredPsk {
  std::uint32_t version = 1;
  std::vector<PskEpoch> epochs;
};
BOOST_DESCRIBE_STRUCT(StoredPsk, (), (version, epochs))

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kSerialBytes = 16;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kFileBytes = 4096;
constexpr std::int64_t kLife = kPskEpochSeconds * static_cast<std::int64_t>(kPskEpochs);

Secret derive(const PskEpoch& epoch, ByteView id) {
  Bytes info = to_bytes("jump psk v1");
  info.push_back(0);
  info.insert(info.end(), id.begin(), id.end());
  return hkdf_sha256(epoch.secret, info, kPskKeyBytes);
}

bool alive(const PskEpoch& epoch, std::int64_t now) {
  return now - epoch.made < kLife;
}

}  // namespace

bool PskMaster::rotate(std::int64_t now) {
  return rotate(now, random_secret(kSecretBytes));
}

bool PskMaster::rotate(std::int64_t now, const Secret& fresh) {
  CHECK(fresh.size() == kSecretBytes);
  const bool due =
      epochs_.empty() || now - epochs_.front().made >= kPskEpochSeconds || now < epochs_.front().made;
  if (due) {
    const std::uint32_t number = epochs_.empty() ? 1 : epochs_.front().number + 1;
    epochs_.insert(epochs_.begin(), PskEpoch{number, now, fresh});
  }
  const std::size_t before = epochs_.size();
  if (epochs_.size() > kPskEpochs) epochs_.resize(kPskEpochs);
  std::erase_if(epochs_, [&](const PskEpoch& epoch) { return !alive(epoch, now); });
  return due || epochs_.size() != before;
}

Psk PskMaster::offer(const PeerIdentity& identity, const std::string& serial) const {
  CHECK(!epochs_.empty() && identity.role != PeerRole::appliance);
  const Result<Bytes> serial_bytes = from_hex(serial);
  CHECK(serial_bytes && serial_bytes->size() == kSerialBytes);
  const PskEpoch& epoch = epochs_.front();
  Psk psk;
  psk.id.resize(kPskIdBytes);
  psk.id[0] = kVersion;
  psk.id[1] = identity.role == PeerRole::agent ? 1 : 2;
  put_u64(&psk.id[2], identity.id);
  std::copy(serial_bytes->begin(), serial_bytes->end(), psk.id.begin() + 10);
  put_u32(&psk.id[26], epoch.number);
  psk.key = derive(epoch, psk.id);
  psk.expires = epoch.made + kLife;
  return psk;
}

std::optional<PskPeer> PskMaster::lookup(ByteView id, std::int64_t now) const {
  if (id.size() != kPskIdBytes || id[0] != kVersion || (id[1] != 1 && id[1] != 2)) return std::nullopt;
  const std::uint32_t number = get_u32(&id[26]);
  const auto epoch =
      std::find_if(epochs_.begin(), epochs_.end(), [&](const PskEpoch& one) { return one.number == number; });
  if (epoch == epochs_.end() || !alive(*epoch, now)) return std::nullopt;
  PskPeer peer;
  peer.identity.role = id[1] == 1 ? PeerRole::agent : PeerRole::node;
  peer.identity.id = get_u64(&id[2]);
  peer.serial = to_hex(id.subspan(10, kSerialBytes));
  peer.key = derive(*epoch, id);
  return peer;
}

Result<PskMaster> PskMaster::load(const std::string& path) {
  Result<Bytes> bytes = platform::read_private_file(path, kFileBytes);
  if (!bytes) return bytes.error();
  const Secret text(std::move(*bytes));
  Result<StoredPsk> stored = from_json_text<StoredPsk>(text.reveal_text(), kFileBytes);
  if (!stored) return wrap(stored.error(), path);
  if (stored->version != 1) {
    return Error(Fault::unsupported, path + ": version " + std::to_string(stored->version) + ", 1 is known");
  }
  const std::vector<PskEpoch>& epochs = stored->epochs;
  bool good = epochs.size() <= kPskEpochs;
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    good = good && epochs[i].secret.size() == kSecretBytes &&
           (i == 0 || epochs[i].number < epochs[i - 1].number);
  }
  if (!good) return Error(Fault::malformed, path + ": damaged");
  PskMaster master;
  master.epochs_ = std::move(stored->epochs);
  return master;
}

Result<void> PskMaster::save(const std::string& path) const {
  std::string text = to_json_text(StoredPsk{1, epochs_});
  const Result<void> written = platform::write_private_file(path, as_bytes(text));
  wipe(text.data(), text.size());
  return written;
}

}  // namespace jump::identity
