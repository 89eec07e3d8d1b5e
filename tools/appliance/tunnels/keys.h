// The appliance's secrets in its data folder, and what they are used for: the CA, orders, keys for coming
// back.
#pragma once

#include <memory>
#include <string>

#include "common/base/error.h"
#include "common/identity/authority.h"
#include "common/identity/order.h"
#include "common/identity/psk.h"

namespace jump::appliance {

class Keys {
 public:
  // DATA/keys/: authority.json, appliance.json (key and certificate), psk.json, installers.key, vault.key,
  // all 0600. load() makes a vault.key where an older version made none.
  static Result<void> create(const std::string& data, std::int64_t now);
  static Result<std::unique_ptr<Keys>> load(const std::string& data);

  const identity::Authority& authority() const { return *authority_; }
  // For other threads: reload_authority() puts another one in its place and leaves this one as it is.
  std::shared_ptr<const identity::Authority> shared_authority() const { return authority_; }
  identity::PskMaster& psk() { return psk_; }
  const Secret& installer_master() const { return installer_master_; }
  // Stored credentials are sealed with it; without it they are lost.
  const Secret& vault_key() const { return vault_key_; }
  std::string pin() const { return authority_->pin(); }

  // A command has changed the file.
  Result<void> reload_authority();
  // Once an hour: a new epoch when the newest is a day old.
  Result<void> rotate_psk(std::int64_t now);
  // The appliance's own certificate: kept, or a new one when it is due, or `hosts` or the CA changed.
  Result<identity::ApplianceIdentity> appliance_identity(const std::vector<std::string>& hosts,
                                                         std::int64_t now);

  // Serials grow over restarts too: they begin with the clock, and never below the highest that was stored.
  std::uint64_t next_order_serial(std::int64_t now_micros);
  Result<Bytes> sign(const identity::Order& order) const;

 private:
  Keys(std::string folder, identity::Authority authority);
  std::string folder_;
  std::shared_ptr<const identity::Authority> authority_;
  identity::PskMaster psk_;
  Secret installer_master_;
  Secret vault_key_;
  std::uint64_t last_serial_ = 0;
  std::uint64_t stored_serial_ = 0;
};

}  // namespace jump::appliance
