// Jumpoints, the assets behind them and stored credentials: who may what, and what is refused.
#include "common/identity/deployment_key.h"
#include "tools/appliance/api/api_fixture.h"
#include "tools/appliance/api/jump_item_rules.h"
#include "tools/appliance/api/vault.h"

namespace jump::api {
namespace {

using O = json::object;

// A host key whose blob says what its text says.
std::string host_key(std::string_view type, std::uint8_t filling) {
  Bytes blob(4 + type.size() + 36, filling);
  put_u32(blob.data(), static_cast<std::uint32_t>(type.size()));
  std::copy(type.begin(), type.end(), blob.begin() + 4);
  return std::string(type) + " " + to_base64url(blob);
}

class JumpointTest : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    jumpoint = add_jumpoint("Main");
    group = add_group("Switches");
    bert = add_user("bert");
    bert_token = log_in("bert");
  }

  Answer as_bert(std::string method, const std::string& target, const json::value& body = nullptr) {
    return send(std::move(method), target, bert_token, body);
  }
  O wanted(std::string name = "switch-1") {
    return O{{"name", name},
             {"hostname", name + ".example"},
             {"jumpoint_id", jumpoint.id},
             {"jump_group_id", group},
             {"protocol", "ssh"}};
  }
  std::int64_t add_item(O with = {}) {
    O body = wanted();
    for (const auto& [key, value] : with) body[key] = value;
    const Answer made = post("/jump-item/shell-jump", body);
    EXPECT_EQ(made.status, 201u) << made.text;
    return made.id();
  }
  std::int64_t add_account(std::string password = "hunter2") {
    return post("/vault/account", O{{"type", "username_password"},
                                    {"name", "root"},
                                    {"username", "root"},
                                    {"password", std::move(password)}})
        .id();
  }

  store::Jumpoint jumpoint;
  std::int64_t group = 0;
  store::User bert;
  std::string bert_token;
};

TEST_F(JumpointTest, LetsOnlyWhoIsOnTheJumpointCreateAssetsAndWhoIsInTheGroupStartThem) {
  add_member(group, bert.id, store::kAdministrator);
  const Answer refused = as_bert("POST", "/jump-item/shell-jump", wanted());
  EXPECT_EQ(refused.status, 422u);
  EXPECT_NE(refused.fault("jumpoint_id").find("that you are on"), std::string::npos) << refused.text;
  EXPECT_EQ(as_bert("GET", path("/jumpoint/", jumpoint.id)).status, 404u);
  const std::int64_t item = add_item();
  EXPECT_TRUE(api->may_start(bert.id, item));
  ASSERT_EQ(post(path("/jumpoint/", jumpoint.id) + "/user", O{{"user_id", bert.id}}).status, 201u);
  const Answer made = as_bert("POST", "/jump-item/shell-jump", wanted("switch-2"));
  EXPECT_EQ(made.status, 201u) << made.text;
  EXPECT_EQ(as_bert("GET", "/jumpoint").body.as_array().size(), 1u);
  EXPECT_FALSE(as_bert("GET", path("/jumpoint/", jumpoint.id)).body.as_object().contains("key_info"));
  EXPECT_EQ(as_bert("POST", "/jumpoint", O{{"name", "x"}, {"platform", "linux-x86"}}).status, 403u);
  // On the Jumpoint, but not in the group.
  const std::int64_t other = add_group("Others");
  O elsewhere = wanted("switch-3");
  elsewhere["jump_group_id"] = other;
  EXPECT_EQ(as_bert("POST", "/jump-item/shell-jump", elsewhere).status, 422u);
}

TEST_F(JumpointTest, ShowsEachUserHisItemsAndFollowsHisRole) {
  const std::int64_t item = add_item();
  const std::string one = path("/jump-item/shell-jump/", item);
  EXPECT_EQ(as_bert("GET", one).status, 404u);
  EXPECT_EQ(as_bert("GET", "/jump-item/shell-jump").body.as_array().size(), 0u);
  add_member(group, bert.id, store::kStartOnly);
  EXPECT_EQ(as_bert("GET", one).status, 200u);
  EXPECT_EQ(as_bert("GET", "/jump-item/shell-jump?search=SWITCH").body.as_array().size(), 1u);
  EXPECT_EQ(as_bert("PATCH", one, O{{"tag", "x"}}).status, 403u);
  EXPECT_EQ(as_bert("DELETE", one).status, 403u);
  ASSERT_TRUE(store->groups.change_member(group, {bert.id, store::kAuditor}));
  EXPECT_TRUE(api->may_start(bert.id, item).error().is(Fault::refused));
  ASSERT_TRUE(store->groups.change_member(group, {bert.id, store::kNoAccess}));
  EXPECT_TRUE(api->may_start(bert.id, item).error().is(Fault::not_found));
  EXPECT_EQ(as_bert("GET", path("/jump-item/protocol-tunnel-jump/", item)).status, 404u);
  EXPECT_EQ(get(path("/jump-item/protocol-tunnel-jump/", item)).status, 404u);  // of the other kind
}

TEST_F(JumpointTest, RefusesSessionsWhereTheJumpointIsOffOrTheKindDoesNotFit) {
  const std::int64_t item = add_item();
  const std::string where = path("/jumpoint/", jumpoint.id);
  const Startable found = api->may_start(admin.id, item).value();
  EXPECT_EQ(found.ability, "ssh");
  EXPECT_EQ(found.target->port, 22);
  EXPECT_TRUE(check_kind(found, control::SessionKind::files));
  EXPECT_FALSE(check_kind(found, control::SessionKind::forward));
  ASSERT_EQ(patch(where, O{{"shell_jump_enabled", false}}).status, 200u);
  EXPECT_EQ(api->may_start(admin.id, item).error().message(),
            "Shell Jump is switched off on the Jumpoint Main");
  ASSERT_EQ(patch(where, O{{"enabled", false}}).status, 200u);
  EXPECT_EQ(api->may_start(admin.id, item).error().message(), "the Jumpoint Main is disabled");
  EXPECT_EQ(get(path("/jump-item/shell-jump/", item)).body.at("state").as_string(), "disabled");
}

TEST_F(JumpointTest, MakesTunnelsOfTheirPortPairs) {
  O body = wanted("db");
  body.erase("protocol");
  body["tunnel_definitions"] = "22;24;26;28";
  const Answer made = post("/jump-item/protocol-tunnel-jump", body);
  ASSERT_EQ(made.status, 201u) << made.text;
  EXPECT_EQ(made.body.at("tunnel_listen_address").as_string(), "127.0.0.1");
  const Startable found = api->may_start(admin.id, made.id()).value();
  ASSERT_EQ(found.target->ports.size(), 2u);
  EXPECT_EQ(found.target->ports[1].remote, 28);
  EXPECT_TRUE(check_kind(found, control::SessionKind::forward));
  EXPECT_FALSE(check_kind(found, control::SessionKind::shell));
  for (const char* wrong : {"", "22", "22;0", "22;24;22;26", "22;24;x;1", "22;65536", "22;-1", "22;24;;1"}) {
    EXPECT_EQ(
        patch(path("/jump-item/protocol-tunnel-jump/", made.id()), O{{"tunnel_definitions", wrong}}).status,
        422u)
        << wrong;
  }
  EXPECT_TRUE(parse_ports("0;80;0;443;"));
  const std::string one = path("/jump-item/protocol-tunnel-jump/", made.id());
  EXPECT_EQ(patch(one, O{{"tunnel_listen_address", "0.0.0.0"}}).status, 422u);
  EXPECT_EQ(patch(one, O{{"tunnel_type", "mssql"}}).fault("tunnel_type"),
            "this appliance makes tcp tunnels only");
}

TEST_F(JumpointTest, ChecksWhatAnItemSays) {
  const std::int64_t item = add_item();
  const std::string one = path("/jump-item/shell-jump/", item);
  EXPECT_EQ(patch(one, O{{"hostname", "-x"}}).status, 422u);
  EXPECT_EQ(patch(one, O{{"hostname", "2001:db8::1"}}).status, 200u);
  EXPECT_EQ(patch(one, O{{"port", 0}}).status, 422u);
  EXPECT_EQ(patch(one, O{{"keep_alive", 301}}).status, 422u);
  EXPECT_EQ(patch(one, O{{"filter_deny", json::array{"("}}}).status, 422u);
  EXPECT_EQ(patch(one, O{{"environment", json::array{"TERM=-x"}}}).status, 422u);
  EXPECT_EQ(patch(one, O{{"environment", json::array{"LANG=C.UTF-8"}}}).status, 200u);
  EXPECT_EQ(api->may_start(admin.id, item)->target->environment.at("LANG"), "C.UTF-8");
  EXPECT_EQ(patch(one, O{{"node_id", 99}}).status, 422u);
  EXPECT_EQ(patch(one, O{{"session_policy_id", 7}}).status, 422u);
  EXPECT_EQ(patch(one, O{{"protocol", "telnet"}}).body.at("port").as_int64(), 23);
  EXPECT_EQ(patch(one, O{{"protocol", "ssh"}, {"port", 2222}}).body.at("port").as_int64(), 2222);
  EXPECT_EQ(patch(one, O{{"protocol", "telnet"}}).body.at("port").as_int64(), 2222);
  O second = wanted("x");
  second["port"] = 8022;
  EXPECT_EQ(post("/jump-item/shell-jump", second).body.at("port").as_int64(), 8022);
}

TEST_F(JumpointTest, KeepsHostKeysForAdministratorsAndForTheVeryHost) {
  const std::int64_t item = add_item();
  const std::string one = path("/jump-item/shell-jump/", item), key = host_key("ssh-ed25519", 7);
  add_member(group, bert.id, store::kAdministrator);
  EXPECT_EQ(as_bert("PATCH", one, O{{"host_keys", json::array{}}}).status, 200u);  // nothing changes
  EXPECT_EQ(as_bert("PATCH", one, O{{"host_keys", json::array{json::string(key)}}}).status, 403u);
  EXPECT_EQ(patch(one, O{{"host_keys", json::array{"ssh-ed25519 AAAA"}}}).status, 422u);
  EXPECT_EQ(patch(one, O{{"host_keys", json::array{json::string(key)}}}).status, 200u);
  EXPECT_EQ(api->may_start(admin.id, item)->target->host_keys, std::vector<std::string>{key});
  EXPECT_EQ(as_bert("PATCH", one, O{{"host_keys", json::array{}}}).status, 403u);
  EXPECT_EQ(as_bert("PATCH", one, O{{"tag", "core"}}).status, 200u);
  EXPECT_EQ(get(one).body.at("host_keys").as_array().size(), 1u);
  EXPECT_EQ(as_bert("PATCH", one, O{{"hostname", "other.example"}}).status, 200u);
  EXPECT_EQ(get(one).body.at("host_keys").as_array().size(), 0u);
}

TEST_F(JumpointTest, NeverShowsAStoredCredentialAndInjectsItForWhoeverMayStart) {
  const std::int64_t account = add_account();
  const std::int64_t item = add_item(O{{"vault_account_id", account}});
  EXPECT_EQ(get("/vault/account").text.find("hunter2"), std::string::npos);
  EXPECT_EQ(get(path("/jump-item/shell-jump/", item)).text.find("hunter2"), std::string::npos);
  add_member(group, bert.id, store::kStartOnly);
  const Startable found = api->may_start(bert.id, item).value();
  ASSERT_TRUE(found.target->credential);
  EXPECT_EQ(found.target->credential->username, "root");
  EXPECT_EQ(found.target->credential->password->reveal_text(), "hunter2");
  EXPECT_EQ(as_bert("GET", path("/vault/account/", account)).status, 403u);
  EXPECT_EQ(remove(path("/vault/account/", account)).status, 422u);
  ASSERT_EQ(patch(path("/vault/account/", account), O{{"password", "hunter3"}}).status, 200u);
  EXPECT_EQ(api->may_start(bert.id, item)->target->credential->password->reveal_text(), "hunter3");
  for (const store::Event& event : store->events.list({}, 100).value()) {
    EXPECT_EQ(json::serialize(event.details).find("hunter"), std::string::npos) << event.what;
  }
  // A box opens for its account only, and only with the appliance's key.
  const Bytes box = store->vault_accounts.sealed(account).value();
  EXPECT_EQ(as_text(box).find("hunter"), std::string_view::npos);
  EXPECT_TRUE(open_secrets(options.vault_key, account, box));
  EXPECT_FALSE(open_secrets(options.vault_key, account + 1, box));
  options.vault_key = Secret(Bytes(32, 9));
  open();
  EXPECT_TRUE(api->may_start(bert.id, item).error().is(Fault::unauthenticated));
}

TEST_F(JumpointTest, SendsAStoredCredentialNowhereElseForOthersThanAdministrators) {
  const std::int64_t item = add_item(O{{"vault_account_id", add_account()}});
  const std::string one = path("/jump-item/shell-jump/", item);
  add_member(group, bert.id, store::kAdministrator);
  ASSERT_TRUE(store->jumpoints.add_user(jumpoint.id, bert.id));
  EXPECT_EQ(as_bert("PATCH", one, O{{"hostname", "evil.example"}}).status, 403u);
  EXPECT_EQ(as_bert("PATCH", one, O{{"port", 2222}}).status, 403u);
  EXPECT_EQ(as_bert("PATCH", one, O{{"tag", "core"}}).status, 200u);
  O another = wanted("evil");
  another["vault_account_id"] = 1;
  EXPECT_EQ(as_bert("POST", "/jump-item/shell-jump", another).status, 403u);
  const Answer copy = as_bert("POST", one + "/copy", O{{"jump_group_id", group}});
  ASSERT_EQ(copy.status, 200u) << copy.text;
  EXPECT_FALSE(api->may_start(bert.id, copy.body.at("destId").as_int64())->target->credential);
  const Answer whole = post(one + "/copy", O{{"jump_group_id", group}});
  EXPECT_TRUE(api->may_start(bert.id, whole.body.at("destId").as_int64())->target->credential);
}

TEST_F(JumpointTest, WantsTheSecretsThatFitTheType) {
  const auto stored = [&](O body) {
    body["name"] = "n" + std::to_string(body.size()) + json::serialize(body);
    body["username"] = "root";
    return post("/vault/account", body);
  };
  EXPECT_EQ(stored(O{{"type", "username_password"}}).fault("password"), "is required");
  EXPECT_EQ(stored(O{{"type", "ssh"}, {"password", "x"}}).fault("password"),
            "belongs to type username_password");
  EXPECT_EQ(stored(O{{"type", "ssh"}, {"private_key", "rubbish"}}).status, 422u);
  EXPECT_EQ(stored(O{{"type", "ssh"}, {"private_key", "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"}}).status,
            201u);
  EXPECT_EQ(stored(O{{"type", "opaque_token"}}).status, 422u);
}

TEST_F(JumpointTest, ChecksTheZoneProxyAndWarnsOfWhatMayBeAMistake) {
  const std::string one = path("/jumpoint/", jumpoint.id);
  EXPECT_EQ(patch(one, O{{"jzp_proxy_hostname", "https://gw.example"}}).status, 422u);
  EXPECT_EQ(patch(one, O{{"jzp_proxy_port", 65536}}).status, 422u);
  const Answer wrong = patch(one, O{{"jzp_restricted_ips", json::array{"10.0.0.0/8", "ten"}}});
  EXPECT_NE(wrong.fault("jzp_restricted_ips").find("line 2"), std::string::npos) << wrong.text;
  const Answer odd =
      patch(one, O{{"jzp_proxy_hostname", "10.0.0.1"},
                   {"jzp_restricted_ips", json::array{"10.1.2.3/8", "192.168.0.0/255.255.0.0"}}});
  ASSERT_EQ(odd.status, 200u) << odd.text;
  EXPECT_EQ(odd.body.at("warnings").as_array().size(), 2u) << odd.text;
  ASSERT_EQ(odd.effects.size(), 1u);
  EXPECT_EQ(std::get<ZoneChanged>(odd.effects[0]).jumpoint, jumpoint.id);
  EXPECT_TRUE(patch(one, O{{"comments", "x"}}).effects.empty());
}

TEST_F(JumpointTest, RedeploysWithAnotherKeyAndKeepsAssetsAndSettings) {
  const store::Node node = add_node(jumpoint.id, "gw-1");
  const std::int64_t item = add_item();
  const std::string one = path("/jumpoint/", jumpoint.id);
  const std::string key(get(one).body.at("key_info").as_string());
  EXPECT_FALSE(key.empty());
  const Answer again = post(one + "/redeploy");
  ASSERT_EQ(again.status, 200u) << again.text;
  EXPECT_NE(std::string(again.body.at("key_info").as_string()), key);
  EXPECT_EQ(std::get<UninstallEndpoint>(again.effects[0]).endpoint, store::node_endpoint(node.id));
  EXPECT_TRUE(store->jumpoints.node_tombstone(node.id)->value().pending_uninstall);
  EXPECT_EQ(store->jump_items.get(item)->value().jumpoint_id, jumpoint.id);
  EXPECT_EQ(get(one + "/installer").body.at("key_info").at("encodedInfo").as_string(),
            again.body.at("key_info").as_string());
}

TEST_F(JumpointTest, LeavesAClusterOnlyWithOneNode) {
  const std::string one = path("/jumpoint/", jumpoint.id);
  ASSERT_EQ(patch(one, O{{"clustered", true}}).status, 200u);
  const store::Node first = add_node(jumpoint.id, "gw-1");
  add_node(jumpoint.id, "gw-2");
  EXPECT_EQ(patch(one, O{{"clustered", false}}).status, 422u);
  ASSERT_EQ(remove(one + path("/node/", first.id)).status, 204u);
  EXPECT_EQ(patch(one, O{{"clustered", false}}).status, 200u);
  EXPECT_EQ(get(one + path("/node/", first.id)).status, 404u);
}

TEST_F(JumpointTest, PutsTheProxiesIntoKeysOfInstallersMadeThroughIt) {
  const O wanted_installer{{"jump_group_id", group}, {"jumpoint_proxy", "main"}};
  EXPECT_EQ(post("/jump-client/installer", wanted_installer).status, 422u);  // switched off
  ASSERT_EQ(patch(path("/jumpoint/", jumpoint.id), O{{"jzp_enabled", true}}).status, 200u);
  const store::Node node = add_node(jumpoint.id, "gw-1");
  ASSERT_TRUE(store->jumpoints.set_zone_proxy(node.id, O{{"listening", true}, {"address", "gw-1:9555"}}));
  const Answer made = post("/jump-client/installer", wanted_installer);
  ASSERT_EQ(made.status, 201u) << made.text;
  const identity::DeploymentKey key =
      identity::parse_deployment_key(std::string_view(made.body.at("key_info").at("encodedInfo").as_string()))
          .value();
  EXPECT_EQ(key.proxies, std::vector<std::string>{"gw-1:9555"});
  EXPECT_EQ(post("/jump-client/installer", O{{"jump_group_id", group}, {"jumpoint_proxy", "nowhere"}}).status,
            422u);
}

TEST_F(JumpointTest, EndsTheSessionsOfAnItemThatIsRemoved) {
  const std::int64_t item = add_item();
  store::Session session;
  session.id = {1};
  session.asset = item;
  session.asset_kind = store::AssetKind::shell_jump;
  session.user_id = admin.id;
  session.kind = "shell";
  session.arguments = O{};
  ASSERT_TRUE(store->sessions.create(session).value());
  const Answer gone = remove(path("/jump-item/shell-jump/", item));
  ASSERT_EQ(gone.status, 204u);
  EXPECT_EQ(std::get<EndSession>(gone.effects[0]).session, session.id);
  EXPECT_EQ(get("/session").body.at(0).at("asset_kind").as_string(), "shell_jump");
}

}  // namespace
}  // namespace jump::api
