#include "tools/appliance/api/vault.h"

#include "common/identity/seal.h"

namespace jump::api {
namespace {

constexpr std::size_t kSecretsBytes = 64 * 1024;

std::string context_of(std::int64_t account) {
  return "jump vault account v1 " + std::to_string(account);
}

}  // namespace

Result<Bytes> seal_secrets(const Secret& key, std::int64_t account, const VaultSecrets& secrets) {
  if (key.size() != 32) return Error(Fault::unavailable, "the appliance has no key for stored credentials");
  std::string text = to_json_text(secrets);
  Result<Bytes> box = identity::seal(key, context_of(account), as_bytes(text));
  wipe(text.data(), text.size());
  return box;
}

Result<VaultSecrets> open_secrets(const Secret& key, std::int64_t account, ByteView box) {
  if (key.size() != 32) return Error(Fault::unavailable, "the appliance has no key for stored credentials");
  const Result<Secret> text = identity::open_sealed(key, context_of(account), box);
  if (!text) {
    return Error(Fault::unauthenticated,
                 "the stored credential cannot be opened: the key file keys/vault.key is another one");
  }
  return from_json_text<VaultSecrets>(text->reveal_text(), kSecretsBytes);
}

Result<session::Credential> credential_of(store::Store& store, const Secret& key, std::int64_t account) {
  const Result<std::optional<store::VaultAccount>> row = store.vault_accounts.get(account);
  if (!row) return row.error();
  if (!*row) return Error(Fault::not_found, "the stored credential was removed");
  const Result<Bytes> box = store.vault_accounts.sealed(account);
  if (!box) return box.error();
  Result<VaultSecrets> secrets = open_secrets(key, account, *box);
  if (!secrets) return secrets.error();
  session::Credential credential;
  credential.username = (*row)->username;
  credential.password = std::move(secrets->password);
  credential.private_key = std::move(secrets->private_key);
  credential.passphrase = std::move(secrets->passphrase);
  credential.certificate = (*row)->private_key_public_cert;
  return credential;
}

}  // namespace jump::api
