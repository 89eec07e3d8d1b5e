// /user: local users.
#include "common/identity/password.h"
#include "tools/appliance/api/handlers.h"

namespace jump::api {
namespace {

constexpr std::size_t kPasswordLeast = 8;  // characters are not counted, bytes are

std::string object_name(const store::User& user) {
  return "user:" + user.username;
}
std::string location_of(std::int64_t id) {
  return std::string(kBase) + "/user/" + std::to_string(id);
}

// Others see only themselves.
Result<std::optional<store::User>> visible_user(Call& call) {
  const std::optional<std::int64_t> id = call.id();
  if (!id) return std::optional<store::User>();
  if (!call.who.configures() && call.who.user->id != *id) return std::optional<store::User>();
  return call.store.users.get(*id);
}

void check_user(const store::User& user, Faults& faults) {
  const bool at = user.email_address.find('@') != std::string::npos;
  if (!user.email_address.empty() && !at) faults["email_address"].push_back("is no e-mail address");
  if (user.two_factor_required) faults["two_factor_required"].push_back("is not supported by this appliance");
  for (const char c : user.username) {
    if (c == ' ' || c == ':' || c == '/') {
      faults["username"].push_back("must not hold blanks, : or /");
      break;
    }
  }
}

Result<void> check_name_free(Call& call, const store::User& user, Faults& faults) {
  const Result<std::optional<store::User>> other = call.store.users.by_name(user.username);
  if (!other) return other.error();
  if (*other && (*other)->id != user.id) faults["username"].push_back("is taken by another user");
  return {};
}

// The hash for `password` in the changes; empty when it is not there or empty.
std::string take_password(const Call& call, json::object& changes, Faults& faults) {
  const json::value* given = changes.if_contains("password");
  if (given == nullptr) return {};
  const Secret password{std::string_view(given->get_string())};
  changes.erase("password");
  if (password.empty()) return {};
  if (password.size() < kPasswordLeast) {
    faults["password"].push_back("is shorter than " + std::to_string(kPasswordLeast) + " bytes");
    return {};
  }
  Result<std::string> hash = identity::hash_password(password, call.options.scrypt);
  if (!hash) {
    faults["password"].push_back(hash.error().message());
    return {};
  }
  return std::move(*hash);
}

// Everything that the user has open ends.
Result<void> shut_out(Call& call, std::int64_t user, const std::string& reason, bool sessions_too) {
  const Result<std::vector<std::int64_t>> tokens = call.store.tokens.remove_of_user(user);
  if (!tokens) return tokens.error();
  for (const std::int64_t token : *tokens) call.effects.emplace_back(CloseToken{token, reason});
  if (!sessions_too) return {};
  const Result<std::vector<store::SessionId>> live = call.store.sessions.live_of_user(user);
  if (!live) return live.error();
  call.end_sessions(*live, reason);
  return {};
}

// The last administrator stays: 422 instead of an error.
std::optional<ApiResponse> last_administrator(const Result<void>& done) {
  if (done || !done.error().is(Fault::refused)) return std::nullopt;
  return invalid("perm_admin", done.error().message());
}

}  // namespace

json::object shown_user(const store::User& user) {
  json::object object = to_json(user).as_object();
  // What the one right that there is amounts to, in the words of many.
  object["perm_jump_client"] = true;
  object["perm_support_allowed"] = "full_support";
  object["perm_view_support_reports"] = user.perm_admin ? "all_sessions" : "user_sessions";
  for (const char* name : {"perm_set_passwords", "perm_edit_jump_groups", "perm_view_syslog_reports"}) {
    object[name] = user.perm_admin;
  }
  return shown(kUserSchema, object);
}

Reply list_users(Call& call) {
  Faults faults;
  const ListQuery query =
      list_query(call, kUserSchema, {"security_provider_id", "username", "email_address"}, {}, faults);
  if (!faults.empty()) return invalid(faults);
  store::UserFilter filter;
  filter.username = query.text("username");
  filter.email_address = query.text("email_address");
  filter.security_provider_id = query.number("security_provider_id");
  if (!call.who.configures()) filter.id = call.who.user->id;
  const Result<store::Rows<store::User>> rows = call.store.users.list(filter, query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const store::User& user : rows->items) items.push_back(shown_user(user));
  return list_response(call, query, std::move(items), rows->total);
}

Reply create_user(Call& call) {
  Faults faults;
  json::object given = checked(kUserSchema, call.body, Mode::create, faults);
  if (!faults.empty()) return invalid(faults);
  const json::value username = given.at("username");
  for (const char* name : {"public_display_name", "private_display_name"}) {
    if (!given.contains(name)) given[name] = username;
  }
  const std::string hash = take_password(call, given, faults);
  Result<store::User> user = from_json<store::User>(merged(to_json(store::User{}).as_object(), given));
  if (!user) return user.error();
  user->created_at = call.clock.wall;
  check_user(*user, faults);
  const Result<void> is_free = check_name_free(call, *user, faults);
  if (!is_free) return is_free.error();
  if (!faults.empty()) return invalid(faults);
  const Result<store::User> made = call.store.users.create(*user, hash);
  if (!made) return made.error();
  const Result<void> done = call.event("user.create", object_name(*made), "made the user " + made->username,
                                       json::object{{"perm_admin", made->perm_admin}});
  if (!done) return done.error();
  return created(location_of(made->id), shown_user(*made));
}

Reply get_user(Call& call) {
  const Result<std::optional<store::User>> user = visible_user(call);
  if (!user) return user.error();
  if (!*user) return not_found();
  return json_response(200, shown_user(**user));
}

Reply change_user(Call& call) {
  const Result<std::optional<store::User>> user = visible_user(call);
  if (!user) return user.error();
  if (!*user) return not_found();
  Faults faults;
  json::object changes = checked(kUserSchema, call.body, Mode::change, faults);
  if (!faults.empty()) return invalid(faults);
  const std::string hash = take_password(call, changes, faults);
  const json::object before = to_json(**user).as_object();
  const Result<store::User> changed = from_json<store::User>(merged(before, changes));
  if (!changed) return changed.error();
  check_user(*changed, faults);
  const Result<void> is_free = check_name_free(call, *changed, faults);
  if (!is_free) return is_free.error();
  if (!faults.empty()) return invalid(faults);

  Result<void> done = call.store.users.change(*changed);
  if (std::optional<ApiResponse> refusal = last_administrator(done)) return std::move(*refusal);
  if (!done) return done.error();
  json::object different = differences(before, changes);
  if (!hash.empty()) {
    done = call.store.users.set_password(changed->id, hash);
    if (!done) return done.error();
    different["password"] = "changed";
  }
  const bool disabled = (*user)->enabled && !changed->enabled;
  if (disabled || !hash.empty()) {
    done = shut_out(call, changed->id, disabled ? "the user was disabled" : "the password was changed",
                    disabled);
    if (!done) return done.error();
  }
  if (!different.empty()) {
    done = call.event("user.edit", object_name(*changed), "edited the user " + changed->username, different);
    if (!done) return done.error();
  }
  return json_response(200, shown_user(*changed));
}

Reply remove_user(Call& call) {
  const Result<std::optional<store::User>> user = visible_user(call);
  if (!user) return user.error();
  if (!*user) return not_found();
  store::JumpClientFilter personal;
  personal.jump_group_id = (*user)->id;
  personal.jump_group_type = store::GroupType::personal;
  const Result<store::Rows<store::JumpClientRow>> assets = call.store.jump_clients.list(personal, {0, 1});
  if (!assets) return assets.error();
  if (assets->total > 0) {
    return invalid("id", "the user's personal list still has " + std::to_string(assets->total) + " assets");
  }
  Result<void> done = shut_out(call, (*user)->id, "the user was removed", true);
  if (!done) return done.error();
  done = call.store.users.remove((*user)->id);
  if (std::optional<ApiResponse> refusal = last_administrator(done)) return std::move(*refusal);
  if (!done) return done.error();
  done = call.event("user.remove", object_name(**user), "removed the user " + (*user)->username);
  if (!done) return done.error();
  return no_content();
}

// {"password": new, "current_password": old}: the old one is asked of those who set their own. All log-ins of
// the user end, the caller's own excepted.
Reply set_user_password(Call& call) {
  const Result<std::optional<store::User>> user = visible_user(call);
  if (!user) return user.error();
  if (!*user) return not_found();
  const bool own = call.who.user && call.who.user->id == (*user)->id;
  Faults faults;
  for (const auto& [key, value] : call.body) {
    const std::string name(std::string_view{key});
    if (name != "password" && name != "current_password")
      faults[printable(name, 64)].push_back("is not a field here");
    else if (!value.is_string())
      faults[name].push_back("must be a string");
  }
  if (!call.body.contains("password")) faults["password"].push_back("is required");
  if (own && !call.body.contains("current_password")) faults["current_password"].push_back("is required");
  if (!faults.empty()) return invalid(faults);
  if (own) {
    const Result<std::string> stored = call.store.users.password_hash((*user)->id);
    if (!stored) return stored.error();
    const Secret current{std::string_view(call.body.at("current_password").get_string())};
    if (!identity::verify_password(current, *stored)) return invalid("current_password", "is wrong");
    if (call.body.at("password") == call.body.at("current_password"))
      return invalid("password", "is the old one");
  }
  json::object changes{{"password", call.body.at("password")}};
  const std::string hash = take_password(call, changes, faults);
  if (hash.empty() && faults.empty()) faults["password"].push_back("is empty");
  if (!faults.empty()) return invalid(faults);
  Result<void> done = call.store.users.set_password((*user)->id, hash);
  if (!done) return done.error();
  store::User changed = **user;
  changed.password_reset_next_login = own ? false : changed.password_reset_next_login;
  if (changed.password_expiration && *changed.password_expiration <= call.clock.wall)
    changed.password_expiration.reset();
  done = call.store.users.change(changed);
  if (!done) return done.error();
  const Result<store::Rows<store::Token>> tokens =
      call.store.tokens.of_user((*user)->id, call.clock.wall, {0, 2 * store::kTokensOfAUser});
  if (!tokens) return tokens.error();
  for (const store::Token& token : tokens->items) {
    if (token.id == call.who.token.id || token.kind != store::TokenKind::login) continue;
    const Result<bool> removed = call.store.tokens.remove(token.id);
    if (!removed) return removed.error();
    call.effects.emplace_back(CloseToken{token.id, "the password was changed"});
  }
  done = call.event("user.password", object_name(**user), "set the password of " + (*user)->username);
  if (!done) return done.error();
  return no_content();
}

}  // namespace jump::api
