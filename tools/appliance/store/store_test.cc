#include "tools/appliance/store/store.h"

#include <gtest/gtest.h>

namespace jump::store {
namespace {

constexpr std::int64_t kNow = 1'790'000'000;

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Store>> opened = Store::open(":memory:", kNow);
    ASSERT_TRUE(opened) << opened.error().message();
    store = std::move(*opened);
  }

  User user(std::string name, bool admin = false) {
    User user;
    user.username = name;
    user.public_display_name = user.private_display_name = name;
    user.perm_admin = admin;
    user.created_at = kNow;
    return store->users.create(user, "hash").value();
  }
  JumpGroup group(std::string name) {
    JumpGroup group;
    group.name = std::move(name);
    return store->groups.create(group).value();
  }
  JumpClient client(std::int64_t group_id, std::string name) {
    JumpClient client;
    client.jump_group_id = group_id;
    client.name = client.hostname = std::move(name);
    client.created_at = kNow;
    return store->jump_clients.create(client, 0).value();
  }
  std::vector<std::string> found(const JumpClientFilter& filter, Page page = {}) {
    std::vector<std::string> names;
    for (const JumpClientRow& row : store->jump_clients.list(filter, page).value().items)
      names.push_back(row.name);
    return names;
  }
  std::vector<std::string> search(std::string words) {
    JumpClientFilter filter;
    filter.search = std::move(words);
    return found(filter);
  }

  std::unique_ptr<Store> store;
};

using Names = std::vector<std::string>;

TEST_F(StoreTest, KeepsSettingsAndRaisesTheSerialOfAddressesByItself) {
  SiteSettings settings = store->settings.site().value();
  EXPECT_EQ(settings.absence_days, 180u);
  settings.absence_days = 30;
  settings.addresses_serial = 99;
  ASSERT_TRUE(store->settings.change(settings));
  EXPECT_EQ(store->settings.site()->absence_days, 30u);
  EXPECT_EQ(store->settings.site()->addresses_serial, 0u);
  settings.addresses = {"a.example:443"};
  ASSERT_TRUE(store->settings.change(settings));
  EXPECT_EQ(store->settings.site()->addresses_serial, 1u);
  ASSERT_TRUE(store->settings.set_own("run_seconds", 17));
  EXPECT_EQ(store->settings.own("run_seconds")->value().as_int64(), 17);
  EXPECT_FALSE(store->settings.own("other")->has_value());
}

TEST_F(StoreTest, RefusesTheEndOfTheLastAdministrator) {
  User anna = user("anna", true);
  EXPECT_TRUE(store->users.remove(anna.id).error().is(Fault::refused));
  anna.enabled = false;
  EXPECT_TRUE(store->users.change(anna).error().is(Fault::refused));
  EXPECT_TRUE(store->users.get(anna.id)->value().enabled);
  user("bert", true);
  EXPECT_TRUE(store->users.change(anna));
}

TEST_F(StoreTest, TakesUserNamesWithoutRegardToCase) {
  user("anna", true);
  User again;
  again.username = "ANNA";
  EXPECT_TRUE(store->users.create(again, "").error().is(Fault::already_exists));
  EXPECT_EQ(store->users.by_name("AnnA")->value().username, "anna");
  EXPECT_FALSE(store->users.by_name("ann")->has_value());
}

TEST_F(StoreTest, LimitsTheTokensOfAnAccountAndForgetsTheOldest) {
  ApiAccount account;
  account.name = "terraform";
  account.client_id = std::string(40, 'a');
  account = store->api_accounts.create(account, to_bytes("h")).value();
  const auto add = [&](int n) {
    Token token;
    token.kind = TokenKind::account;
    token.account_id = account.id;
    token.created_at = kNow;
    token.expires_at = kNow + 3600;
    return store->tokens.create(token, to_bytes("token" + std::to_string(n)), kNow).value();
  };
  for (int n = 0; n < kTokensOfAnAccount + 1; ++n) add(n);
  EXPECT_FALSE(store->tokens.find(to_bytes("token0"), kNow)->has_value());
  EXPECT_TRUE(store->tokens.find(to_bytes("token1"), kNow)->has_value());
  EXPECT_FALSE(store->tokens.find(to_bytes("token1"), kNow + 3600)->has_value());
  ASSERT_TRUE(store->api_accounts.set_secret(account.id, to_bytes("new")));
  EXPECT_FALSE(store->tokens.find(to_bytes("token1"), kNow)->has_value());
}

TEST_F(StoreTest, SeesOnlyGroupsWithARoleThatIsNotNoAccess) {
  const User anna = user("anna", true);
  const User bert = user("bert");
  const JumpGroup web = group("Web servers");
  const JumpGroup db = group("Databases");
  EXPECT_EQ(web.code_name, "web-servers");
  client(web.id, "web-01");
  client(db.id, "db-01");
  ASSERT_TRUE(store->groups.add_member(web.id, {bert.id, kStartOnly}));
  ASSERT_TRUE(store->groups.add_member(db.id, {bert.id, kNoAccess}));
  EXPECT_TRUE(store->groups.add_member(db.id, {bert.id, kAuditor}).error().is(Fault::already_exists));
  EXPECT_TRUE(store->groups.add_member(db.id, {99, kAuditor}).error().is(Fault::invalid));
  JumpClientFilter filter;
  filter.visible_to = bert.id;
  EXPECT_EQ(found(filter), Names{"web-01"});
  EXPECT_EQ(store->groups.list({.name = {}, .code_name = {}, .visible_to = bert.id}, {})->total, 1);
  filter.visible_to = anna.id;
  EXPECT_EQ(found(filter), Names{});
  JumpClient own = client(bert.id, "laptop");
  own.jump_group_type = GroupType::personal;
  ASSERT_TRUE(store->jump_clients.change(own));
  filter.visible_to = bert.id;
  EXPECT_EQ(found(filter), (Names{"web-01", "laptop"}));
  EXPECT_TRUE(store->groups.remove(web.id).error().is(Fault::refused));
}

TEST_F(StoreTest, FindsPartsOfAnyFieldWithoutRegardToCase) {
  const JumpGroup web = group("Production");
  const JumpGroup lab = group("Laboratory");
  JumpClient one = client(web.id, "web-01");
  one.comments = "Größe: 100% \"quoted\" under_score";
  one.tag = "front";
  ASSERT_TRUE(store->jump_clients.change(one));
  client(web.id, "web-02");
  client(lab.id, "printer-7");
  EXPECT_EQ(search("WEB-0"), (Names{"web-01", "web-02"}));
  EXPECT_EQ(search("eb-02"), Names{"web-02"});
  EXPECT_EQ(search("web fro"), Names{"web-01"});
  EXPECT_EQ(search("produc"), (Names{"web-01", "web-02"}));
  EXPECT_EQ(search("produc 02"), Names{"web-02"});
  EXPECT_EQ(search("GRÖSSE"), Names{});
  EXPECT_EQ(search("größe"), Names{"web-01"});
  EXPECT_EQ(search("100%"), Names{"web-01"});
  EXPECT_EQ(search("\"quoted\""), Names{"web-01"});
  EXPECT_EQ(search("r_s"), Names{"web-01"});
  EXPECT_EQ(search("nothing"), Names{});
  EXPECT_EQ(search("\" OR \""), Names{});
  EXPECT_EQ(search("web OR \""), Names{"web-01"});  // part of under_score
  EXPECT_EQ(search("we"), (Names{"web-01", "web-02"}));
  EXPECT_EQ(search("eb"), Names{});  // short words alone: beginnings only
  EXPECT_EQ(search("web 01"), Names{"web-01"});
  EXPECT_EQ(search("web _1"), Names{});
  EXPECT_EQ(search("   "), (Names{"web-01", "web-02", "printer-7"}));
}

TEST_F(StoreTest, FollowsEditsRemovalsAndReportsInTheSearch) {
  const JumpGroup web = group("Production");
  JumpClient one = client(web.id, "web-01");
  JumpClients::Known known{"HOST-99", "host-99.example.org", "Debian", "0.1.0", "10.1.2.3"};
  ASSERT_TRUE(store->jump_clients.set_inventory(one.id, known, json::object{{"hostname", "HOST-99"}}, kNow));
  ASSERT_TRUE(
      store->jump_clients.set_statistics(one.id, "caroline", json::object{{"cpu_percent", 3.5}}, kNow));
  EXPECT_EQ(search("example.org"), Names{"web-01"});
  EXPECT_EQ(search("10.1.2"), Names{"web-01"});
  EXPECT_EQ(search("carol"), Names{"web-01"});
  EXPECT_EQ(store->jump_clients.report(one.id)->statistics.at("cpu_percent").as_double(), 3.5);
  one = *store->jump_clients.get(one.id)->operator->();
  one.name = "renamed";
  ASSERT_TRUE(store->jump_clients.change(one));
  EXPECT_EQ(search("web-01"), Names{});
  EXPECT_EQ(search("renam"), Names{"renamed"});
  EXPECT_EQ(store->jump_clients.remove(one.id, "user:anna", kNow).value(), JumpClients::Removed::agent);
  EXPECT_EQ(search("renam"), Names{});
  EXPECT_EQ(store->jump_clients.remove(one.id, "user:anna", kNow).value(), JumpClients::Removed::nothing);
  EXPECT_TRUE(store->jump_clients.tombstone(one.id)->value().pending_uninstall);
  EXPECT_NE(client(web.id, "next").id, one.id);
}

TEST_F(StoreTest, FindsAssetsUnderTheNewNameOfTheirGroup) {
  JumpGroup web = group("Production");
  client(web.id, "web-01");
  client(web.id, "web-02");
  web.name = "Retired";
  ASSERT_TRUE(store->groups.change(web));
  EXPECT_EQ(search("produc"), Names{});
  EXPECT_EQ(search("retired 02"), Names{"web-02"});
  EXPECT_FALSE(store->groups.reindex(1).value());
  // As it is left when there are too many for one go.
  ASSERT_TRUE(store->db().script("UPDATE jump_groups SET searched_upto = 0, name = 'Museum'"));
  EXPECT_TRUE(store->groups.reindex(1).value());
  EXPECT_EQ(search("museum"), Names{"web-01"});
  EXPECT_TRUE(store->groups.reindex(1).value());
  EXPECT_FALSE(store->groups.reindex(1).value());
  EXPECT_EQ(search("museum"), (Names{"web-01", "web-02"}));
}

TEST_F(StoreTest, StopsASearchAtItsLimit) {
  const JumpGroup web = group("Production");
  {
    Transaction whole(store->db());
    for (int n = 0; n < kSearchMost + 5; ++n) client(web.id, "web-" + std::to_string(n));
    ASSERT_TRUE(whole.commit());
  }
  JumpClientFilter filter;
  for (const char* words : {"web", "we", "web 1"}) {
    filter.search = words;
    EXPECT_LE(store->jump_clients.list(filter, {0, 10})->total, kSearchMost) << words;
    EXPECT_EQ(store->jump_clients.list(filter, {0, 10})->items.size(), 10u) << words;
  }
  filter.search.clear();
  EXPECT_EQ(store->jump_clients.list(filter, {0, 10})->total, kSearchMost + 5);
}

TEST_F(StoreTest, FiltersExactlyAndPages) {
  const JumpGroup web = group("Production");
  for (int n = 0; n < 25; ++n) client(web.id, "web-" + std::to_string(n));
  JumpClientFilter filter;
  filter.name = "WEB-7";
  EXPECT_EQ(found(filter), Names{"web-7"});
  filter.name = "web";
  EXPECT_EQ(found(filter), Names{});
  filter = {};
  filter.jump_group_id = web.id;
  filter.connection_type = ConnectionType::active;
  EXPECT_EQ(found(filter, {20, 10}), (Names{"web-20", "web-21", "web-22", "web-23", "web-24"}));
  EXPECT_EQ(store->jump_clients.list(filter, {40, 10})->total, 25);
  EXPECT_EQ(found(filter, {40, 10}), Names{});
}

TEST_F(StoreTest, WritesPresenceInBatchesAndKnowsWhoIsAway) {
  const JumpGroup web = group("Production");
  const JumpClient one = client(web.id, "one");
  JumpClient two = client(web.id, "two");
  two.ephemeral = true;
  ASSERT_TRUE(store->jump_clients.change(two));
  using Kind = PresenceChange::Kind;
  const std::vector<PresenceChange> connects{
      {one.id, Kind::connected, kNow, 0, "direct", "boot", "192.0.2.1", "0.1.0"},
      {two.id, Kind::connected, kNow, 0, "direct", "boot", "192.0.2.1", "0.1.0"},
      {4711, Kind::seen, kNow, 0, "", "", "", ""}};
  ASSERT_TRUE(store->jump_clients.write_presence(connects));
  JumpClientFilter online;
  online.online = true;
  EXPECT_EQ(found(online), (Names{"one", "two"}));
  EXPECT_EQ(search("192.0.2"), (Names{"one", "two"}));
  EXPECT_EQ(store->jump_clients.absent_count(1'000'000, 0).value(), 0);
  const std::vector<PresenceChange> leaves{{one.id, Kind::disconnected, kNow + 9, 100, "", "", "", ""}};
  ASSERT_TRUE(store->jump_clients.write_presence(leaves));
  ASSERT_TRUE(store->jump_clients.all_offline(200, kNow + 20));
  EXPECT_EQ(found(online), Names{});
  EXPECT_EQ(store->jump_clients.get(two.id)->value().last_disconnect_timestamp, kNow);
  // one: by the site's period, from 100 on; two: ephemeral, 300 s from 200 on.
  EXPECT_EQ(store->jump_clients.absent(499, 1000, 10)->size(), 0u);
  EXPECT_EQ(store->jump_clients.absent(500, 1000, 10)->at(0).name, "two");
  EXPECT_EQ(store->jump_clients.absent(1100, 1000, 10)->size(), 2u);
  EXPECT_EQ(store->jump_clients.absent(1100, 1000, 10)->at(0).name, "two");
  EXPECT_EQ(store->jump_clients.absent_count(1100, 1000).value(), 2);
  JumpClientFilter lost;
  lost.offline_before_run = 150;
  EXPECT_EQ(found(lost), Names{"one"});
}

TEST_F(StoreTest, SharesTheAgentAmongCopiesAndRemovesItWithTheLast) {
  const JumpGroup web = group("Production");
  const JumpGroup lab = group("Laboratory");
  JumpClient one = client(web.id, "one");
  const JumpClient two = store->jump_clients.copy(one.id, lab.id, GroupType::shared, kNow).value();
  EXPECT_EQ(two.agent, one.agent);
  one.disabled = true;
  ASSERT_TRUE(store->jump_clients.change(one));
  EXPECT_TRUE(store->jump_clients.get(two.id)->value().disabled);
  EXPECT_EQ(store->jump_clients.remove(one.id, "x", kNow).value(), JumpClients::Removed::copy);
  EXPECT_FALSE(store->jump_clients.tombstone(one.agent)->has_value());
  EXPECT_EQ(store->jump_clients.of_agent(one.agent)->size(), 1u);
  EXPECT_EQ(store->jump_clients.remove(two.id, "x", kNow).value(), JumpClients::Removed::agent);
  EXPECT_TRUE(store->jump_clients.tombstone(one.agent)->has_value());
}

TEST_F(StoreTest, FindsAgentsThatShareAFingerprint) {
  const JumpGroup web = group("Production");
  const JumpClient one = client(web.id, "one");
  const JumpClient two = client(web.id, "two");
  const std::vector<FingerprintPart> a{{"board", "1"}, {"disks", "2"}, {"disks", "3"}};
  const std::vector<FingerprintPart> b{{"board", "9"}, {"disks", "2"}};
  ASSERT_TRUE(store->jump_clients.set_fingerprint(one.id, a));
  ASSERT_TRUE(store->jump_clients.set_fingerprint(two.id, b));
  EXPECT_EQ(store->jump_clients.sharing_fingerprint(a).value(), (std::vector<std::int64_t>{one.id, two.id}));
  EXPECT_EQ(store->jump_clients.sharing_fingerprint(std::vector<FingerprintPart>{{"board", "2"}})->size(),
            0u);
}

TEST_F(StoreTest, NeverStartsASessionIdTwiceAndKeepsTheFirstEnd) {
  Session session;
  session.id = {1, 2, 3};
  session.asset = session.agent = 7;
  session.user_id = 3;
  session.kind = "shell";
  session.arguments = json::object{{"term", "xterm"}};
  EXPECT_TRUE(store->sessions.create(session).value());
  Session again = session;
  EXPECT_FALSE(store->sessions.create(again).value());
  ASSERT_TRUE(store->sessions.set_started(session.id, "boot", kNow));
  EXPECT_EQ(store->sessions.live_of_agent(7)->size(), 1u);
  EXPECT_TRUE(store->sessions.end(session.id, "exit 0", 10, kNow).value());
  EXPECT_FALSE(store->sessions.end(session.id, "late", 10, kNow).value());
  const Session read = store->sessions.get(session.id)->value();
  EXPECT_EQ(read.reason, "exit 0");
  EXPECT_EQ(read.arguments.at("term").as_string(), "xterm");
  EXPECT_TRUE(store->sessions.live()->empty());
}

TEST_F(StoreTest, LetsEventsBeAddedAndNeverChanged) {
  Event event;
  event.at = kNow;
  event.who = "user:anna";
  event.what = "asset.edit";
  event.object = "asset:1";
  const std::int64_t first = store->events.add(event).value();
  event.what = "login";
  ASSERT_TRUE(store->events.add(event));
  EXPECT_EQ(store->events.list({.since_id = first, .what = {}, .who = {}, .object = {}}, 10)->size(), 1u);
  EXPECT_FALSE(store->db().script("UPDATE events SET who = 'x'"));
  EXPECT_EQ(store->events.page({.since_id = 0, .what = "login", .who = {}, .object = {}}, {})->total, 1);
}

TEST_F(StoreTest, UndoesEverythingWhenAnInnerPartIsUndone) {
  {
    Transaction outer(store->db());
    user("anna", true);
    {
      Transaction inner(store->db());
    }
    EXPECT_TRUE(store->users.by_name("anna").error().is(Fault::unavailable));
    EXPECT_FALSE(outer.commit());
  }
  EXPECT_FALSE(store->users.by_name("anna")->has_value());
}

TEST_F(StoreTest, RevokesCertificatesOfAPeerButOne) {
  for (const char* serial : {"0a", "0b", "0c"}) {
    ASSERT_TRUE(store->certificates.add({serial, PeerKind::agent, 7, kNow, kNow + 1000, {}, ""}));
  }
  EXPECT_EQ(store->certificates.revoke_of_peer(PeerKind::agent, 7, "0c", "replaced", kNow)->size(), 2u);
  EXPECT_EQ(store->certificates.revoked(kNow)->size(), 2u);
  EXPECT_EQ(store->certificates.revoked(kNow + 1001)->size(), 0u);
  EXPECT_FALSE(store->certificates.revoke("0a", "stolen", kNow).value());
}

}  // namespace
}  // namespace jump::store
