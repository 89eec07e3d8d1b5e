// Tests only: an API over a database in memory, with a clock that stands still unless it is told otherwise.
#pragma once

#include <gtest/gtest.h>

#include <map>

#include "tools/appliance/api/api.h"

namespace jump::api {

class FakePresence final : public Presence {
 public:
  std::optional<AgentPresence> agent(std::int64_t id) const override {
    const auto found = agents.find(id);
    if (found == agents.end()) return std::nullopt;
    return found->second;
  }
  std::optional<AgentPresence> node(std::int64_t id) const override {
    const auto found = nodes.find(id);
    if (found == nodes.end()) return std::nullopt;
    return found->second;
  }
  std::int64_t online() const override { return static_cast<std::int64_t>(agents.size()); }

  std::optional<wake::AttemptResult> attempt(std::int64_t agent) const override {
    const auto found = attempts.find(agent);
    if (found == attempts.end()) return std::nullopt;
    return found->second;
  }
  std::optional<SweepView> sweep(std::int64_t, std::uint64_t, std::size_t, Instant) const override {
    return swept;
  }

  std::map<std::int64_t, wake::AttemptResult> attempts;
  std::optional<SweepView> swept;
  std::map<std::int64_t, AgentPresence> agents;
  std::map<std::int64_t, AgentPresence> nodes;
};

struct Answer {
  unsigned status = 0;
  std::map<std::string, std::string> headers;
  json::value body;
  std::string text;
  Effects effects;
  std::optional<std::string> file;

  std::string message() const { return std::string(body.at("message").as_string()); }
  // The first complaint about a field, "" when there is none.
  std::string fault(std::string_view field) const {
    const json::value* errors = body.is_object() ? body.get_object().if_contains("errors") : nullptr;
    const json::value* list = errors == nullptr ? nullptr : errors->as_object().if_contains(field);
    return list == nullptr ? "" : std::string(list->as_array().at(0).as_string());
  }
  std::int64_t id() const { return body.at("id").as_int64(); }
};

class ApiFixture : public testing::Test {
 protected:
  static constexpr std::int64_t kNow = 1'790'000'000;
  static constexpr std::string_view kPassword = "correct horse";

  void SetUp() override {
    Result<std::unique_ptr<store::Store>> opened = store::Store::open(":memory:", kNow);
    ASSERT_TRUE(opened) << opened.error().message();
    store = std::move(*opened);
    store::SiteSettings site = store->settings.site().value();
    site.site_name = "jump.example";
    site.addresses = {"jump.example:443"};
    ASSERT_TRUE(store->settings.change(site));
    options.ca_pin = to_base64url(Bytes(32, 1));
    options.software_version = "0.1.0";
    options.installer_master = Secret(Bytes(32, 7));
    options.vault_key = Secret(Bytes(32, 8));
    options.scrypt = {.log2_n = 4, .r = 1, .p = 1};
    options.requests_a_second = 100000;
    options.requests_an_hour = 1000000;
    open();
    admin = add_user("admin", true);
    admin_token = log_in("admin");
  }

  void open() { api = std::make_unique<Api>(*store, presence, options); }

  store::User add_user(std::string name, bool administrator = false) {
    store::User user;
    user.username = user.public_display_name = user.private_display_name = name;
    user.perm_admin = administrator;
    user.created_at = kNow;
    const std::string hash = identity::hash_password(Secret(kPassword), options.scrypt).value();
    return store->users.create(user, hash).value();
  }

  Answer send(std::string method, std::string target, const std::string& token = {},
              const json::value& body = nullptr) {
    ApiRequest request;
    request.method = std::move(method);
    request.target =
        target.starts_with("/api/") || target == "/openapi.yaml" ? target : "/api/config/v1" + target;
    if (!token.empty()) request.authorization = "Bearer " + token;
    if (!body.is_null()) {
      request.content_type = "application/json";
      request.body = json::serialize(body);
    }
    request.remote_address = remote;
    return send(request);
  }
  Answer send(const ApiRequest& request) {
    ApiResponse response = api->handle(request, clock);
    Answer answer;
    answer.status = response.status;
    for (auto& [name, value] : response.headers) answer.headers[name] = value;
    answer.text = response.body;
    answer.effects = std::move(response.effects);
    answer.file = response.file;
    boost::system::error_code failure;
    answer.body = json::parse(response.body, failure);
    return answer;
  }
  Answer get(const std::string& target) { return send("GET", target, admin_token); }
  Answer post(const std::string& target, const json::value& body = nullptr) {
    return send("POST", target, admin_token, body);
  }
  Answer patch(const std::string& target, const json::value& body) {
    return send("PATCH", target, admin_token, body);
  }
  Answer remove(const std::string& target) { return send("DELETE", target, admin_token); }

  Answer try_log_in(const std::string& name, std::string_view password = kPassword) {
    return send("POST", "/login", {}, json::object{{"username", name}, {"password", json::string(password)}});
  }
  std::string log_in(const std::string& name) {
    return std::string(try_log_in(name).body.at("access_token").as_string());
  }

  std::int64_t add_group(const std::string& name) {
    return post("/jump-group", json::object{{"name", name}}).id();
  }
  void add_member(std::int64_t group, std::int64_t user, std::int64_t role) {
    ASSERT_TRUE(store->groups.add_member(group, {user, role}));
  }
  store::JumpClient add_client(std::int64_t group, std::string name) {
    store::JumpClient client;
    client.jump_group_id = group;
    client.name = client.hostname = std::move(name);
    client.created_at = kNow;
    return store->jump_clients.create(client, 0).value();
  }
  store::Jumpoint add_jumpoint(std::string name) {
    store::Jumpoint jumpoint;
    jumpoint.installer_id = to_hex(Bytes(16, static_cast<std::uint8_t>(++jumpoints)));
    jumpoint.name = std::move(name);
    jumpoint.platform = "linux-x86";
    jumpoint.shell_jump_enabled = jumpoint.protocol_tunnel_jump_enabled = true;
    return store->jumpoints.create(jumpoint, Bytes(32, 1)).value();
  }
  store::Node add_node(std::int64_t jumpoint, std::string host) {
    store::Node node;
    node.jumpoint_id = jumpoint;
    node.hostname = std::move(host);
    node.created_at = kNow;
    return store->jumpoints.create_node(node).value();
  }
  store::Session add_session(const store::JumpClient& client, const store::User& user, std::uint8_t number) {
    store::Session session;
    session.id = {number};
    session.asset = client.id;
    session.agent = client.agent;
    session.asset_name = client.name;
    session.jump_group_id = client.jump_group_id;
    session.user_id = user.id;
    session.username = user.username;
    session.kind = "shell";
    session.arguments = json::object{};
    session.created_at = kNow;
    EXPECT_TRUE(store->sessions.create(session).value());
    return session;
  }
  std::int64_t event_count(const std::string& what) {
    store::EventFilter filter;
    filter.what = what;
    return store->events.page(filter, {})->total;
  }

  std::unique_ptr<store::Store> store;
  FakePresence presence;
  ApiOptions options;
  std::unique_ptr<Api> api;
  ApiClock clock{kNow, Instant{} + std::chrono::hours(1), 1000};
  std::string remote = "192.0.2.1";
  store::User admin;
  std::string admin_token;
  int jumpoints = 0;
};

inline std::string path(std::string_view prefix, std::int64_t id) {
  return std::string(prefix) + std::to_string(id);
}

}  // namespace jump::api
