// /vault/account: stored credentials. What is secret is taken, and never shown again.
#include "tools/appliance/api/handlers.h"
#include "tools/appliance/api/vault.h"

namespace jump::api {
namespace {

constexpr std::array<const char*, 3> kSecrets{"password", "private_key", "private_key_passphrase"};

std::string object_name(std::int64_t id) {
  return "vault-account:" + std::to_string(id);
}

json::object shown_account_of(const store::VaultAccount& account) {
  json::object object = to_json(account).as_object();
  object["personal"] = false;
  object["created_timestamp"] = account.created_at;
  return shown(kVaultAccountSchema, object);
}

// The secrets of the body, taken out of it; what it does not name stays as in `secrets`.
void take_secrets(json::object& given, VaultSecrets& secrets) {
  const auto take = [&](const char* name, std::optional<Secret>& to) {
    const json::value* value = given.if_contains(name);
    if (value == nullptr) return;
    to = Secret(std::string_view(value->get_string()));
    given.erase(name);
  };
  take(kSecrets[0], secrets.password);
  take(kSecrets[1], secrets.private_key);
  take(kSecrets[2], secrets.passphrase);
}

void check_secrets(const store::VaultAccount& account, const VaultSecrets& secrets, Faults& faults) {
  if (account.type == store::VaultType::username_password) {
    if (!secrets.password) faults["password"].push_back("is required");
    if (secrets.private_key) faults["private_key"].push_back("belongs to type ssh");
    if (secrets.passphrase) faults["private_key_passphrase"].push_back("belongs to type ssh");
    if (account.private_key_public_cert) faults["private_key_public_cert"].push_back("belongs to type ssh");
    return;
  }
  if (secrets.password) faults["password"].push_back("belongs to type username_password");
  if (!secrets.private_key) {
    faults["private_key"].push_back("is required");
  } else if (!secrets.private_key->reveal_text().starts_with("-----BEGIN ")) {
    faults["private_key"].push_back("must be a key in PEM or OpenSSH format: -----BEGIN …");
  }
}

Result<void> check_name(Call& call, const store::VaultAccount& account, Faults& faults) {
  store::VaultFilter filter;
  filter.name = account.name;
  const Result<store::Rows<store::VaultAccount>> found = call.store.vault_accounts.list(filter, {0, 1});
  if (!found) return found.error();
  if (!found->items.empty() && found->items.front().id != account.id)
    faults["name"].push_back("is taken by another account");
  return {};
}

Result<std::optional<store::VaultAccount>> account_of_path(Call& call) {
  const std::optional<std::int64_t> id = call.id();
  if (!id) return std::optional<store::VaultAccount>();
  return call.store.vault_accounts.get(*id);
}

Result<void> seal_into(Call& call, std::int64_t id, const VaultSecrets& secrets) {
  const Result<Bytes> box = seal_secrets(call.options.vault_key, id, secrets);
  if (!box) return box.error();
  return call.store.vault_accounts.set_sealed(id, *box);
}

}  // namespace

Reply list_vault_accounts(Call& call) {
  Faults faults;
  const ListQuery query =
      list_query(call, kVaultAccountSchema, {"type", "name", "account_group_id"}, {}, faults);
  if (!faults.empty()) return invalid(faults);
  const store::VaultFilter filter{query.choice<store::VaultType>("type"), query.text("name"),
                                  query.number("account_group_id")};
  const Result<store::Rows<store::VaultAccount>> rows = call.store.vault_accounts.list(filter, query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const store::VaultAccount& row : rows->items) items.push_back(shown_account_of(row));
  return list_response(call, query, std::move(items), rows->total);
}

Reply create_vault_account(Call& call) {
  Faults faults;
  json::object given = checked(kVaultAccountSchema, call.body, Mode::create, faults);
  if (!faults.empty()) return invalid(faults);
  VaultSecrets secrets;
  take_secrets(given, secrets);
  Result<store::VaultAccount> account =
      from_json<store::VaultAccount>(merged(to_json(store::VaultAccount{}).as_object(), given));
  if (!account) return account.error();
  account->created_at = call.clock.wall;
  check_secrets(*account, secrets, faults);
  const Result<void> unique = check_name(call, *account, faults);
  if (!unique) return unique.error();
  if (!faults.empty()) return invalid(faults);
  const Result<store::VaultAccount> made = call.store.vault_accounts.create(*account);
  if (!made) return made.error();
  Result<void> done = seal_into(call, made->id, secrets);
  if (done) done = call.event("vault.create", object_name(made->id), "stored the credential " + made->name);
  if (!done) return done.error();
  return created(std::string(kBase) + "/vault/account/" + std::to_string(made->id), shown_account_of(*made));
}

Reply get_vault_account(Call& call) {
  const Result<std::optional<store::VaultAccount>> account = account_of_path(call);
  if (!account) return account.error();
  if (!*account) return not_found();
  return json_response(200, shown_account_of(**account));
}

Reply change_vault_account(Call& call) {
  const Result<std::optional<store::VaultAccount>> account = account_of_path(call);
  if (!account) return account.error();
  if (!*account) return not_found();
  Faults faults;
  json::object changes = checked(kVaultAccountSchema, call.body, Mode::change, faults);
  if (!faults.empty()) return invalid(faults);
  json::array renewed;
  for (const char* name : kSecrets) {
    if (changes.contains(name)) renewed.emplace_back(name);
  }
  VaultSecrets secrets;
  if (!renewed.empty()) {
    const Result<Bytes> box = call.store.vault_accounts.sealed((*account)->id);
    if (!box) return box.error();
    // Where the old ones cannot be opened any more, new ones take their place.
    if (Result<VaultSecrets> old = open_secrets(call.options.vault_key, (*account)->id, *box))
      secrets = std::move(*old);
  }
  take_secrets(changes, secrets);
  const json::object before = to_json(**account).as_object();
  json::object different = differences(before, changes);
  Result<store::VaultAccount> changed = from_json<store::VaultAccount>(merged(before, changes));
  if (!changed) return changed.error();
  if (different.contains("type")) faults["type"].push_back("cannot be changed; store another account");
  if (!renewed.empty()) check_secrets(*changed, secrets, faults);
  const Result<void> unique = check_name(call, *changed, faults);
  if (!unique) return unique.error();
  if (!faults.empty()) return invalid(faults);
  Result<void> done = call.store.vault_accounts.change(*changed);
  if (done && !renewed.empty()) done = seal_into(call, changed->id, secrets);
  if (!renewed.empty()) different["renewed"] = std::move(renewed);
  if (done && !different.empty())
    done = call.event("vault.edit", object_name(changed->id), "edited the credential " + changed->name,
                      different);
  if (!done) return done.error();
  return get_vault_account(call);
}

Reply remove_vault_account(Call& call) {
  const Result<std::optional<store::VaultAccount>> account = account_of_path(call);
  if (!account) return account.error();
  if (!*account) return not_found();
  const Result<void> removed = call.store.vault_accounts.remove((*account)->id);
  if (!removed) {
    if (removed.error().is(Fault::refused)) return invalid("id", removed.error().message());
    return removed.error();
  }
  const Result<void> done =
      call.event("vault.remove", object_name((*account)->id), "removed the credential " + (*account)->name);
  if (!done) return done.error();
  return no_content();
}

}  // namespace jump::api
