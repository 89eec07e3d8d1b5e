#include "tools/appliance/api/api.h"

#include "common/base/log.h"
#include "common/identity/random.h"
#include "common/identity/token.h"
#include "tools/appliance/api/call.h"
#include "tools/appliance/api/handlers.h"
#include "tools/appliance/api/limits.h"
#include "tools/appliance/api/routes.h"

namespace jump::api {
namespace {

constexpr std::string_view kLogin = "/api/config/v1/login";
constexpr std::string_view kOwnPassword = "/password";
constexpr std::uint32_t kRefusalsAnHour = 1000;

ApiResponse failed(const Error& error) {
  if (error.is(Fault::not_found)) return not_found();
  if (error.is(Fault::unavailable)) {
    log::warning("api", "the database cannot write", {{"error", error.message()}});
    ApiResponse response = message(503, "The appliance cannot store this now: " + error.message());
    response.headers.emplace_back("Retry-After", "5");
    return response;
  }
  log::error("api", "a request failed", {{"error", error.message()}});
  return message(500, "The appliance failed; its log says why.");
}

ApiResponse unauthenticated(std::string_view text) {
  ApiResponse response = message(401, text);
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

ApiResponse too_many(std::uint32_t seconds, std::string_view text) {
  ApiResponse response = message(429, text);
  response.headers.emplace_back("Retry-After", std::to_string(seconds));
  return response;
}

bool is_json(std::string_view content_type) {
  return content_type.substr(0, content_type.find(';')) == "application/json";
}

// The body as an object, or the response that says why not.
std::variant<json::object, ApiResponse> read_body(const ApiRequest& request) {
  if (request.body.empty()) return json::object();
  if (!is_json(request.content_type)) return message(415, "Send the body as application/json.");
  Result<json::value> value = parse_json_value(request.body, kBodyBytes);
  if (!value) return message(400, "The body is " + value.error().message() + ".");
  if (!value->is_object()) return message(400, "The body must be a JSON object.");
  return std::move(value->get_object());
}

bool changes_own_password(const Call& call) {
  return call.target.path.ends_with(kOwnPassword) && call.who.user && !call.arguments.empty() &&
         call.id() == call.who.user->id;
}

}  // namespace

struct Api::Impl {
  Impl(store::Store& s, const Presence& p, ApiOptions o)
      : store(s),
        presence(p),
        options(std::move(o)),
        requests(options.requests_a_second, options.requests_an_hour) {}

  ApiResponse authorized(Call& call, const Route& route);
  ApiResponse run(Call& call, const Route& route);
  // Not part of any request's transaction: a refused log-in stays on record.
  void record(const Principal& who, std::string_view source, std::string_view what, std::string object,
              std::string_view result, std::string_view text, std::int64_t now);

  store::Store& store;
  const Presence& presence;
  ApiOptions options;
  Memory memory;
  RequestLimit requests;
  LoginLimit logins;
  // Events of refused log-ins: from many sources under many names they must not fill the disk.
  RequestLimit refusals{kRefusalsAnHour, kRefusalsAnHour};
  // Compared with when there is no such user, so that time does not tell.
  std::string unmatched = identity::hash_password(identity::random_secret(32), options.scrypt).value();
};

Api::Api(store::Store& store, const Presence& presence, ApiOptions options)
    : impl_(std::make_unique<Impl>(store, presence, std::move(options))) {}
Api::~Api() = default;

ApiResponse Api::handle(const ApiRequest& request, const ApiClock& clock) {
  std::variant<ApiResponse, PasswordWork> step = begin(request, clock);
  if (auto* work = std::get_if<PasswordWork>(&step)) {
    work->run();
    return finish(std::move(*work), clock);
  }
  return std::move(std::get<ApiResponse>(step));
}

std::variant<ApiResponse, PasswordWork> Api::begin(const ApiRequest& request, const ApiClock& clock) {
  if (request.target.size() > kTargetBytes) return message(414, "The target is too long.");
  if (request.body.size() > kBodyBytes) return message(413, "The body is too large.");
  const Result<Target> target = parse_target(request.target);
  if (!target) return message(400, "The request is malformed: " + target.error().message() + ".");
  if (target->path == kLogin) return begin_login(request, clock);

  Match matched = match(request.method, target->segments);
  if (matched.route == nullptr) {
    if (matched.allow.empty()) return message(404, "There is no such path; GET /openapi.yaml lists all.");
    ApiResponse response = message(405, "This path does not take " + printable(request.method, 32) + ".");
    response.headers.emplace_back("Allow", matched.allow);
    return response;
  }
  Call call{impl_->store,
            impl_->presence,
            impl_->options,
            impl_->memory,
            request,
            *target,
            clock,
            {},
            std::move(matched.arguments),
            {},
            {}};
  if (matched.route->need == Need::open) {
    Reply reply = matched.route->handler(call);
    return reply ? std::move(*reply) : failed(reply.error());
  }
  const std::optional<std::string_view> token = bearer_token(request.authorization);
  if (!token) return unauthenticated("Send a token: Authorization: Bearer …");
  Result<Principal> who = authenticate(*token, request.remote_address, clock.wall);
  if (!who) {
    return who.error().is(Fault::unauthenticated)
               ? unauthenticated("The token is unknown, has expired or was revoked.")
               : failed(who.error());
  }
  call.who = std::move(*who);
  return impl_->authorized(call, *matched.route);
}

ApiResponse Api::Impl::authorized(Call& call, const Route& route) {
  const RequestLimit::Verdict verdict = requests.ask(call.who.name(), call.clock.now);
  ApiResponse response;
  if (!verdict.allowed) {
    response = too_many(verdict.retry_after,
                        "Too many requests: " + std::to_string(options.requests_a_second) + " a second and " +
                            std::to_string(options.requests_an_hour) + " an hour are allowed.");
  } else if (call.who.must_change_password && !changes_own_password(call) && route.handler != who_am_i &&
             route.handler != log_out) {
    response = forbidden("The password must be changed first: POST /user/{id}/password.");
  } else if (!allowed(route.need, call.who)) {
    response = forbidden("This needs a right that " + call.who.name() + " does not have.");
  } else {
    response = run(call, route);
  }
  response.headers.emplace_back("X-RateLimit-Limit", std::to_string(verdict.limit));
  response.headers.emplace_back("X-RateLimit-Remaining", std::to_string(verdict.remaining));
  return response;
}

ApiResponse Api::Impl::run(Call& call, const Route& route) {
  if (route.method == "GET") {
    Reply reply = route.handler(call);
    return reply ? std::move(*reply) : failed(reply.error());
  }
  std::variant<json::object, ApiResponse> body = read_body(call.request);
  if (auto* refusal = std::get_if<ApiResponse>(&body)) return std::move(*refusal);
  call.body = std::move(std::get<json::object>(body));

  std::optional<store::Transaction> whole(std::in_place, store.db());
  Reply reply = route.handler(call);
  if (reply && reply->status < 400) {
    const Result<void> committed = whole->commit();
    if (committed) {
      reply->effects = std::move(call.effects);
      return std::move(*reply);
    }
    reply = committed.error();
  }
  whole.reset();
  store.settings.reload();
  return reply ? std::move(*reply) : failed(reply.error());
}

// --- who is asking
// ------------------------------------------------------------------------------------------------

Result<Principal> Api::authenticate(std::string_view token, std::string_view remote_address,
                                    std::int64_t now) {
  const Error unknown(Fault::unauthenticated, "the token is unknown, has expired or was revoked");
  if (!identity::looks_like_token(token, kLoginPrefix) && !identity::looks_like_token(token, kApiPrefix))
    return unknown;
  store::Store& store = impl_->store;
  const Result<std::optional<store::Token>> found = store.tokens.find(identity::token_hash(token), now);
  if (!found) return found.error();
  if (!*found) return unknown;
  Principal who;
  who.token = **found;
  if (who.token.user_id) {
    Result<std::optional<store::User>> user = store.users.get(*who.token.user_id);
    if (!user) return user.error();
    if (!*user || !(*user)->enabled) return unknown;
    who.user = std::move(*user);
    who.must_change_password = who.user->password_reset_next_login ||
                               (who.user->password_expiration && *who.user->password_expiration <= now);
  } else {
    Result<std::optional<store::ApiAccount>> account = store.api_accounts.get(*who.token.account_id);
    if (!account) return account.error();
    if (!*account || !(*account)->enabled) return unknown;
    who.account = std::move(*account);
  }
  // A full disk must not lock everybody out who would clear it.
  static_cast<void>(store.tokens.note_use(who.token, remote_address, now));
  return who;
}

void PasswordWork::run() {
  matches_ = identity::verify_password(password_, stored_);
  if (!matches_ || !identity::needs_rehash(stored_, cost_)) return;
  Result<std::string> anew = identity::hash_password(password_, cost_);
  if (anew) rehashed_ = std::move(*anew);
}

std::variant<ApiResponse, PasswordWork> Api::begin_login(const ApiRequest& request, const ApiClock& clock) {
  if (request.method != "POST") {
    ApiResponse response = message(405, "This path does not take " + printable(request.method, 32) + ".");
    response.headers.emplace_back("Allow", "POST");
    return response;
  }
  std::variant<json::object, ApiResponse> body = read_body(request);
  if (auto* refusal = std::get_if<ApiResponse>(&body)) return std::move(*refusal);
  Faults faults;
  const auto text = [&](const char* name, std::size_t most) -> std::string {
    const json::value* value = std::get<json::object>(body).if_contains(name);
    if (value == nullptr || !value->is_string() || value->get_string().empty()) {
      faults[name].push_back("is required, as a string");
      return {};
    }
    if (value->get_string().size() > most)
      faults[name].push_back("is longer than " + std::to_string(most) + " bytes");
    return std::string(std::string_view(value->get_string()));
  };
  const std::string username = text("username", 256);
  const std::string password = text("password", identity::kPasswordBytes);
  if (!faults.empty()) return invalid(faults);

  const std::uint32_t wait = impl_->logins.wait(username, request.remote_address, clock.now);
  if (wait > 0) {
    return too_many(wait, "Too many failed log-ins: try again in " + std::to_string(wait) + " s.");
  }
  impl_->logins.attempt(username, request.remote_address, clock.now);
  PasswordWork work;
  work.password_ = Secret(std::string_view(password));
  work.username_ = username;
  work.remote_address_ = request.remote_address;
  work.cost_ = impl_->options.scrypt;
  work.stored_ = impl_->unmatched;
  const Result<std::optional<store::User>> user = impl_->store.users.by_name(username);
  if (!user) return failed(user.error());
  if (*user) {
    Result<std::string> stored = impl_->store.users.password_hash((*user)->id);
    if (!stored) return failed(stored.error());
    if (!stored->empty()) work.stored_ = std::move(*stored);
    work.user_ = (*user)->id;
  }
  return work;
}

ApiResponse Api::finish(PasswordWork work, const ApiClock& clock) {
  store::Store& store = impl_->store;
  Principal who;
  Result<std::optional<store::User>> user = store.users.get(work.user_);
  if (!user) return failed(user.error());
  bool right = work.matches_ && *user && (*user)->enabled;
  if (right) {
    // Changed while we were counting: the old one is void.
    const Result<std::string> stored = store.users.password_hash(work.user_);
    if (!stored) return failed(stored.error());
    right = *stored == work.stored_;
  }
  if (!right) {
    if (*user) static_cast<void>(store.users.note_login(work.user_, false, clock.wall));
    if (impl_->refusals.ask("log-in", clock.now).allowed) {
      impl_->record(who, work.remote_address_, "login", "user:" + printable(work.username_, 64), "refused",
                    "log-in refused", clock.wall);
    }
    return unauthenticated("The user name or the password is wrong, or the user is disabled.");
  }
  impl_->logins.succeeded(work.username_, work.remote_address_);
  who.user = std::move(*user);

  const Result<store::SiteSettings> site = store.settings.site();
  if (!site) return failed(site.error());
  const std::int64_t seconds = std::int64_t{site->console_token_minutes} * 60;
  const Secret secret = identity::make_token(kLoginPrefix);
  store::Transaction whole(store.db());
  store::Token token;
  token.kind = store::TokenKind::login;
  token.user_id = who.user->id;
  token.created_at = clock.wall;
  token.expires_at = clock.wall + seconds;
  token.last_address = work.remote_address_;
  Result<store::Token> made =
      store.tokens.create(token, identity::token_hash(secret.reveal_text()), clock.wall);
  if (!made) return failed(made.error());
  Result<void> done = store.users.note_login(who.user->id, true, clock.wall);
  if (done && !work.rehashed_.empty()) done = store.users.set_password(who.user->id, work.rehashed_);
  if (!done) return failed(done.error());
  impl_->record(who, work.remote_address_, "login", who.name(), "ok", "logged in", clock.wall);
  done = whole.commit();
  if (!done) return failed(done.error());

  const bool must_change = who.user->password_reset_next_login ||
                           (who.user->password_expiration && *who.user->password_expiration <= clock.wall);
  return json_response(200, json::object{{"access_token", json::string(secret.reveal_text())},
                                         {"token_type", "bearer"},
                                         {"expires_in", seconds},
                                         {"password_change_required", must_change},
                                         {"user", shown_user(*who.user)}});
}

void Api::Impl::record(const Principal& who, std::string_view source, std::string_view what,
                       std::string object, std::string_view result, std::string_view text, std::int64_t now) {
  store::Event event;
  event.at = now;
  event.who = who.name();
  event.source = source;
  event.what = what;
  event.object = std::move(object);
  event.result = result;
  event.text = text;
  const Result<std::int64_t> id = store.events.add(event);
  if (!id) log::warning("api", "an event was not stored", {{"what", what}, {"error", id.error().message()}});
}

Result<Startable> Api::may_start(std::int64_t user, std::int64_t asset) {
  return jump::api::may_start(impl_->store, impl_->options.vault_key, user, asset);
}

}  // namespace jump::api
