// What the resources do: assets, installers, groups, users, sessions, the site, events.
#include "common/identity/deployment_key.h"
#include "tools/appliance/api/api_fixture.h"
#include "tools/appliance/api/fields.h"

namespace jump::api {
namespace {

using O = json::object;
using ObjectsTest = ApiFixture;

TEST_F(ObjectsTest, ShowsAnAssetWithItsStateAndReports) {
  const std::int64_t group = add_group("Web servers");
  store::JumpClient client = add_client(group, "web-01");
  client.software_version = "0.0.9";
  ASSERT_TRUE(store->jump_clients.change(client));
  const std::string target = path("/jump-client/", client.id);
  Answer answer = get(target);
  EXPECT_EQ(answer.body.at("state").as_string(), "offline");
  EXPECT_EQ(answer.body.at("jump_group_name").as_string(), "Web servers");
  EXPECT_EQ(answer.body.at("public_site_address").as_string(), "jump.example");
  EXPECT_EQ(answer.body.at("expiration_timestamp").as_string(), iso8601(kNow + 180 * 86400 - 1000));
  EXPECT_TRUE(answer.body.at("needs_update").as_bool());
  EXPECT_FALSE(answer.body.as_object().contains("fqdn"));
  EXPECT_FALSE(answer.body.as_object().contains("last_seen"));
  clock.run += 7 * 86400;
  EXPECT_EQ(get(target).body.at("state").as_string(), "lost");
  EXPECT_EQ(get("/jump-client?is_lost=true").body.as_array().size(), 1u);
  EXPECT_EQ(get("/jump-client?is_lost=false").body.as_array().size(), 0u);
  presence.agents[client.agent] = {kNow - 60, "http-proxy 10.0.0.9:3128", 0};
  answer = get(target);
  EXPECT_EQ(answer.body.at("state").as_string(), "upgrade_pending");
  EXPECT_EQ(answer.body.at("route").as_string(), "http-proxy 10.0.0.9:3128");
  EXPECT_EQ(answer.body.at("online_since").as_string(), iso8601(kNow - 60));
  EXPECT_FALSE(answer.body.as_object().contains("expiration_timestamp"));
  presence.agents[client.agent].sessions = 2;
  EXPECT_EQ(get(target).body.at("state").as_string(), "in_use");
  ASSERT_TRUE(store->jump_clients.set_inventory(
      client.agent, {"h", "h.example", "Debian", "0.1.0", "10.0.0.7"}, O{{"hostname", "h"}}, kNow));
  answer = get(target);
  EXPECT_EQ(answer.body.at("inventory").at("hostname").as_string(), "h");
  EXPECT_EQ(answer.body.at("fqdn").as_string(), "h.example");
  EXPECT_FALSE(get("/jump-client").body.at(0).as_object().contains("inventory"));
  ASSERT_TRUE(store->jump_clients.set_uninstalled(client.agent));
  EXPECT_EQ(get(target).body.at("connection_type").as_string(), "uninstalled");
}

TEST_F(ObjectsTest, PagesAndFiltersLists) {
  const std::int64_t group = add_group("g");
  for (int n = 0; n < 12; ++n) add_client(group, "web-" + std::to_string(n));
  Answer page = get("/jump-client?per_page=5&current_page=2&search=web");
  EXPECT_EQ(page.body.as_array().size(), 5u);
  EXPECT_EQ(page.body.at(0).at("name").as_string(), "web-5");
  EXPECT_EQ(page.headers.at("X-BT-Pagination-Total"), "12");
  EXPECT_EQ(page.headers.at("X-BT-Pagination-Last-Page"), "3");
  EXPECT_EQ(page.headers.at("X-BT-Pagination-Current-Page"), "2");
  EXPECT_EQ(page.headers.at("X-BT-Pagination-Per-Page"), "5");
  const std::string base = "</api/config/v1/jump-client?current_page=";
  EXPECT_EQ(page.headers.at("Link"), base + "1&per_page=5&search=web>; rel=\"first\", " + base +
                                         "1&per_page=5&search=web>; rel=\"previous\", " + base +
                                         "3&per_page=5&search=web>; rel=\"next\", " + base +
                                         "3&per_page=5&search=web>; rel=\"last\"");
  EXPECT_EQ(get("/jump-client?current_page=9").body.as_array().size(), 0u);
  EXPECT_EQ(get("/jump-client?name=WEB-3").body.as_array().size(), 1u);
  EXPECT_EQ(get("/jump-client?name=WEB-3&hostname=web-4").body.as_array().size(), 0u);
  EXPECT_EQ(
      get("/jump-client?jump_group_id=" + std::to_string(group) + "&per_page=100").body.as_array().size(),
      12u);
  for (const char* bad : {"per_page=4", "per_page=101", "current_page=0", "per_page=x", "jump_group_type=x",
                          "jump_group_id=1.5"}) {
    EXPECT_EQ(get(std::string("/jump-client?") + bad).status, 422u) << bad;
  }
}

TEST_F(ObjectsTest, ChecksEveryFieldOfAnEditAndChangesNothingWhenOneIsWrong) {
  const std::int64_t group = add_group("g");
  const store::JumpClient client = add_client(group, "web-01");
  const std::string target = path("/jump-client/", client.id);
  const Answer wrong = patch(target, O{{"name", ""},
                                       {"tag", std::string(65, 'x')},
                                       {"comments", 5},
                                       {"colour", "red"},
                                       {"max_offline_minutes", -1},
                                       {"jump_policy_id", 3},
                                       {"is_quiet", nullptr},
                                       {"support_button_direct_queue", "queue"},
                                       {"customer_client_start_mode", "tiny"},
                                       {"name2\n", 1}});
  EXPECT_EQ(wrong.status, 422u);
  EXPECT_EQ(wrong.fault("name"), "has 0 characters, allowed are 1 to 128");
  EXPECT_EQ(wrong.fault("tag"), "has 65 characters, allowed are 0 to 64");
  EXPECT_EQ(wrong.fault("comments"), "must be a string");
  EXPECT_EQ(wrong.fault("colour"), "is not a field of JumpClient");
  EXPECT_EQ(wrong.fault("max_offline_minutes"), "-1 is out of range, 0 to 2147483647");
  EXPECT_EQ(wrong.fault("is_quiet"), "must not be null");
  EXPECT_EQ(wrong.fault("support_button_direct_queue"), "must be team: and a code name");
  EXPECT_EQ(wrong.fault("customer_client_start_mode"), "'tiny' is none of: normal, minimized, hidden");
  EXPECT_EQ(wrong.fault("name2\\x0a"), "is not a field of JumpClient");
  EXPECT_EQ(patch(target, O{{"jump_policy_id", 3}}).fault("jump_policy_id"), "there is no jump policy 3");
  EXPECT_EQ(patch(target, O{{"jump_group_id", 77}}).fault("jump_group_id"),
            "there is no group 77 that you may add to");
  EXPECT_EQ(patch(target, O{{"tag", "two\nlines"}}).status, 422u);
  EXPECT_EQ(event_count("asset.edit"), 0);

  const Answer right =
      patch(target, O{{"tag", "Ünïcode"}, {"hostname", "ignored"}, {"id", 99}, {"comments", "a\nb"}});
  EXPECT_EQ(right.status, 200u) << right.text;
  EXPECT_EQ(right.body.at("tag").as_string(), "Ünïcode");
  EXPECT_EQ(right.body.at("hostname").as_string(), "web-01");
  EXPECT_EQ(event_count("asset.edit"), 1);
  EXPECT_EQ(get("/event?what=asset.edit").body.at(0).at("details").at("tag").at(1).as_string(), "Ünïcode");
  // What was read can be sent back as it is.
  EXPECT_EQ(patch(target, get(target).body).status, 200u);
  EXPECT_EQ(event_count("asset.edit"), 1);
}

TEST_F(ObjectsTest, DisablesAndRemovesWithTheirConsequences) {
  const std::int64_t group = add_group("g");
  const store::JumpClient client = add_client(group, "web-01");
  const store::Session session = add_session(client, admin, 1);
  const std::string target = path("/jump-client/", client.id);
  Answer answer = patch(target, O{{"disabled", true}});
  EXPECT_EQ(answer.body.at("unavailable_reason").as_string(), "disabled");
  ASSERT_EQ(answer.effects.size(), 3u);
  EXPECT_EQ(std::get<EndSession>(answer.effects[1]).session, session.id);
  EXPECT_EQ(std::get<DisableAgent>(answer.effects[2]).agent, client.agent);
  const std::int64_t copy =
      post(target + "/copy", O{{"jump_group_id", add_group("h")}}).body.at("destId").as_int64();
  EXPECT_TRUE(get(path("/jump-client/", copy)).body.at("disabled").as_bool());
  answer = remove(target);
  EXPECT_EQ(answer.status, 204u);
  EXPECT_EQ(answer.text, "");
  ASSERT_EQ(answer.effects.size(), 1u);  // the session; the agent stays for its copy
  answer = remove(path("/jump-client/", copy));
  ASSERT_EQ(answer.effects.size(), 1u);
  EXPECT_EQ(std::get<UninstallEndpoint>(answer.effects[0]).endpoint, store::agent_endpoint(client.agent));
  EXPECT_EQ(remove(target).status, 404u);
  EXPECT_TRUE(store->jump_clients.tombstone(client.agent)->value().pending_uninstall);
}

TEST_F(ObjectsTest, MakesDeploymentKeysAndShowsThemAgain) {
  const std::int64_t group = add_group("g");
  const Answer made =
      post("/jump-client/installer", O{{"jump_group_id", group}, {"name", "n"}, {"valid_minutes", 60}});
  ASSERT_EQ(made.status, 201u) << made.text;
  const std::string key(made.body.at("key_info").at("encodedInfo").as_string());
  const Result<identity::DeploymentKey> parsed = identity::parse_deployment_key(key);
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(to_hex(parsed->installer), made.body.at("installer_id").as_string());
  EXPECT_EQ(parsed->addresses, std::vector<std::string>{"jump.example:443"});
  EXPECT_EQ(parsed->validity_minutes, 60u);
  const Bytes hash = store->installers.secret_hash(made.id()).value();
  EXPECT_TRUE(equal_in_constant_time(identity::deployment_secret_hash(parsed->secret), hash));
  EXPECT_EQ(get(path("/jump-client/installer/", made.id())).body.at("key_info").at("encodedInfo").as_string(),
            key);
  EXPECT_EQ(get(path("/jump-client/installer/", made.id()) + "/linux-x86").status, 404u);
  EXPECT_EQ(made.body.at("expiration_timestamp").as_string(), iso8601(kNow + 3600));
  clock.wall += 3600;
  EXPECT_TRUE(get(path("/jump-client/installer/", made.id())).body.at("expired").as_bool());
  const Answer extended = patch(path("/jump-client/installer/", made.id()), O{{"valid_minutes", 60}});
  EXPECT_EQ(extended.body.at("expiration_timestamp").as_string(), iso8601(kNow + 7200));
  EXPECT_EQ(post("/jump-client/installer", O{{"jump_group_id", group}, {"valid_minutes", 9}}).status, 422u);
  EXPECT_EQ(post("/jump-client/installer", O{{"name", "x"}}).fault("jump_group_id"), "is required");
  EXPECT_EQ(remove(path("/jump-group/", group)).fault("id"), "the group still has 0 assets and 1 installers");
}

TEST_F(ObjectsTest, ShowsAKeyOnceWithoutAMaster) {
  options.installer_master = Secret();
  open();
  const Answer made = post("/jump-client/installer", O{{"jump_group_id", add_group("g")}});
  EXPECT_NE(made.body.at("key_info").at("encodedInfo").as_string(), "");
  EXPECT_EQ(get(path("/jump-client/installer/", made.id())).body.at("key_info").at("encodedInfo").as_string(),
            "");
}

TEST_F(ObjectsTest, KeepsNamesOfGroupsAndUsersUnique) {
  const std::int64_t group = add_group("Web Servers");
  EXPECT_EQ(get(path("/jump-group/", group)).body.at("code_name").as_string(), "web-servers");
  EXPECT_EQ(post("/jump-group", O{{"name", "WEB servers"}}).fault("name"), "is taken by another group");
  EXPECT_EQ(post("/jump-group", O{{"name", "x"}, {"code_name", "a b"}}).fault("code_name"),
            "may hold letters, digits, - and _ only");
  EXPECT_EQ(post("/jump-group", O{{"name", "web-servers!"}}).body.at("code_name").as_string(),
            "web-servers-2");
  EXPECT_EQ(post("/user", O{{"username", "ADMIN"}}).fault("username"), "is taken by another user");
  EXPECT_EQ(post("/user", O{{"username", "a b"}}).status, 422u);
  EXPECT_EQ(post("/user", O{{"username", "b"}, {"password", "short"}}).fault("password"),
            "is shorter than 8 bytes");
  EXPECT_EQ(post("/user", O{{"username", "b"}, {"two_factor_required", true}}).status, 422u);
}

TEST_F(ObjectsTest, NeverLosesTheLastAdministrator) {
  EXPECT_EQ(patch(path("/user/", admin.id), O{{"enabled", false}}).fault("perm_admin"),
            "this is the last enabled administrator");
  EXPECT_EQ(patch(path("/user/", admin.id), O{{"perm_admin", false}}).status, 422u);
  EXPECT_EQ(remove(path("/user/", admin.id)).status, 422u);
  EXPECT_EQ(get("/whoami").status, 200u);  // and the token is not lost with the refused edit
  const std::int64_t other = post("/user", O{{"username", "second"}, {"perm_admin", true}}).id();
  EXPECT_EQ(remove(path("/user/", other)).status, 204u);
}

TEST_F(ObjectsTest, LetsOwnersAndAuditorsSeeSessions) {
  const std::int64_t group = add_group("g");
  const store::JumpClient client = add_client(group, "web-01");
  const store::User owner = add_user("owner"), auditor = add_user("auditor"), starter = add_user("starter");
  add_member(group, auditor.id, store::kAuditor);
  add_member(group, starter.id, store::kStartOnly);
  const store::Session session = add_session(client, owner, 1);
  ASSERT_TRUE(store->sessions.set_recording(session.id, "2026/1.cast"));
  const std::string target = "/session/" + to_hex(session.id), recording = "/recording/" + to_hex(session.id);
  const std::string as_owner = log_in("owner"), as_auditor = log_in("auditor"),
                    as_starter = log_in("starter");
  for (const std::string& token : {as_owner, as_auditor, admin_token}) {
    EXPECT_EQ(send("GET", target, token).status, 200u);
    EXPECT_EQ(send("GET", "/session", token).body.as_array().size(), 1u);
    EXPECT_EQ(send("GET", recording, token).file, "2026/1.cast");
  }
  EXPECT_EQ(send("GET", target, as_starter).status, 404u);
  EXPECT_EQ(send("GET", recording, as_starter).status, 404u);
  EXPECT_EQ(send("GET", "/session", as_starter).body.as_array().size(), 0u);
  EXPECT_EQ(send("POST", target + "/end", as_auditor).status, 403u);
  const Answer ended = send("POST", target + "/end", as_owner, O{{"reason", "done"}});
  EXPECT_EQ(ended.status, 204u);
  EXPECT_EQ(std::get<EndSession>(ended.effects.at(0)).reason, "ended by user:owner: done");
  ASSERT_TRUE(store->sessions.end(session.id, "ended", 5, kNow));
  EXPECT_EQ(send("POST", target + "/end", as_owner).status, 422u);
  EXPECT_EQ(get("/session?live=true").body.as_array().size(), 0u);
}

TEST_F(ObjectsTest, ChangesTheSiteAndTellsWhomItConcerns) {
  const Answer answer = patch("/site", O{{"addresses", json::array{"a.example:443", "[2001:db8::1]:8443"}},
                                         {"absence_days", 30},
                                         {"addresses_serial", 700}});
  EXPECT_EQ(answer.status, 200u) << answer.text;
  EXPECT_EQ(answer.body.at("addresses_serial").as_int64(), 2);
  ASSERT_EQ(answer.effects.size(), 2u);
  EXPECT_TRUE(std::get<SettingsChanged>(answer.effects[0]).agents_too);
  EXPECT_EQ(std::get<AnnounceAddresses>(answer.effects[1]).serial, 2u);
  EXPECT_EQ(patch("/site", O{{"addresses", json::array{"a.example"}}}).status, 422u);
  EXPECT_EQ(patch("/site", O{{"addresses", json::array{}}}).status, 422u);
  EXPECT_EQ(patch("/site", O{{"lost_days", 31}}).fault("lost_days"), "is longer than absence_days, 30");
  EXPECT_EQ(patch("/site", O{{"statistics", json::array{"screen"}}}).status, 422u);
  EXPECT_EQ(get("/site").body.at("absence_days").as_int64(), 30);
}

TEST_F(ObjectsTest, FollowsEventsFromAnId) {
  add_group("a");
  const std::int64_t last = get("/event?newest_first=true").body.at(0).at("id").as_int64();
  EXPECT_EQ(get("/event?since_id=" + std::to_string(last)).body.as_array().size(), 0u);
  add_group("b");
  const Answer later = get("/event?since_id=" + std::to_string(last));
  ASSERT_EQ(later.body.as_array().size(), 1u);
  EXPECT_EQ(later.body.at(0).at("who").as_string(), "user:admin");
  EXPECT_EQ(later.body.at(0).at("source").as_string(), "192.0.2.1");
  EXPECT_EQ(later.headers.at("X-BT-Pagination-Total"), "1");
}

TEST(Times, AreReadWithAndWithoutOffset) {
  EXPECT_EQ(parse_iso8601("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_iso8601("2026-11-21T20:45:00Z"), 1795293900);
  EXPECT_EQ(parse_iso8601("2026-11-21T21:45:00.123+01:00"), 1795293900);
  EXPECT_EQ(iso8601(1795293900), "2026-11-21T20:45:00Z");
  for (const char* bad : {"", "2026-11-21", "2026-02-30T00:00:00Z", "2026-11-21T24:00:00Z",
                          "2026-11-21T20:45:00", "2026-11-21T20:45:00Zx", "2026-11-21T20:45:00+1:00", "x"}) {
    EXPECT_FALSE(parse_iso8601(bad)) << bad;
  }
}

}  // namespace
}  // namespace jump::api
