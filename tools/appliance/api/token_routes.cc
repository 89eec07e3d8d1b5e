// /oauth2/token, and a user's own tokens: /whoami, /token, /logout.
#include <boost/asio/ip/address.hpp>

#include "common/identity/sha256.h"
#include "common/identity/token.h"
#include "tools/appliance/api/handlers.h"

namespace jump::api {
namespace {

// RFC 6749 5.2, with our `message` beside it.
ApiResponse oauth_error(unsigned status, std::string_view error, std::string_view text) {
  ApiResponse response = json_response(status, json::object{{"error", json::string(error)},
                                                            {"error_description", json::string(text)},
                                                            {"message", json::string(text)}});
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"jump\"");
  return response;
}

struct Credentials {
  std::string client_id;
  Secret secret;
};

// From Basic or the form; a request with both is refused (RFC 6749 2.3).
std::optional<Credentials> credentials(const Call& call,
                                       const std::vector<std::pair<std::string, std::string>>& form) {
  const auto field = [&](std::string_view name) -> std::string {
    for (const auto& [key, value] : form) {
      if (key == name) return value;
    }
    return {};
  };
  const std::string form_id = field("client_id"), form_secret = field("client_secret");
  if (const auto basic = basic_credentials(call.request.authorization)) {
    if (!form_secret.empty() || (!form_id.empty() && form_id != basic->first)) return std::nullopt;
    return Credentials{basic->first, Secret(std::string_view(basic->second))};
  }
  if (form_id.empty() || form_secret.empty()) return std::nullopt;
  return Credentials{form_id, Secret(std::string_view(form_secret))};
}

bool from_allowed_address(const store::ApiAccount& account, const std::string& remote) {
  boost::system::error_code failure;
  const auto from = boost::asio::ip::make_address(remote, failure);
  bool any_line = false;
  std::string_view rest = account.ip_addresses;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    if (line.empty()) continue;
    any_line = true;
    boost::system::error_code bad;
    const auto allowed = boost::asio::ip::make_address(std::string(line), bad);
    if (!failure && !bad && allowed == from) return true;
  }
  return !any_line;
}

// Written by itself: refusals stay on record too, 100 an hour for each account.
Result<void> record(Call& call, const std::string& who, std::string_view result, const std::string& text) {
  constexpr std::int64_t kRefusals = 100;
  const Result<std::int64_t> before =
      call.store.events.count_since("account.login", who, call.clock.wall - 3600, kRefusals);
  if (!before) return before.error();
  if (result != "ok" && *before >= kRefusals) return {};
  store::Event event;
  event.at = call.clock.wall;
  event.who = who;
  event.source = call.request.remote_address;
  event.what = "account.login";
  event.object = who;
  event.result = result;
  event.text = text;
  const Result<std::int64_t> id = call.store.events.add(event);
  if (!id) return id.error();
  return {};
}

json::object shown_token(const Call& call, const store::Token& token, const Secret& secret = {}) {
  json::object object = to_json(token).as_object();
  object["created_timestamp"] = token.created_at;
  if (token.expires_at) object["expires_timestamp"] = *token.expires_at;
  if (token.last_used) object["last_used_timestamp"] = *token.last_used;
  object["current"] = token.id == call.who.token.id;
  if (!secret.empty()) object["token"] = json::string(secret.reveal_text());
  return shown(kTokenSchema, object);
}

}  // namespace

Reply issue_account_token(Call& call) {
  const std::string_view type =
      std::string_view(call.request.content_type).substr(0, call.request.content_type.find(';'));
  if (!call.request.body.empty() && type != "application/x-www-form-urlencoded") {
    return oauth_error(400, "invalid_request", "Send the body as application/x-www-form-urlencoded.");
  }
  const auto form = parse_form(call.request.body);
  if (!form) return oauth_error(400, "invalid_request", form.error().message());
  const auto grant =
      std::find_if(form->begin(), form->end(), [](const auto& p) { return p.first == "grant_type"; });
  if (grant == form->end()) return oauth_error(400, "invalid_request", "grant_type is missing.");
  if (grant->second != "client_credentials") {
    return oauth_error(400, "unsupported_grant_type", "Only client_credentials is taken.");
  }
  const std::optional<Credentials> given = credentials(call, *form);
  const ApiResponse refused =
      oauth_error(401, "invalid_client", "The client id or the secret is wrong, or the account is disabled.");
  if (!given) return refused;
  const Result<std::optional<store::ApiAccount>> account =
      call.store.api_accounts.by_client_id(given->client_id);
  if (!account) return account.error();
  if (!*account) return refused;
  const Result<Bytes> hash = call.store.api_accounts.secret_hash((*account)->id);
  if (!hash) return hash.error();
  const std::string who = "account:" + (*account)->name;
  // The secret is random, 32 bytes: guessing needs no brake but the plain hash's constant time.
  if (!equal_in_constant_time(identity::sha256(given->secret.reveal()), *hash)) {
    Result<void> done = call.store.api_accounts.note_login((*account)->id, false);
    if (done) done = record(call, who, "refused", "wrong secret");
    if (!done) return done.error();
    return refused;
  }
  if (!(*account)->enabled || !from_allowed_address(**account, call.request.remote_address)) {
    const Result<void> done = record(
        call, who, "refused", (*account)->enabled ? "from an address that is not allowed" : "disabled");
    if (!done) return done.error();
    return refused;
  }
  const Result<store::SiteSettings> site = call.store.settings.site();
  if (!site) return site.error();
  const Secret secret = identity::make_token(kApiPrefix);
  store::Transaction whole(call.store.db());
  store::Token token;
  token.kind = store::TokenKind::account;
  token.account_id = (*account)->id;
  token.created_at = call.clock.wall;
  token.expires_at = call.clock.wall + site->account_token_seconds;
  token.last_address = call.request.remote_address;
  const Result<store::Token> made =
      call.store.tokens.create(token, identity::token_hash(secret.reveal_text()), call.clock.wall);
  if (!made) return made.error();
  Result<void> done = call.store.api_accounts.note_login((*account)->id, true);
  if (done) done = record(call, who, "ok", "got a token");
  if (done) done = whole.commit();
  if (!done) return done.error();
  ApiResponse response = json_response(200, json::object{{"access_token", json::string(secret.reveal_text())},
                                                         {"token_type", "bearer"},
                                                         {"expires_in", site->account_token_seconds}});
  response.headers.emplace_back("Pragma", "no-cache");
  return response;
}

Reply who_am_i(Call& call) {
  json::object object{{"name", call.who.name()},
                      {"administrator", call.who.administrator()},
                      {"token", shown_token(call, call.who.token)}};
  if (call.who.user) {
    object["kind"] = "user";
    object["user"] = shown_user(*call.who.user);
    object["password_change_required"] = call.who.must_change_password;
  } else {
    object["kind"] = "account";
    object["account"] = shown(kApiAccountSchema, to_json(*call.who.account).as_object());
  }
  return json_response(200, object);
}

Reply log_out(Call& call) {
  const Result<bool> removed = call.store.tokens.remove(call.who.token.id);
  if (!removed) return removed.error();
  call.effects.emplace_back(CloseToken{call.who.token.id, "logged out"});
  const Result<void> done = call.event("logout", call.who.name(), "logged out");
  if (!done) return done.error();
  return no_content();
}

Reply list_tokens(Call& call) {
  Faults faults;
  const ListQuery query = list_query(call, kTokenSchema, {"user_id"}, {}, faults);
  const std::int64_t user = query.number("user_id").value_or(call.who.user->id);
  if (!faults.empty()) return invalid(faults);
  if (user != call.who.user->id && !call.who.administrator())
    return forbidden("Only administrators see others' tokens.");
  const Result<store::Rows<store::Token>> rows =
      call.store.tokens.of_user(user, call.clock.wall, query.page());
  if (!rows) return rows.error();
  json::array items;
  for (const store::Token& token : rows->items) items.push_back(shown_token(call, token));
  return list_response(call, query, std::move(items), rows->total);
}

Reply create_token(Call& call) {
  Faults faults;
  const json::object given = checked(kTokenSchema, call.body, Mode::create, faults);
  if (!faults.empty()) return invalid(faults);
  const Result<store::SiteSettings> site = call.store.settings.site();
  if (!site) return site.error();
  const json::value* days = given.if_contains("valid_days");
  const std::int64_t valid_days = days == nullptr ? site->api_token_days : days->get_int64();
  if (valid_days > site->api_token_days) {
    return invalid("valid_days", "the site allows " + std::to_string(site->api_token_days) + " at most");
  }
  const Secret secret = identity::make_token(kApiPrefix);
  store::Token token;
  token.kind = store::TokenKind::personal;
  token.user_id = call.who.user->id;
  token.name = std::string(std::string_view(given.at("name").get_string()));
  token.created_at = call.clock.wall;
  token.expires_at = call.clock.wall + valid_days * 86400;
  const Result<store::Token> made =
      call.store.tokens.create(token, identity::token_hash(secret.reveal_text()), call.clock.wall);
  if (!made) return made.error();
  const Result<void> done =
      call.event("token.create", "token:" + std::to_string(made->id), "made the token " + made->name);
  if (!done) return done.error();
  return created(std::string(kBase) + "/token/" + std::to_string(made->id), shown_token(call, *made, secret));
}

Reply remove_token(Call& call) {
  const std::optional<std::int64_t> id = call.id();
  if (!id) return not_found();
  const Result<std::optional<store::Token>> token = call.store.tokens.get(*id);
  if (!token) return token.error();
  const bool own = *token && (*token)->user_id == call.who.user->id;
  if (!*token || (!own && !call.who.administrator())) return not_found();
  const Result<bool> removed = call.store.tokens.remove(*id);
  if (!removed) return removed.error();
  call.effects.emplace_back(CloseToken{*id, "the token was revoked"});
  const Result<void> done = call.event("token.revoke", "token:" + std::to_string(*id), "revoked a token");
  if (!done) return done.error();
  return no_content();
}

}  // namespace jump::api
