// Who gets in, how often, and what he sees.
#include "tools/appliance/api/api_fixture.h"

namespace jump::api {
namespace {

using AccessTest = ApiFixture;

std::string basic(const std::string& id, const std::string& secret) {
  std::string text = to_base64url(to_bytes(id + ":" + secret));
  return "Basic " + text;
}

TEST_F(AccessTest, LogsInAndOut) {
  const Answer in = try_log_in("Admin");
  EXPECT_EQ(in.status, 200u);
  EXPECT_EQ(in.body.at("token_type").as_string(), "bearer");
  EXPECT_EQ(in.body.at("expires_in").as_int64(), 720 * 60);
  const std::string token(in.body.at("access_token").as_string());
  EXPECT_EQ(send("GET", "/whoami", token).body.at("name").as_string(), "user:admin");
  const Answer out = send("POST", "/logout", token);
  EXPECT_EQ(out.status, 204u);
  EXPECT_EQ(out.effects.size(), 1u);
  EXPECT_EQ(send("GET", "/whoami", token).status, 401u);
  EXPECT_EQ(send("GET", "/whoami", admin_token).status, 200u);
  clock.wall += 720 * 60;
  EXPECT_EQ(send("GET", "/whoami", admin_token).status, 401u);
}

TEST_F(AccessTest, SaysTheSameToWrongPasswordUnknownUserAndDisabledOne) {
  store::User bert = add_user("bert");
  const Answer wrong = try_log_in("bert", "nope");
  const Answer unknown = try_log_in("nobody");
  bert = store->users.get(bert.id)->value();
  EXPECT_EQ(bert.failed_logins, 1);
  bert.enabled = false;
  ASSERT_TRUE(store->users.change(bert));
  const Answer disabled = try_log_in("bert");
  EXPECT_EQ(wrong.status, 401u);
  EXPECT_EQ(wrong.text, unknown.text);
  EXPECT_EQ(wrong.text, disabled.text);
  EXPECT_EQ(wrong.headers, unknown.headers);
  EXPECT_EQ(event_count("login"), 4);
}

TEST_F(AccessTest, DelaysGuessesForTheUserAndForTheSource) {
  for (int n = 0; n < 3; ++n) EXPECT_EQ(try_log_in("admin", "guess").status, 401u);
  const Answer slow = try_log_in("admin");
  EXPECT_EQ(slow.status, 429u);
  EXPECT_EQ(slow.headers.at("Retry-After"), "1");
  remote = "192.0.2.2";
  EXPECT_EQ(try_log_in("ADMIN").status, 429u);  // the user, from anywhere
  clock.now += std::chrono::seconds(1);
  EXPECT_EQ(try_log_in("admin", "guess").status, 401u);
  clock.now += std::chrono::seconds(1);
  EXPECT_EQ(try_log_in("admin").headers.at("Retry-After"), "1");
  clock.now += std::chrono::seconds(1);
  EXPECT_EQ(try_log_in("admin").status, 200u);
  remote = "2001:db8::1";
  for (int n = 0; n < 10; ++n) EXPECT_EQ(try_log_in("guess" + std::to_string(n)).status, 401u);
  remote = "2001:db8::2";
  EXPECT_EQ(try_log_in("admin").status, 429u);  // the same /64
  remote = "2001:db8:0:1::2";
  EXPECT_EQ(try_log_in("admin").status, 200u);
}

TEST_F(AccessTest, RefusesALoginWhosePasswordChangedMeanwhile) {
  ApiRequest request;
  request.method = "POST";
  request.target = "/api/config/v1/login";
  request.content_type = "application/json";
  request.body = R"({"username":"admin","password":"correct horse"})";
  auto step = api->begin(request, clock);
  auto& work = std::get<PasswordWork>(step);
  work.run();
  ASSERT_TRUE(store->users.set_password(admin.id, "other"));
  EXPECT_EQ(api->finish(std::move(work), clock).status, 401u);
}

TEST_F(AccessTest, DoesNotFillTheEventsWithRefusals) {
  for (int n = 0; n < 1100; ++n) {
    remote = "10.0." + std::to_string(n / 250) + "." + std::to_string(n % 250);
    EXPECT_EQ(try_log_in("guess" + std::to_string(n)).status, 401u);
  }
  EXPECT_LE(event_count("login"), 1001);
}

TEST_F(AccessTest, WantsAWholeLogin) {
  EXPECT_EQ(send("POST", "/login", {}, json::object{}).fault("username"), "is required, as a string");
  EXPECT_EQ(send("POST", "/login", {}, json::array{}).status, 400u);
  EXPECT_EQ(send("GET", "/login").status, 405u);
  EXPECT_EQ(send("POST", "/login", {}, json::object{{"username", "a"}, {"password", std::string(2000, 'x')}})
                .status,
            422u);
}

TEST_F(AccessTest, GivesTokensForClientCredentials) {
  const Answer made = post("/api-account", json::object{{"name", "terraform"}, {"perm_configuration", true}});
  ASSERT_EQ(made.status, 201u) << made.text;
  const std::string id(made.body.at("client_id").as_string()),
      secret(made.body.at("client_secret").as_string());
  EXPECT_EQ(id.size(), 40u);
  EXPECT_FALSE(get(path("/api-account/", made.id())).body.as_object().contains("client_secret"));
  ApiRequest request;
  request.method = "POST";
  request.target = "/oauth2/token";
  request.content_type = "application/x-www-form-urlencoded";
  request.remote_address = remote;
  request.authorization = basic(id, secret);
  request.body = "grant_type=client_credentials";
  Answer answer = send(request);
  ASSERT_EQ(answer.status, 200u) << answer.text;
  EXPECT_EQ(answer.body.at("expires_in").as_int64(), 3600);
  const std::string token(answer.body.at("access_token").as_string());
  EXPECT_EQ(send("GET", "/jump-group", token).status, 200u);
  EXPECT_EQ(send("GET", "/whoami", token).body.at("name").as_string(), "account:terraform");
  EXPECT_EQ(send("GET", "/token", token).status, 403u);
  EXPECT_EQ(send("GET", "/event", token).status, 403u);
  EXPECT_EQ(send("GET", "/session", token).status, 403u);

  request.authorization.clear();
  request.body = "grant_type=client_credentials&client_id=" + id + "&client_secret=" + secret;
  EXPECT_EQ(send(request).status, 200u);
  request.body = "grant_type=password&client_id=" + id + "&client_secret=" + secret;
  EXPECT_EQ(send(request).body.at("error").as_string(), "unsupported_grant_type");
  request.body = "grant_type=client_credentials&client_id=" + id + "&client_secret=wrong";
  EXPECT_EQ(send(request).body.at("error").as_string(), "invalid_client");
  EXPECT_EQ(get(path("/api-account/", made.id())).body.at("failed_login_attempts").as_int64(), 1);
  request.body = "grant_type=client_credentials";
  EXPECT_EQ(send(request).status, 401u);

  const Answer renewed = post(path("/api-account/", made.id()) + "/secret");
  EXPECT_EQ(renewed.effects.size(), 2u);
  EXPECT_EQ(send("GET", "/jump-group", token).status, 401u);
  request.body +=
      "&client_id=" + id + "&client_secret=" + std::string(renewed.body.at("client_secret").as_string());
  EXPECT_EQ(send(request).status, 200u);
  patch(path("/api-account/", made.id()), json::object{{"ip_addresses", "192.0.2.9\n192.0.2.10"}});
  EXPECT_EQ(send(request).status, 401u);
  request.remote_address = "192.0.2.10";
  EXPECT_EQ(send(request).status, 200u);
}

TEST_F(AccessTest, LimitsRequestsASecondAndAnHour) {
  options.requests_a_second = 20;
  options.requests_an_hour = 50;
  open();
  for (int n = 0; n < 20; ++n) EXPECT_EQ(get("/whoami").status, 200u);
  const Answer slow = get("/whoami");
  EXPECT_EQ(slow.status, 429u);
  EXPECT_EQ(slow.headers.at("X-RateLimit-Limit"), "50");
  EXPECT_EQ(slow.headers.at("X-RateLimit-Remaining"), "30");
  EXPECT_EQ(slow.headers.at("Retry-After"), "1");
  add_user("bert");
  const std::string bert = log_in("bert");
  EXPECT_EQ(send("GET", "/whoami", bert).status, 200u);  // another account's
  for (int n = 0; n < 30; ++n) {
    clock.now += std::chrono::seconds(1);
    EXPECT_EQ(get("/whoami").status, 200u);
  }
  clock.now += std::chrono::seconds(1);
  EXPECT_EQ(get("/whoami").headers.at("Retry-After"), std::to_string(3600 - 31));
  clock.now += std::chrono::hours(1);
  EXPECT_EQ(get("/whoami").status, 200u);
}

TEST_F(AccessTest, RefusesRubbishBeforeAnythingElse) {
  EXPECT_EQ(send("GET", "/jump-client").status, 401u);
  EXPECT_EQ(send("GET", "/jump-client", "jct_x").status, 401u);
  EXPECT_EQ(send("GET", "/jump-client", "jct_" + std::string(43, 'A')).status, 401u);
  EXPECT_EQ(get("/nothing").status, 404u);
  EXPECT_EQ(send("PUT", "/jump-client", admin_token).headers.at("Allow"), "GET");
  EXPECT_EQ(send("PATCH", "/jump-client/installer", admin_token).status, 405u);
  EXPECT_EQ(get("/jump-client/%zz").status, 400u);
  EXPECT_EQ(get("/jump-client?name=%ff").status, 400u);
  EXPECT_EQ(get("/jump-client?name=a&name=b").status, 400u);
  EXPECT_EQ(get("/jump-client?nmae=a").fault("nmae"), "is no filter here");
  EXPECT_EQ(get("/" + std::string(9000, 'a')).status, 414u);
  EXPECT_EQ(get("/jump-client/1%2f2").status, 404u);
  ApiRequest request;
  request.method = "POST";
  request.target = "/api/config/v1/jump-group";
  request.authorization = "Bearer " + admin_token;
  request.body = "{\"name\":\"x\"}";
  EXPECT_EQ(send(request).status, 415u);
  request.content_type = "application/json; charset=utf-8";
  EXPECT_EQ(send(request).status, 201u);
  request.body = std::string(100, '[');
  EXPECT_EQ(send(request).status, 400u);
  request.body = std::string(kBodyBytes + 1, ' ');
  EXPECT_EQ(send(request).status, 413u);
  request.body = "[]";
  EXPECT_EQ(send(request).status, 400u);
}

TEST_F(AccessTest, ShowsAUserOnlyWhatIsHis) {
  const store::User bert = add_user("bert");
  const std::int64_t mine = add_group("Mine"), other = add_group("Other");
  add_member(mine, bert.id, store::kStartOnly);
  const store::JumpClient seen = add_client(mine, "seen"), hidden = add_client(other, "hidden");
  const std::string token = log_in("bert");
  const auto as_bert = [&](const std::string& method, const std::string& target,
                           const json::value& body = nullptr) { return send(method, target, token, body); };
  EXPECT_EQ(as_bert("GET", "/jump-client").body.as_array().size(), 1u);
  EXPECT_EQ(as_bert("GET", path("/jump-client/", seen.id)).status, 200u);
  const Answer theirs = as_bert("GET", path("/jump-client/", hidden.id)),
               none = as_bert("GET", "/jump-client/99999");
  EXPECT_EQ(theirs.status, 404u);
  EXPECT_EQ(theirs.text, none.text);
  EXPECT_EQ(as_bert("DELETE", path("/jump-client/", hidden.id)).text, none.text);
  EXPECT_EQ(as_bert("DELETE", path("/jump-client/", seen.id)).status, 403u);
  EXPECT_EQ(as_bert("PATCH", path("/jump-client/", seen.id), json::object{{"tag", "x"}}).message(),
            "Your role does not allow to change: tag.");
  EXPECT_EQ(as_bert("PATCH", path("/jump-client/", seen.id), json::object{{"tag", ""}}).status,
            200u);  // as it is
  EXPECT_EQ(as_bert("GET", "/jump-group").body.as_array().size(), 1u);
  EXPECT_EQ(as_bert("GET", path("/jump-group/", other)).status, 404u);
  EXPECT_EQ(as_bert("POST", "/jump-group", json::object{{"name", "x"}}).status, 403u);
  EXPECT_EQ(as_bert("GET", "/user").body.as_array().size(), 1u);
  EXPECT_EQ(as_bert("GET", path("/user/", admin.id)).status, 404u);
  EXPECT_EQ(as_bert("PATCH", path("/user/", bert.id), json::object{{"perm_admin", true}}).status, 403u);
  EXPECT_EQ(
      as_bert("POST", "/jump-client/installer", json::object{{"jump_group_id", mine}}).fault("jump_group_id"),
      as_bert("POST", "/jump-client/installer", json::object{{"jump_group_id", mine}})
          .fault("jump_group_id"));
  EXPECT_EQ(as_bert("POST", "/jump-client/installer", json::object{{"jump_group_id", mine}}).status, 422u);
  EXPECT_EQ(as_bert("GET", "/event").status, 403u);
  EXPECT_EQ(as_bert("GET", "/site").status, 403u);
  EXPECT_EQ(as_bert("GET", "/api-account").status, 403u);

  ASSERT_TRUE(store->groups.change_member(mine, {bert.id, store::kAdministrator}));
  EXPECT_EQ(as_bert("PATCH", path("/jump-client/", seen.id), json::object{{"tag", "x"}}).status, 200u);
  EXPECT_EQ(as_bert("PATCH", path("/jump-client/", seen.id), json::object{{"jump_group_id", other}}).status,
            422u);
  EXPECT_EQ(as_bert("POST", "/jump-client/installer", json::object{{"jump_group_id", mine}}).status, 201u);
  EXPECT_EQ(as_bert("POST", "/jump-client/installer", json::object{{"jump_group_id", other}}).status, 422u);
  ASSERT_TRUE(store->groups.change_member(mine, {bert.id, store::kNoAccess}));
  EXPECT_EQ(as_bert("GET", path("/jump-client/", seen.id)).status, 404u);
  EXPECT_EQ(as_bert("GET", "/jump-client/installer").body.as_array().size(), 0u);
}

TEST_F(AccessTest, LetsStartWhoMayStart) {
  const store::User bert = add_user("bert");
  const std::int64_t mine = add_group("Mine");
  store::JumpClient client = add_client(mine, "web-01");
  EXPECT_TRUE(api->may_start(admin.id, client.id));
  EXPECT_TRUE(api->may_start(bert.id, client.id).error().is(Fault::not_found));
  EXPECT_TRUE(api->may_start(bert.id, 4711).error().is(Fault::not_found));
  add_member(mine, bert.id, store::kAuditor);
  EXPECT_TRUE(api->may_start(bert.id, client.id).error().is(Fault::refused));
  ASSERT_TRUE(store->groups.change_member(mine, {bert.id, store::kStartOnly}));
  EXPECT_EQ(api->may_start(bert.id, client.id)->agent, client.agent);
  client.disabled = true;
  ASSERT_TRUE(store->jump_clients.change(client));
  EXPECT_EQ(api->may_start(bert.id, client.id).error().message(), "web-01 is disabled");
}

TEST_F(AccessTest, AuthenticatesTokensForConsoles) {
  EXPECT_EQ(api->authenticate(admin_token, remote, kNow)->user->id, admin.id);
  EXPECT_TRUE(api->authenticate("nonsense", remote, kNow).error().is(Fault::unauthenticated));
  EXPECT_EQ(store->tokens.of_user(admin.id, kNow, {})->items.at(0).last_address, remote);
}

TEST_F(AccessTest, MakesPersonalTokensThatDieWithTheUser) {
  const store::User bert = add_user("bert");
  const std::string login = log_in("bert");
  EXPECT_EQ(send("POST", "/token", login, json::object{{"name", "ci"}, {"valid_days", 400}}).status, 422u);
  const Answer made = send("POST", "/token", login, json::object{{"name", "ci"}, {"valid_days", 30}});
  ASSERT_EQ(made.status, 201u) << made.text;
  const std::string token(made.body.at("token").as_string());
  EXPECT_EQ(made.body.at("expires_timestamp").as_string(), iso8601(kNow + 30 * 86400));
  EXPECT_EQ(send("GET", "/token", token).body.as_array().size(), 2u);
  EXPECT_FALSE(send("GET", "/token", token).body.at(1).as_object().contains("token"));
  EXPECT_EQ(send("DELETE", path("/token/", store->tokens.of_user(admin.id, kNow, {})->items.at(0).id), token)
                .status,
            404u);
  const store::JumpClient client = add_client(add_group("g"), "c");
  add_session(client, bert, 1);
  const Answer off = patch(path("/user/", bert.id), json::object{{"enabled", false}});
  EXPECT_EQ(off.status, 200u) << off.text;
  EXPECT_EQ(off.effects.size(), 3u);  // two tokens, one session
  EXPECT_EQ(send("GET", "/token", token).status, 401u);
}

TEST_F(AccessTest, WantsANewPasswordBeforeAnythingElse) {
  const Answer made = post("/user", json::object{{"username", "carl"},
                                                 {"password", "first password"},
                                                 {"password_reset_next_login", true}});
  ASSERT_EQ(made.status, 201u) << made.text;
  const Answer in = try_log_in("carl", "first password");
  EXPECT_TRUE(in.body.at("password_change_required").as_bool());
  const std::string token(in.body.at("access_token").as_string());
  EXPECT_EQ(send("GET", "/jump-client", token).status, 403u);
  EXPECT_EQ(send("GET", "/whoami", token).status, 200u);
  const std::string own = path("/user/", made.id()) + "/password";
  EXPECT_EQ(send("POST", own, token, json::object{{"password", "second password"}}).status, 422u);
  EXPECT_EQ(send("POST", own, token, json::object{{"password", "second password"}, {"current_password", "x"}})
                .status,
            422u);
  EXPECT_EQ(send("POST", path("/user/", admin.id) + "/password", token,
                 json::object{{"password", "second password"}})
                .status,
            403u);
  EXPECT_EQ(send("POST", own, token,
                 json::object{{"password", "second password"}, {"current_password", "first password"}})
                .status,
            204u);
  EXPECT_EQ(send("GET", "/jump-client", token).status, 200u);
  EXPECT_EQ(try_log_in("carl", "first password").status, 401u);
  EXPECT_EQ(try_log_in("carl", "second password").status, 200u);
}

}  // namespace
}  // namespace jump::api
