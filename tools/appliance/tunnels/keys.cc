#include "tools/appliance/tunnels/keys.h"

#include <algorithm>
#include <charconv>

#include "common/base/json.h"
#include "common/identity/random.h"
#include "platform/files.h"

namespace jump::appliance {
namespace {

constexpr std::uint64_t kSerialReserve = 3'600'000'000;  // stored an hour ahead: one write an hour

struct KeptIdentity {
  Secret key;  // PEM
  std::string certificate;
  std::vector<std::string> hosts;
};
BOOST_DESCRIBE_STRUCT(KeptIdentity, (), (key, certificate, hosts))

std::string keys_folder(const std::string& data) {
  return data + "/keys";
}

}  // namespace

Keys::Keys(std::string folder, identity::Authority authority)
    : folder_(std::move(folder)),
      authority_(std::make_shared<const identity::Authority>(std::move(authority))) {}

Result<void> Keys::create(const std::string& data, std::int64_t now) {
  const std::string folder = keys_folder(data);
  Result<void> made = platform::make_private_folder(folder);
  if (!made) return made;
  const Result<identity::Authority> authority = identity::Authority::create(now);
  if (!authority) return authority.error();
  Result<void> saved = authority->save(folder + "/authority.json");
  if (!saved) return saved;
  saved = platform::write_file(folder + "/installers.key", identity::random_bytes(32), 0600);
  if (!saved) return saved;
  return platform::write_file(folder + "/vault.key", identity::random_bytes(32), 0600);
}

Result<std::unique_ptr<Keys>> Keys::load(const std::string& data) {
  const std::string folder = keys_folder(data);
  Result<identity::Authority> authority = identity::Authority::load(folder + "/authority.json");
  if (!authority) return authority.error();
  std::unique_ptr<Keys> keys(new Keys(folder, std::move(*authority)));
  Result<Bytes> master = platform::read_private_file(folder + "/installers.key", 32);
  if (!master) return master.error();
  keys->installer_master_ = Secret(std::move(*master));
  const std::string vault = folder + "/vault.key";
  Result<Bytes> vault_key = platform::read_private_file(vault, 32);
  if (!vault_key && vault_key.error().is(Fault::not_found)) {
    vault_key = identity::random_bytes(32);
    const Result<void> saved = platform::write_file(vault, *vault_key, 0600);
    if (!saved) return saved.error();
  }
  if (!vault_key) return vault_key.error();
  if (vault_key->size() != 32) return Error(Fault::malformed, vault + " is not a key of 32 bytes");
  keys->vault_key_ = Secret(std::move(*vault_key));
  // A lost or damaged file costs everybody one full handshake.
  if (Result<identity::PskMaster> psk = identity::PskMaster::load(folder + "/psk.json"))
    keys->psk_ = std::move(*psk);
  if (const Result<Bytes> text = platform::read_private_file(folder + "/order-serial", 64)) {
    const std::string_view digits = as_text(*text);
    std::from_chars(digits.data(), digits.data() + digits.size(), keys->stored_serial_);
  }
  return keys;
}

Result<void> Keys::reload_authority() {
  Result<identity::Authority> authority = identity::Authority::load(folder_ + "/authority.json");
  if (!authority) return authority.error();
  authority_ = std::make_shared<const identity::Authority>(std::move(*authority));
  return {};
}

Result<void> Keys::rotate_psk(std::int64_t now) {
  if (!psk_.rotate(now)) return {};
  return psk_.save(folder_ + "/psk.json");
}

Result<identity::ApplianceIdentity> Keys::appliance_identity(const std::vector<std::string>& hosts,
                                                             std::int64_t now) {
  const std::string path = folder_ + "/appliance.json";
  if (const Result<Bytes> text = platform::read_private_file(path, 65536)) {
    const Result<KeptIdentity> kept = from_json_text<KeptIdentity>(as_text(*text), 65536);
    if (kept && kept->hosts == hosts) {
      Result<identity::PrivateKey> key = identity::PrivateKey::from_pem(kept->key.reveal_text());
      Result<identity::Certificate> certificate = identity::Certificate::from_pem(kept->certificate);
      if (key && certificate && !identity::renewal_due(*certificate, now)) {
        Result<identity::ApplianceIdentity> shown =
            authority_->present(std::move(*key), std::move(*certificate));
        if (shown) return shown;
      }
    }
  }
  Result<identity::ApplianceIdentity> fresh = authority_->issue_appliance(hosts, now);
  if (!fresh) return fresh.error();
  const KeptIdentity kept{fresh->key.to_pem(), fresh->certificate.to_pem(), hosts};
  const Result<void> saved = platform::write_file(path, as_bytes(to_json_text(kept)), 0600);
  if (!saved) return saved.error();
  return fresh;
}

std::uint64_t Keys::next_order_serial(std::int64_t now_micros) {
  last_serial_ =
      std::max({last_serial_ + 1, static_cast<std::uint64_t>(std::max<std::int64_t>(now_micros, 0)),
                last_serial_ == 0 ? stored_serial_ : 0});
  if (last_serial_ >= stored_serial_) {
    stored_serial_ = last_serial_ + kSerialReserve;
    // Failing to store matters only if the clock is also put back before the next start.
    (void)platform::write_file(folder_ + "/order-serial", as_bytes(std::to_string(stored_serial_)), 0600);
  }
  return last_serial_;
}

Result<Bytes> Keys::sign(const identity::Order& order) const {
  return identity::sign_order(order, authority_->order_keys());
}

}  // namespace jump::appliance
