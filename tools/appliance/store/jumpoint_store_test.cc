// Jumpoints, what is behind them, and the step from a database that knew none.
#include <gtest/gtest.h>

#include "tools/appliance/store/rows.h"
#include "tools/appliance/store/schema.h"
#include "tools/appliance/store/store.h"

namespace jump::store {
namespace {

constexpr std::int64_t kNow = 1'790'000'000;

class JumpointStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    store = Store::open(":memory:", kNow).value();
    JumpGroup wanted;
    wanted.name = "Web servers";
    group = store->groups.create(wanted)->id;
  }
  User user(std::string name, bool admin = false) {
    User user;
    user.username = user.public_display_name = user.private_display_name = name;
    user.perm_admin = admin;
    return store->users.create(user, "").value();
  }
  Jumpoint jumpoint(std::string name) {
    Jumpoint jumpoint;
    jumpoint.installer_id = to_hex(as_bytes(name));
    jumpoint.name = std::move(name);
    jumpoint.platform = "linux-x86";
    return store->jumpoints.create(jumpoint, Bytes(32, 1)).value();
  }
  Node node(std::int64_t jumpoint, std::string host) {
    Node node;
    node.jumpoint_id = jumpoint;
    node.hostname = std::move(host);
    node.created_at = kNow;
    return store->jumpoints.create_node(node).value();
  }
  JumpItem item(std::int64_t jumpoint, std::string name, AssetKind kind = AssetKind::shell_jump) {
    JumpItem item;
    item.kind = kind;
    item.jumpoint_id = jumpoint;
    item.jump_group_id = group;
    item.name = item.hostname = std::move(name);
    return store->jump_items.create(item).value();
  }
  JumpClient client(std::string name) {
    JumpClient client;
    client.jump_group_id = group;
    client.name = client.hostname = std::move(name);
    return store->jump_clients.create(client, 0).value();
  }
  std::vector<std::string> search(std::string words, std::optional<std::int64_t> visible_to = std::nullopt) {
    JumpItemFilter filter;
    filter.search = std::move(words);
    filter.visible_to = visible_to;
    std::vector<std::string> names;
    const Rows<JumpItem> rows = store->jump_items.list(filter, {}).value();
    for (const JumpItem& one : rows.items) names.push_back(one.name);
    return names;
  }

  std::unique_ptr<Store> store;
  std::int64_t group = 0;
};

using Names = std::vector<std::string>;

TEST_F(JumpointStoreTest, NumbersAssetsOfAllKindsInOneSequence) {
  const Jumpoint main = jumpoint("Main");
  const std::int64_t first = client("web-01").id;
  const std::int64_t second = item(main.id, "switch-1").id;
  const std::int64_t third = item(main.id, "db", AssetKind::protocol_tunnel_jump).id;
  const std::int64_t fourth = store->jump_clients.copy(first, group, GroupType::shared, kNow).value().id;
  EXPECT_EQ((std::vector{second, third, fourth}), (std::vector{first + 1, first + 2, first + 3}));
  EXPECT_TRUE(store->jump_items.remove(third).value());
  ASSERT_TRUE(store->jump_clients.remove(fourth, "x", kNow));
  EXPECT_EQ(item(main.id, "next").id, fourth + 1);  // never one twice
  EXPECT_EQ(value<std::int64_t>(store->db(), "SELECT count(*) FROM assets").value(), 3);
}

TEST_F(JumpointStoreTest, KeepsTheIdsOfADatabaseOfVersionOne) {
  std::unique_ptr<Db> db = Db::open(":memory:").value();
  ASSERT_TRUE(migrate(*db, kNow, 1));
  std::string insert = "INSERT INTO jump_clients (";
  std::string values;
  for (const char* column : {"jump_group_id",
                             "jump_group_type",
                             "name",
                             "hostname",
                             "fqdn",
                             "tag",
                             "comments",
                             "public_site_address",
                             "support_button_profile_code_name",
                             "support_button_direct_queue",
                             "customer_client_start_mode",
                             "is_quiet",
                             "install_mode",
                             "connection_type",
                             "max_offline_minutes",
                             "ephemeral",
                             "disabled",
                             "operating_system",
                             "software_version",
                             "public_ip",
                             "private_ip",
                             "console_user",
                             "created_at",
                             "certificate_serial",
                             "agent"}) {
    insert += std::string(values.empty() ? "" : ", ") + column;
    values += values.empty() ? "1" : ", 1";
  }
  insert += ") VALUES (" + values + ");";
  ASSERT_TRUE(db->script(insert + insert + insert + "DELETE FROM jump_clients WHERE id = 3;"));
  ASSERT_TRUE(migrate(*db, kNow));
  EXPECT_EQ(all<std::int64_t>(*db, "SELECT id FROM assets ORDER BY id").value(),
            (std::vector<std::int64_t>{1, 2}));
  ASSERT_TRUE(run(*db, "INSERT INTO assets (kind) VALUES ('shell_jump')"));
  EXPECT_EQ(db->last_id(), 4);
}

TEST_F(JumpointStoreTest, FindsItemsByPartsAndShowsEachUserHis) {
  const Jumpoint main = jumpoint("Main Street");
  item(main.id, "switch-1");
  JumpItem two = item(main.id, "Router_9");
  two.tag = "core";
  two.filter_deny = {"reload.*"};
  ASSERT_TRUE(store->jump_items.change(two));
  EXPECT_EQ(store->jump_items.get(two.id)->value().filter_deny, Names{"reload.*"});
  EXPECT_EQ(search("SWITCH"), Names{"switch-1"});
  EXPECT_EQ(search("core street"), Names{"Router_9"});
  EXPECT_EQ(search("web serv"), (Names{"switch-1", "Router_9"}));
  EXPECT_EQ(search("r_9"), Names{"Router_9"});
  EXPECT_EQ(search("h_1"), Names{});
  const User bert = user("bert");
  EXPECT_EQ(search("", bert.id), Names{});
  ASSERT_TRUE(store->groups.add_member(group, {bert.id, kStartOnly}));
  EXPECT_EQ(search("", bert.id), (Names{"switch-1", "Router_9"}));
  EXPECT_TRUE(store->groups.remove(group).error().is(Fault::refused));
}

TEST_F(JumpointStoreTest, RemovesAJumpointWithItsNodesOnlyWhenNoAssetIsOnIt) {
  const Jumpoint main = jumpoint("Main");
  EXPECT_EQ(main.code_name, "main");
  EXPECT_TRUE(store->jumpoints.create(main, Bytes()).error().is(Fault::already_exists));
  const Node one = node(main.id, "gw-1");
  const JumpItem target = item(main.id, "switch-1");
  EXPECT_TRUE(store->jumpoints.remove(main.id, "user:anna", kNow).error().is(Fault::refused));
  ASSERT_TRUE(store->jump_items.remove(target.id));
  ASSERT_TRUE(store->jumpoints.remove(main.id, "user:anna", kNow));
  EXPECT_FALSE(store->jumpoints.node(one.id)->has_value());
  EXPECT_EQ(store->jumpoints.node_tombstone(one.id)->value().name, "gw-1");
  EXPECT_NE(node(jumpoint("Other").id, "gw-2").id, one.id);
}

TEST_F(JumpointStoreTest, KnowsJumpointsByNameCodeNameAndNumber) {
  const Jumpoint main = jumpoint("Main Street");
  for (const std::string& name :
       {std::string("main-street"), std::string("MAIN street"), std::to_string(main.id)})
    EXPECT_EQ(store->jumpoints.by_name(name)->value().id, main.id) << name;
  EXPECT_FALSE(store->jumpoints.by_name("main")->has_value());
}

TEST_F(JumpointStoreTest, ListsTheProxiesThatListenEachOnce) {
  const Jumpoint main = jumpoint("Main");
  const Node one = node(main.id, "gw-1"), two = node(main.id, "gw-2"), three = node(main.id, "gw-3");
  const auto tell = [&](const Node& node, bool listening, std::string address) {
    ASSERT_TRUE(store->jumpoints.set_zone_proxy(
        node.id, json::object{{"listening", listening}, {"address", json::string(address)}}));
  };
  tell(three, true, "gw-3:9555");
  tell(one, true, "gw-1:9555");
  tell(two, false, "gw-2:9555");
  EXPECT_EQ(store->jumpoints.zone_proxies(main.id).value(), (Names{"gw-1:9555", "gw-3:9555"}));
  tell(two, true, "gw-1:9555");
  EXPECT_EQ(store->jumpoints.zone_proxies(main.id).value(), (Names{"gw-1:9555", "gw-3:9555"}));
}

TEST_F(JumpointStoreTest, KeepsTheFirstHostKeyThatWasConfirmed) {
  const JumpItem target = item(jumpoint("Main").id, "switch-1");
  EXPECT_TRUE(store->jump_items.add_first_host_key(target.id, "ssh-ed25519 AAAA", "user:bert", kNow).value());
  EXPECT_FALSE(store->jump_items.add_first_host_key(target.id, "ssh-rsa AAAB", "user:anna", kNow).value());
  EXPECT_EQ(store->jump_items.host_keys(target.id)->at(0).added_by, "user:bert");
  ASSERT_TRUE(store->jump_items.set_host_keys(target.id, {}, "user:anna", kNow));
  EXPECT_TRUE(store->jump_items.add_first_host_key(target.id, "ssh-rsa AAAB", "user:anna", kNow).value());
  EXPECT_FALSE(store->jump_items.add_first_host_key(4711, "ssh-rsa AAAB", "user:anna", kNow).value());
}

TEST_F(JumpointStoreTest, KeepsAVaultAccountWhileAnAssetUsesIt) {
  VaultAccount account;
  account.name = "root of the switches";
  account = store->vault_accounts.create(account).value();
  ASSERT_TRUE(store->vault_accounts.set_sealed(account.id, Bytes{1, 2, 3}));
  JumpItem target = item(jumpoint("Main").id, "switch-1");
  target.vault_account_id = account.id;
  ASSERT_TRUE(store->jump_items.change(target));
  EXPECT_TRUE(store->vault_accounts.remove(account.id).error().is(Fault::refused));
  ASSERT_TRUE(store->jump_items.remove(target.id));
  EXPECT_EQ(store->vault_accounts.sealed(account.id).value(), (Bytes{1, 2, 3}));
  EXPECT_TRUE(store->vault_accounts.remove(account.id));
}

TEST_F(JumpointStoreTest, TellsTheSessionsOfAJumpointAndTheirNode) {
  const Jumpoint main = jumpoint("Main");
  const Node one = node(main.id, "gw-1");
  Session session;
  session.id = {1};
  session.asset = item(main.id, "switch-1").id;
  session.asset_kind = AssetKind::shell_jump;
  session.kind = "shell";
  ASSERT_TRUE(store->sessions.create(session).value());
  ASSERT_TRUE(store->sessions.assign(session.id, one.id, "gw-1", Hash{7}));
  const Session read = store->sessions.get(session.id)->value();
  EXPECT_EQ(read.endpoint(), node_endpoint(one.id));
  EXPECT_EQ(read.node_name, "gw-1");
  EXPECT_EQ(read.endpoint_secret_hash, Hash{7});
  EXPECT_EQ(store->sessions.live_of_jumpoint(main.id)->size(), 1u);
  EXPECT_EQ(store->sessions.live_of_node(one.id)->size(), 1u);
  EXPECT_TRUE(store->sessions.live_of_node(one.id + 1)->empty());
}

}  // namespace
}  // namespace jump::store
