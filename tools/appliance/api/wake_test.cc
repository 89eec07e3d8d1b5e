// Who may wake what, by whom, and what stands in the way; browsing from the API's side.
#include "tools/appliance/api/api_fixture.h"
#include "tools/appliance/api/effects.h"

namespace jump::api {
namespace {

class WakeTest : public ApiFixture {
 protected:
  // A machine behind 192.168.1.1 at this MAC, as it reports itself.
  json::value inventory(const std::string& card, const std::string& gateway,
                        const std::vector<std::string>& kinds = {"shell", "wake", "browse"}) {
    control::Interface eth0;
    eth0.name = "eth0";
    eth0.mac = card;
    eth0.up = true;
    eth0.addresses = {{"192.168.1.7", 24}};
    eth0.gateways = {{"192.168.1.1", gateway}};
    control::Inventory told;
    told.interfaces = {eth0};
    told.kinds = kinds;
    return to_json(told);
  }

  store::JumpClient add_machine(std::int64_t group, const std::string& name, const json::value& told) {
    const store::JumpClient client = add_client(group, name);
    EXPECT_TRUE(store->jump_clients.set_inventory(client.agent, {name, "", "", "0.1.0", ""}, told, kNow));
    index(store::agent_endpoint(client.agent), told);
    return client;
  }
  void index(const store::Endpoint& endpoint, const json::value& told) {
    const control::Inventory read = from_json<control::Inventory>(told).value();
    const auto keys = wake::network_keys(wake::to_machine(read.interfaces, ""));
    EXPECT_TRUE(store->networks.set(endpoint, keys));
  }
  void online(const store::JumpClient& client, std::uint32_t sessions = 0) {
    presence.agents[client.agent] = {kNow, "direct", sessions};
  }
  Answer wake(const store::JumpClient& client, const json::value& body = nullptr) {
    return post(path("/jump-client/", client.id) + "/wake", body);
  }
  static std::string reason(const Answer& answer) {
    return std::string(answer.body.at("reason").as_string());
  }

  static constexpr const char* kGateway = "02:77:01:00:00:01";
  static constexpr const char* kOther = "02:77:02:00:00:01";
};

TEST_F(WakeTest, AsksUpToThreeOfTheSameSiteTheLeastBusyFirst) {
  const std::int64_t group = add_group("g");
  const store::JumpClient target = add_machine(group, "web-01", inventory("02:77:01:00:00:11", kGateway));
  for (const std::uint32_t sessions : {5u, 0u, 2u, 1u})
    online(add_machine(group, "h" + std::to_string(sessions),
                       inventory("02:77:01:00:00:2" + std::to_string(sessions), kGateway)),
           sessions);
  online(add_machine(group, "elsewhere", inventory("02:77:02:00:00:21", kOther)));
  online(add_machine(group, "modest", inventory("02:77:01:00:00:31", kGateway, {"shell"})));
  add_machine(group, "off", inventory("02:77:01:00:00:41", kGateway));

  const Answer answer = wake(target, json::object{{"password", "1.2.3.4"}});
  ASSERT_EQ(answer.status, 202u) << answer.text;
  ASSERT_EQ(answer.effects.size(), 1u);
  const auto& effect = std::get<WakeMachine>(answer.effects.front());
  std::vector<std::string> names;
  for (const wake::Helper& helper : effect.plan.helpers) {
    names.push_back(helper.name);
    EXPECT_EQ(helper.macs, std::vector<std::string>{"02:77:01:00:00:11"});
    EXPECT_TRUE(helper.sure);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"h0", "h1", "h2"}));
  EXPECT_EQ(effect.password, Secret(Bytes{1, 2, 3, 4}));
  EXPECT_EQ(effect.agent, target.agent);
  EXPECT_EQ(answer.body.at("state").as_string(), "sending");
  EXPECT_EQ(answer.body.at("helpers").as_array().size(), 3u);

  clock.now += std::chrono::seconds(12);
  const Answer again = wake(target);
  EXPECT_EQ(again.status, 409u);
  EXPECT_EQ(reason(again), "too_soon");
  EXPECT_EQ(again.message(), "'web-01' was woken 12 s ago; again in 18 s");
  EXPECT_EQ(again.headers.at("Retry-After"), "18");
  clock.now += std::chrono::seconds(18);
  EXPECT_EQ(wake(target).status, 202u);
}

TEST_F(WakeTest, ANodeHelpsUnlessItsJumpointIsDisabled) {
  const std::int64_t group = add_group("g");
  const store::JumpClient target = add_machine(group, "web-01", inventory("02:77:01:00:00:11", kGateway));
  store::Jumpoint jumpoint = add_jumpoint("lab");
  const store::Node node = add_node(jumpoint.id, "gw-1");
  const json::value told = inventory("02:77:01:00:00:51", kGateway);
  ASSERT_TRUE(store->jumpoints.set_node_inventory(node.id, {"gw-1", "", "", "0.1.0", ""}, {"ssh"}, told));
  index(store::node_endpoint(node.id), told);
  presence.nodes[node.id] = {kNow, "direct", 0};
  EXPECT_EQ(get(path("/jump-client/", target.id)).body.at("wake").at("text").as_string(),
            "could be woken by gw-1");
  jumpoint.enabled = false;
  ASSERT_TRUE(store->jumpoints.change(jumpoint));
  EXPECT_EQ(reason(wake(target)), "no_helper");
}

TEST_F(WakeTest, SaysWhatStandsInTheWay) {
  const std::int64_t group = add_group("g");
  const store::JumpClient fresh = add_client(group, "fresh");
  EXPECT_EQ(wake(fresh).message(),
            "'fresh' cannot be woken: it has never been online, so no MAC address of it is known");
  EXPECT_EQ(reason(wake(fresh)), "never_online");
  EXPECT_EQ(reason(wake(add_machine(group, "cardless", inventory("", kGateway)))), "no_mac");
  const store::JumpClient alone = add_machine(group, "alone", inventory("02:77:01:00:00:11", kGateway));
  const Answer nobody = wake(alone);
  EXPECT_EQ(nobody.status, 409u);
  EXPECT_EQ(reason(nobody), "no_helper");
  EXPECT_FALSE(get(path("/jump-client/", alone.id)).body.at("wake").at("possible").as_bool());
  online(alone);
  EXPECT_EQ(reason(wake(alone)), "online");
  EXPECT_EQ(wake(alone, json::object{{"password", "1.2"}}).status, 422u);
  EXPECT_EQ(wake(alone, json::object{{"pasword", "1.2.3.4"}}).fault("pasword"), "is no field here");
  EXPECT_EQ(get(path("/jump-client/", alone.id) + "/wake").status, 404u);
}

TEST_F(WakeTest, NeedsTheRight) {
  const std::int64_t group = add_group("g");
  const store::JumpClient target = add_machine(group, "web-01", inventory("02:77:01:00:00:11", kGateway));
  const store::User bert = add_user("bert");
  const std::string token = log_in("bert");
  const std::string where = path("/jump-client/", target.id) + "/wake";
  EXPECT_EQ(send("POST", where, token).status, 404u);
  add_member(group, bert.id, store::kAuditor);
  EXPECT_EQ(send("POST", where, token).message(), "Your role does not allow to wake assets of this group.");
  ASSERT_TRUE(store->groups.change_member(group, {bert.id, store::kStartOnly}));
  EXPECT_EQ(send("POST", where, token).status, 409u);
}

TEST_F(WakeTest, BrowsesByANodeThatMay) {
  const store::Jumpoint jumpoint = add_jumpoint("lab");
  const std::string where = path("/jumpoint/", jumpoint.id) + "/browse";
  EXPECT_EQ(post(where).message(), "The network of lab cannot be browsed: no node of it is online.");
  const store::Node node = add_node(jumpoint.id, "gw-1");
  presence.nodes[node.id] = {kNow, "direct", 0};
  EXPECT_EQ(post(where).message(),
            "The network of lab cannot be browsed: its node has only just come; ask again in a moment.");
  ASSERT_TRUE(store->jumpoints.set_node_inventory(node.id, {"gw-1", "", "", "0.1.0", ""}, {"ssh"},
                                                  json::object{{"kinds", json::array{"shell"}}}));
  EXPECT_EQ(
      post(where).message(),
      "The network of lab cannot be browsed: no node that is online may browse: its own file forbids it, "
      "or it is too old.");
  ASSERT_TRUE(store->jumpoints.set_node_inventory(node.id, {"gw-1", "", "", "0.1.0", ""}, {"ssh"},
                                                  inventory("02:77:01:00:00:51", kGateway)));
  const Answer answer = post(where);
  ASSERT_EQ(answer.status, 202u) << answer.text;
  EXPECT_EQ(std::get<BrowseNetwork>(answer.effects.front()).node, node.id);
  EXPECT_EQ(get(where).status, 404u);
  const store::User bert = add_user("bert");
  const std::string token = log_in("bert");
  EXPECT_EQ(send("POST", where, token).status, 404u);
  ASSERT_TRUE(store->jumpoints.add_user(jumpoint.id, bert.id));
  EXPECT_EQ(send("POST", where, token).status, 202u);
  patch("/site", json::object{{"network_browsing", false}});
  EXPECT_EQ(send("POST", where, token).status, 403u);
  EXPECT_EQ(get(where + "?after=-1").status, 403u);
}

TEST_F(WakeTest, StartsAdHocForThoseOnTheJumpoint) {
  store::Jumpoint jumpoint = add_jumpoint("lab");
  const store::User bert = add_user("bert");
  control::AdHocTarget wanted;
  wanted.jumpoint = static_cast<std::uint64_t>(jumpoint.id);
  wanted.host = "10.0.0.7";
  EXPECT_TRUE(may_start_ad_hoc(*store, bert.id, wanted).error().is(Fault::not_found));
  ASSERT_TRUE(store->jumpoints.add_user(jumpoint.id, bert.id));
  jumpoint.shell_jump_enabled = false;
  ASSERT_TRUE(store->jumpoints.change(jumpoint));
  EXPECT_TRUE(may_start_ad_hoc(*store, bert.id, wanted).error().is(Fault::refused));
  jumpoint.shell_jump_enabled = true;
  ASSERT_TRUE(store->jumpoints.change(jumpoint));
  const Result<Startable> found = may_start_ad_hoc(*store, bert.id, wanted);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->name, "lab/10.0.0.7");
  EXPECT_EQ(found->target->port, 22);
  EXPECT_TRUE(found->target->host_keys.empty());
  EXPECT_TRUE(*store->jump_items.add_first_ad_hoc_host_key(jumpoint.id, "10.0.0.7", 22, "ssh-ed25519 AAAA",
                                                           "user:bert", kNow));
  EXPECT_FALSE(*store->jump_items.add_first_ad_hoc_host_key(jumpoint.id, "10.0.0.7", 22, "ssh-ed25519 BBBB",
                                                            "user:bert", kNow));
  EXPECT_EQ(may_start_ad_hoc(*store, admin.id, wanted)->target->host_keys,
            std::vector<std::string>{"ssh-ed25519 AAAA"});
  for (const std::string& host : {std::string(), std::string("a b"), std::string(129, 'a')}) {
    wanted.host = host;
    EXPECT_TRUE(may_start_ad_hoc(*store, bert.id, wanted).error().is(Fault::invalid)) << host;
  }
}

}  // namespace
}  // namespace jump::api
