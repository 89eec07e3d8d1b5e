// /api-account: what programs log in with.
#include <boost/asio/ip/address.hpp>

#include "common/identity/random.h"
#include "common/identity/sha256.h"
#include "tools/appliance/api/handlers.h"

namespace jump::api {
namespace {

std::string object_name(const store::ApiAccount& account) {
  return "account:" + account.name;
}
std::string location_of(std::int64_t id) {
  return std::string(kBase) + "/api-account/" + std::to_string(id);
}

json::object shown_account(const store::ApiAccount& account, const Secret& secret = {}) {
  json::object object = to_json(account).as_object();
  object["created_timestamp"] = account.created_at;
  object["failed_login_expiration"] = "";
  if (!secret.empty()) object["client_secret"] = json::string(secret.reveal_text());
  return shown(kApiAccountSchema, object);
}

Result<std::optional<store::ApiAccount>> account_of_path(Call& call) {
  const std::optional<std::int64_t> id = call.id();
  if (!id) return std::optional<store::ApiAccount>();
  return call.store.api_accounts.get(*id);
}

Secret new_secret() {
  return Secret(std::string_view(to_base64url(identity::random_bytes(32))));
}

void check_addresses(const store::ApiAccount& account, Faults& faults) {
  std::string_view rest = account.ip_addresses;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    boost::system::error_code failure;
    boost::asio::ip::make_address(std::string(line), failure);
    if (!line.empty() && failure) {
      faults["ip_addresses"].push_back("'" + printable(line, 64) + "' is no address; write one a line");
    }
  }
}

Result<void> check_name_free(Call& call, const store::ApiAccount& account, Faults& faults) {
  const Result<store::Rows<store::ApiAccount>> found = call.store.api_accounts.list(account.name, {0, 1});
  if (!found) return found.error();
  if (!found->items.empty() && found->items.front().id != account.id) {
    faults["name"].push_back("is taken by another account");
  }
  return {};
}

Result<void> void_tokens(Call& call, std::int64_t account, const std::string& reason) {
  const Result<std::vector<std::int64_t>> tokens = call.store.tokens.remove_of_account(account);
  if (!tokens) return tokens.error();
  for (const std::int64_t token : *tokens) call.effects.emplace_back(CloseToken{token, reason});
  return {};
}

}  // namespace

Reply list_accounts(Call& call) {
  Faults faults;
  const ListQuery query = list_query(call, kApiAccountSchema, {"name"}, {}, faults);
  if (!faults.empty()) return invalid(faults);
  const Result<store::Rows<store::ApiAccount>> rows =
      call.store.api_accounts.list(query.text("name"), query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const store::ApiAccount& account : rows->items) items.push_back(shown_account(account));
  return list_response(call, query, std::move(items), rows->total);
}

Reply create_account(Call& call) {
  Faults faults;
  const json::object given = checked(kApiAccountSchema, call.body, Mode::create, faults);
  if (!faults.empty()) return invalid(faults);
  Result<store::ApiAccount> account =
      from_json<store::ApiAccount>(merged(to_json(store::ApiAccount{}).as_object(), given));
  if (!account) return account.error();
  check_addresses(*account, faults);
  const Result<void> is_free = check_name_free(call, *account, faults);
  if (!is_free) return is_free.error();
  if (!faults.empty()) return invalid(faults);
  account->client_id = to_hex(identity::random_bytes(20));
  account->created_at = call.clock.wall;
  const Secret secret = new_secret();
  const Result<store::ApiAccount> made =
      call.store.api_accounts.create(*account, identity::sha256(secret.reveal()));
  if (!made) return made.error();
  const Result<void> done =
      call.event("account.create", object_name(*made), "made the API account " + made->name, given);
  if (!done) return done.error();
  return created(location_of(made->id), shown_account(*made, secret));
}

Reply get_account(Call& call) {
  const Result<std::optional<store::ApiAccount>> account = account_of_path(call);
  if (!account) return account.error();
  if (!*account) return not_found();
  return json_response(200, shown_account(**account));
}

Reply change_account(Call& call) {
  const Result<std::optional<store::ApiAccount>> account = account_of_path(call);
  if (!account) return account.error();
  if (!*account) return not_found();
  Faults faults;
  const json::object changes = checked(kApiAccountSchema, call.body, Mode::change, faults);
  if (!faults.empty()) return invalid(faults);
  const json::object before = to_json(**account).as_object();
  const Result<store::ApiAccount> changed = from_json<store::ApiAccount>(merged(before, changes));
  if (!changed) return changed.error();
  check_addresses(*changed, faults);
  const Result<void> is_free = check_name_free(call, *changed, faults);
  if (!is_free) return is_free.error();
  if (!faults.empty()) return invalid(faults);
  Result<void> done = call.store.api_accounts.change(*changed);
  if (!done) return done.error();
  if ((*account)->enabled && !changed->enabled) {
    done = void_tokens(call, changed->id, "the API account was disabled");
    if (!done) return done.error();
  }
  const json::object different = differences(before, changes);
  if (!different.empty()) {
    done = call.event("account.edit", object_name(*changed), "edited the API account " + changed->name,
                      different);
    if (!done) return done.error();
  }
  return json_response(200, shown_account(*changed));
}

Reply remove_account(Call& call) {
  const Result<std::optional<store::ApiAccount>> account = account_of_path(call);
  if (!account) return account.error();
  if (!*account) return not_found();
  Result<void> done = void_tokens(call, (*account)->id, "the API account was removed");
  if (!done) return done.error();
  done = call.store.api_accounts.remove((*account)->id);
  if (!done) return done.error();
  done = call.event("account.remove", object_name(**account), "removed the API account " + (*account)->name);
  if (!done) return done.error();
  return no_content();
}

Reply renew_account_secret(Call& call) {
  const Result<std::optional<store::ApiAccount>> account = account_of_path(call);
  if (!account) return account.error();
  if (!*account) return not_found();
  Result<void> done = void_tokens(call, (*account)->id, "the API account has a new secret");
  if (!done) return done.error();
  const Secret secret = new_secret();
  done = call.store.api_accounts.set_secret((*account)->id, identity::sha256(secret.reveal()));
  if (!done) return done.error();
  done = call.event("account.secret", object_name(**account),
                    "gave the API account " + (*account)->name + " a new secret");
  if (!done) return done.error();
  return json_response(200, shown_account(**account, secret));
}

}  // namespace jump::api
