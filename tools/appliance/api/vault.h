// Stored credentials, sealed and opened: AES-256-GCM with the appliance's own key (identity/seal.h). They are
// opened for one thing only: to be put into a ticket for the node that needs them.
#pragma once

#include <optional>
#include <string>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/secret.h"
#include "common/session/target.h"
#include "tools/appliance/store/store.h"

namespace jump::api {

struct VaultSecrets {
  std::optional<Secret> password;
  std::optional<Secret> private_key;
  std::optional<Secret> passphrase;
};
BOOST_DESCRIBE_STRUCT(VaultSecrets, (), (password, private_key, passphrase))

// `key`: 32 bytes. The box opens for this account only.
Result<Bytes> seal_secrets(const Secret& key, std::int64_t account, const VaultSecrets& secrets);
Result<VaultSecrets> open_secrets(const Secret& key, std::int64_t account, ByteView box);

// What is injected for this account; not_found: there is none any more.
Result<session::Credential> credential_of(store::Store& store, const Secret& key, std::int64_t account);

}  // namespace jump::api
