// Holds openapi.yaml against the server: every path is called, every answer must be one that is described,
// and every field's limits are those of the tables.
#include <yaml-cpp/yaml.h>

#include <set>

#include "tools/appliance/api/api_fixture.h"
#include "tools/appliance/api/fields.h"
#include "tools/appliance/api/openapi.h"
#include "tools/appliance/api/routes.h"

namespace jump::api {
namespace {

std::string api_path(const std::string& rest) {
  return "/api/config/v1" + rest;
}

class OpenApiTest : public ApiFixture {
 protected:
  YAML::Node document = YAML::Load(std::string(openapi_yaml()));

  YAML::Node resolve(YAML::Node node) {
    while (node["$ref"]) {
      std::string rest = node["$ref"].as<std::string>().substr(2);
      YAML::Node at;
      at.reset(document);
      while (!rest.empty()) {
        const std::string step = rest.substr(0, rest.find('/'));
        rest = rest.size() > step.size() ? rest.substr(step.size() + 1) : "";
        at.reset(at[step]);
      }
      EXPECT_TRUE(at.IsDefined()) << node["$ref"];
      node.reset(at);
    }
    return node;
  }

  static std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(c));
    return text;
  }

  // What of `value` the schema does not allow; "" when all of it is.
  std::string mismatch(const json::value& value, YAML::Node given, const std::string& where) {
    const YAML::Node schema = resolve(given);
    if (value.is_null()) return schema["nullable"] ? "" : where + ": null";
    const std::string type = schema["type"].as<std::string>();
    if (type == "array") {
      if (!value.is_array()) return where + ": no list";
      for (const json::value& item : value.get_array()) {
        const std::string wrong = mismatch(item, schema["items"], where + "[]");
        if (!wrong.empty()) return wrong;
      }
      return "";
    }
    if (type == "object") return object_mismatch(value, schema, where);
    if (type == "boolean") return value.is_bool() ? "" : where + ": no boolean";
    if (type == "integer") {
      if (!value.is_int64() && !value.is_uint64()) return where + ": no integer";
      const std::int64_t n = value.to_number<std::int64_t>();
      if (schema["minimum"] && n < schema["minimum"].as<std::int64_t>()) return where + ": below minimum";
      if (schema["maximum"] && n > schema["maximum"].as<std::int64_t>()) return where + ": above maximum";
      return "";
    }
    if (!value.is_string()) return where + ": no string";
    const std::string text(value.get_string());
    if (schema["enum"]) {
      for (const YAML::Node& item : schema["enum"]) {
        if (item.as<std::string>() == text) return "";
      }
      return where + ": '" + text + "' is not in its list";
    }
    if (schema["minLength"] && text.size() < schema["minLength"].as<std::size_t>())
      return where + ": too short";
    if (schema["maxLength"] && text.size() > schema["maxLength"].as<std::size_t>())
      return where + ": too long";
    if (schema["format"] && schema["format"].as<std::string>() == "date-time" && !parse_iso8601(text)) {
      return where + ": no time";
    }
    return "";
  }

  std::string object_mismatch(const json::value& value, const YAML::Node& schema, const std::string& where) {
    if (!value.is_object()) return where + ": no object";
    for (const auto& [key, member] : value.get_object()) {
      const std::string name(std::string_view{key});
      const YAML::Node properties = schema["properties"];
      if (const YAML::Node property = properties ? properties[name] : YAML::Node(YAML::NodeType::Undefined)) {
        if (property["writeOnly"]) return where + "." + name + ": is write-only";
        const std::string wrong = mismatch(member, property, where + "." + name);
        if (!wrong.empty()) return wrong;
      } else if (!schema["additionalProperties"]) {
        return where + "." + name + ": not described";
      }
    }
    return "";
  }

  // Checks an answer against the description of its path and notes that it was called.
  Answer described(const std::string& method, const std::string& pattern, const Answer& answer) {
    called.insert(method + " " + pattern);
    const std::string where = method + " " + pattern + " → " + std::to_string(answer.status);
    const YAML::Node operation = document["paths"][pattern][lower(method)];
    EXPECT_TRUE(operation.IsDefined()) << where;
    const YAML::Node named = operation["responses"][std::to_string(answer.status)];
    EXPECT_TRUE(named.IsDefined()) << where << ": this status is not described; " << answer.text;
    if (!operation.IsDefined() || !named.IsDefined()) return answer;
    const YAML::Node response = resolve(named);
    const YAML::Node content = response["content"];
    if (!content) {
      EXPECT_EQ(answer.text, "") << where;
      return answer;
    }
    const auto type = answer.headers.find("Content-Type");
    EXPECT_NE(type, answer.headers.end()) << where;
    if (type == answer.headers.end()) return answer;
    EXPECT_TRUE(content[type->second].IsDefined()) << where << ": " << type->second;
    if (type->second == "application/json") {
      EXPECT_EQ(mismatch(answer.body, content[type->second]["schema"], "body"), "") << where;
    }
    if (response["headers"]) {
      for (const auto& header : response["headers"]) {
        EXPECT_TRUE(answer.headers.contains(header.first.as<std::string>())) << where << ": " << header.first;
      }
    }
    return answer;
  }

  // Calls METHOD pattern with its {…} replaced in order.
  Answer call(const std::string& method, const std::string& pattern,
              const std::vector<std::string>& arguments = {}, const json::value& body = nullptr,
              const std::string& query = "") {
    std::string target = pattern;
    for (const std::string& argument : arguments) {
      const std::size_t at = target.find('{');
      target.replace(at, target.find('}') - at + 1, argument);
    }
    return described(method, pattern, send(method, target + query, admin_token, body));
  }

  void call_jumpoints(std::int64_t group, std::int64_t user);
  void call_items(std::int64_t group, std::int64_t jumpoint);

  std::set<std::string> called;
};

void OpenApiTest::call_jumpoints(std::int64_t group, std::int64_t user) {
  using O = json::object;
  const std::string all = api_path("/jumpoint"), jumpoint = all + "/{id}";
  const Answer made =
      call("POST", all, {}, O{{"name", "Main"}, {"platform", "linux-x86"}, {"shell_jump_enabled", true}});
  ASSERT_EQ(made.status, 201u) << made.text;
  const std::string id = std::to_string(made.id());
  call("POST", all, {}, O{{"name", "MAIN"}, {"platform", "beos"}, {"jzp_proxy_port", 0}});
  const store::Node node = add_node(made.id(), "gw-1");
  ASSERT_TRUE(store->jumpoints.set_zone_proxy(node.id, O{{"listening", true}, {"address", "gw-1:9555"}}));
  presence.nodes[node.id] = {kNow, "direct 10.0.0.5:443", 1};
  call("GET", all, {}, nullptr, "?name=main&hostname=gw-1");
  call("GET", jumpoint, {id});
  call("GET", jumpoint, {"999"});
  call("PATCH", jumpoint, {id}, O{{"jzp_enabled", true}, {"jzp_restricted_ips", json::array{"10.0.0.1/8"}}});
  call("PATCH", jumpoint, {id}, O{{"jzp_restricted_ips", json::array{"10.0.0.0/33"}}});
  call("GET", jumpoint + "/installer", {id});
  call("GET", jumpoint + "/installer", {"999"});
  call("POST", jumpoint + "/browse", {id});
  call("GET", jumpoint + "/browse", {id});
  wake::FoundHost host;
  host.addresses = {"10.0.0.7"};
  host.names = {{"nas.local", wake::NameSource::mdns}};
  host.ports = {22};
  presence.swept.emplace().hosts = {host};
  presence.swept->end.emplace().notes = {"not allowed"};
  call("POST", jumpoint + "/browse", {id});
  call("GET", jumpoint + "/browse", {id}, nullptr, "?after=7");
  call("GET", jumpoint + "/browse", {id}, nullptr, "?after=x");
  const std::string nodes = jumpoint + "/node", one = nodes + "/{node_id}", node_id = std::to_string(node.id);
  call("GET", nodes, {id});
  call("GET", nodes, {"999"});
  call("GET", one, {id, node_id});
  call("PATCH", one, {id, node_id}, O{{"tag", "cellar"}});
  call("PATCH", one, {id, node_id}, O{{"hostname", "gw-2"}, {"tag", std::string(65, 'x')}});
  const std::string users = jumpoint + "/user", other = users + "/{user_id}", user_id = std::to_string(user);
  call("POST", users, {id}, O{{"user_id", user}});
  call("POST", users, {id}, O{{"user_id", user}});
  call("GET", users, {id});
  call("GET", other, {id, user_id});
  call("DELETE", other, {id, user_id});
  call("DELETE", other, {id, user_id});
  call_items(group, made.id());
  call("DELETE", one, {id, node_id});
  call("DELETE", one, {id, node_id});
  call("POST", jumpoint + "/redeploy", {id});
  call("POST", jumpoint + "/redeploy", {"999"});
  call("DELETE", jumpoint, {id});
  call("DELETE", jumpoint, {id});
}

void OpenApiTest::call_items(std::int64_t group, std::int64_t jumpoint) {
  using O = json::object;
  const std::string accounts = api_path("/vault/account"), account = accounts + "/{id}";
  const Answer stored =
      call("POST", accounts, {},
           O{{"type", "username_password"}, {"name", "root"}, {"username", "root"}, {"password", "x"}});
  ASSERT_EQ(stored.status, 201u) << stored.text;
  const std::string account_id = std::to_string(stored.id());
  call("POST", accounts, {}, O{{"type", "ssh"}, {"name", "root"}, {"username", "root"}});
  call("GET", accounts, {}, nullptr, "?type=username_password");
  call("GET", account, {account_id});
  call("PATCH", account, {account_id}, O{{"password", "y"}});
  call("PATCH", account, {account_id}, O{{"private_key", "y"}});
  for (const std::string kind : {"shell-jump", "protocol-tunnel-jump"}) {
    const std::string items = api_path("/jump-item/" + kind), item = items + "/{id}";
    O wanted{
        {"name", "switch-1"}, {"hostname", "10.0.0.7"}, {"jumpoint_id", jumpoint}, {"jump_group_id", group}};
    call("POST", items, {}, wanted);
    if (kind == "shell-jump") {
      wanted["protocol"] = "ssh";
      wanted["vault_account_id"] = stored.id();
    } else {
      wanted["tunnel_definitions"] = "22;24";
    }
    const Answer made = call("POST", items, {}, wanted);
    ASSERT_EQ(made.status, 201u) << made.text;
    const std::string id = std::to_string(made.id());
    call("GET", items, {}, nullptr, "?search=switch&tag=");
    call("GET", item, {id});
    call("GET", item, {"999"});
    call("PATCH", item, {id}, O{{"tag", "core"}});
    call("PATCH", item, {id}, O{{"hostname", "no host"}});
    const Answer copy = call("POST", item + "/copy", {id}, O{{"jump_group_id", group}});
    call("DELETE", account, {account_id});
    call("DELETE", item, {id});
    call("DELETE", item, {std::to_string(copy.body.at("destId").as_int64())});
    call("DELETE", item, {id});
  }
  call("DELETE", account, {account_id});
}

TEST_F(OpenApiTest, DescribesExactlyThePathsThatThereAre) {
  std::set<std::string> served{"POST /api/config/v1/login"}, written;
  for (const Route& route : routes())
    served.insert(std::string(route.method) + " " + std::string(route.pattern));
  for (const auto& path : document["paths"]) {
    for (const auto& operation : path.second) {
      std::string method = operation.first.as<std::string>();
      if (method == "parameters") continue;
      for (char& c : method) c = static_cast<char>(std::toupper(c));
      written.insert(method + " " + path.first.as<std::string>());
    }
  }
  EXPECT_EQ(served, written);
}

TEST_F(OpenApiTest, StatesTheLimitsThatTheServerChecks) {
  for (const Schema* schema : all_schemas()) {
    const YAML::Node described = document["components"]["schemas"][std::string(schema->name)];
    ASSERT_TRUE(described.IsDefined()) << schema->name;
    std::set<std::string> required, in_table, in_file;
    for (const YAML::Node& name : described["required"]) required.insert(name.as<std::string>());
    for (const auto& property : described["properties"]) in_file.insert(property.first.as<std::string>());
    for (const Field& field : schema->fields) {
      const std::string name(field.name), where = std::string(schema->name) + "." + name;
      in_table.insert(name);
      const YAML::Node property = described["properties"][name];
      if (!property) continue;
      const auto number = [&](const char* key) {
        return property[key] ? property[key].as<std::int64_t>() : 0;
      };
      const auto is = [&](const char* key) { return property[key] && property[key].as<bool>(); };
      const char* types[] = {"integer", "string", "boolean", "string", "array", "object"};
      EXPECT_EQ(property["type"].as<std::string>(), types[static_cast<int>(field.kind)]) << where;
      EXPECT_EQ(is("readOnly"), (field.rights & kWrite) == 0) << where;
      EXPECT_EQ(is("writeOnly"), (field.rights & kRead) == 0) << where;
      EXPECT_EQ(is("nullable"), (field.rights & kNullable) != 0) << where;
      EXPECT_EQ(required.contains(name), (field.rights & kRequired) != 0) << where;
      const char* low = field.kind == Kind::integer   ? "minimum"
                        : field.kind == Kind::strings ? "minItems"
                                                      : "minLength";
      const char* high = field.kind == Kind::integer   ? "maximum"
                         : field.kind == Kind::strings ? "maxItems"
                                                       : "maxLength";
      EXPECT_EQ(number(low), field.least) << where;
      EXPECT_EQ(number(high), field.most) << where;
      std::string values;
      const YAML::Node list = field.kind == Kind::strings ? property["items"]["enum"] : property["enum"];
      for (const YAML::Node& item : list) values += (values.empty() ? "" : " ") + item.as<std::string>();
      EXPECT_EQ(values, field.values) << where;
      const std::string initial = property["default"] ? property["default"].as<std::string>() : "";
      std::string expected(field.initial);
      std::erase(expected, '"');
      EXPECT_EQ(initial, expected) << where;
      EXPECT_EQ(property["pattern"].IsDefined(),
                field.pattern == Pattern::code_name || field.pattern == Pattern::team_queue)
          << where;
    }
    EXPECT_EQ(in_table, in_file) << schema->name;
  }
}

TEST_F(OpenApiTest, AnswersEveryPathAsDescribed) {
  using O = json::object;
  // Groups and users first: the rest lives in them.
  const std::string groups = api_path("/jump-group"), group = groups + "/{id}";
  const Answer made = call("POST", groups, {}, O{{"name", "Web servers"}});
  const std::string group_id = std::to_string(made.id());
  EXPECT_EQ(made.headers.at("Location"), groups + "/" + group_id);
  call("POST", groups, {}, O{{"name", "web SERVERS"}});
  call("POST", groups, {}, O{});
  call("GET", groups);
  call("GET", groups, {}, nullptr, "?per_page=4");
  call("GET", group, {group_id});
  call("GET", group, {"999"});
  call("PATCH", group, {group_id}, O{{"comments", nullptr}});
  call("PATCH", group, {group_id}, O{{"name", ""}});
  const std::string users = api_path("/user"), user = users + "/{id}";
  const Answer bert =
      call("POST", users, {},
           O{{"username", "bert"}, {"password", "long enough"}, {"email_address", "b@example.org"}});
  ASSERT_EQ(bert.status, 201u) << bert.text;
  const std::string bert_id = std::to_string(bert.id());
  call("POST", users, {}, O{{"username", "BERT"}, {"password", "short"}});
  call("GET", users);
  call("GET", user, {bert_id});
  call("GET", user, {"x"});
  call("PATCH", user, {bert_id}, O{{"password_expiration", "2027-01-01T00:00:00+01:00"}});
  call("PATCH", user, {bert_id}, O{{"password_expiration", "soon"}});
  call("POST", user + "/password", {bert_id}, O{{"password", "another one"}});
  call("POST", user + "/password", {bert_id}, O{});
  const std::string members = group + "/user", member = members + "/{user_id}";
  call("POST", members, {group_id}, O{{"user_id", bert.id()}});
  call("POST", members, {group_id}, O{{"user_id", bert.id()}});
  call("POST", members, {"999"}, O{{"user_id", bert.id()}});
  call("GET", members, {group_id});
  call("GET", members, {"999"});
  call("GET", member, {group_id, bert_id});
  call("GET", member, {group_id, "999"});
  call("PATCH", member, {group_id, bert_id}, O{{"jump_item_role_id", 3}});
  call("PATCH", member, {group_id, bert_id}, O{{"jump_item_role_id", 99}});
  call("GET", api_path("/jump-item-role"), {}, nullptr, "?name=auditor");
  call("GET", api_path("/jump-item-role/{id}"), {"3"});
  call("GET", api_path("/jump-item-role/{id}"), {"99"});

  const std::string installers = api_path("/jump-client/installer"), installer = installers + "/{id}";
  const Answer key = call("POST", installers, {}, O{{"jump_group_id", made.id()}, {"name", "x"}});
  ASSERT_EQ(key.status, 201u) << key.text;
  const std::string key_id = std::to_string(key.id());
  call("POST", installers, {}, O{{"jump_group_id", 999}, {"valid_minutes", 5}});
  call("GET", installers);
  call("GET", installer, {key_id});
  call("PATCH", installer, {key_id}, O{{"valid_minutes", 10}});
  call("PATCH", installer, {"999"}, O{{"valid_minutes", 10}});
  call("GET", installers + "/{installer_id}/{platform}", {key_id, "linux-x86"});
  call("DELETE", installer, {key_id});
  call("DELETE", installer, {key_id});

  store::JumpClient client = add_client(made.id(), "web-01");
  client.operating_system = "Debian GNU/Linux 12 (bookworm)";
  ASSERT_TRUE(store->jump_clients.change(client));
  ASSERT_TRUE(store->jump_clients.set_statistics(client.agent, "anna", O{{"cpu_percent", 1.5}}, kNow));
  const std::string clients = api_path("/jump-client"), one = clients + "/{id}",
                    client_id = std::to_string(client.id);
  call("GET", clients, {}, nullptr, "?search=web&is_lost=false&connection_type=active");
  call("GET", clients, {}, nullptr, "?online=perhaps");
  call("GET", one, {client_id});
  presence.agents[client.agent] = {kNow, "direct 10.0.0.5:443", 1};
  call("GET", one, {client_id});
  call("PATCH", one, {client_id}, O{{"jump_policy_id", nullptr}, {"comments", "a\nb"}});
  call("PATCH", one, {client_id}, O{{"jump_policy_id", 7}, {"comments", "a\x01"}});
  const Answer copy = call("POST", one + "/copy", {client_id});
  call("POST", one + "/approval", {client_id});
  call("POST", one + "/approval", {"999"});
  call("POST", one + "/copy", {client_id}, O{{"tag", "x"}});
  call("POST", one + "/wake", {client_id});
  call("POST", one + "/wake", {client_id}, O{{"password", "x"}});
  call("GET", one + "/wake", {client_id});
  presence.attempts[client.agent].helpers.push_back({"agent:7", "web-02", true, true, "on eth0: nothing"});
  call("GET", one + "/wake", {client_id});
  const store::Session session = add_session(client, admin, 1);
  ASSERT_TRUE(store->sessions.set_recording(session.id, "1.cast"));
  const std::string session_id = to_hex(session.id);
  call("GET", api_path("/session"), {}, nullptr, "?live=true");
  call("GET", api_path("/session/{id}"), {session_id});
  call("GET", api_path("/session/{id}"), {"7"});
  call("GET", api_path("/recording/{id}"), {session_id});
  call("GET", api_path("/recording/{id}"), {std::string(32, '0')});
  call("POST", api_path("/session/{id}/end"), {session_id}, O{{"reason", "enough"}});
  call("POST", api_path("/session/{id}/end"), {session_id}, O{{"reson", "enough"}});
  call_jumpoints(made.id(), bert.id());
  call("DELETE", one, {client_id});
  call("DELETE", one, {std::to_string(copy.body.at("destId").as_int64())});
  call("DELETE", one, {client_id});
  call("DELETE", member, {group_id, bert_id});
  call("DELETE", group, {group_id});
  call("DELETE", user, {bert_id});
  call("DELETE", user, {std::to_string(admin.id)});

  const std::string accounts = api_path("/api-account"), account = accounts + "/{id}";
  const Answer robot = call("POST", accounts, {}, O{{"name", "robot"}, {"perm_command", "read_only"}});
  const std::string robot_id = std::to_string(robot.id());
  call("POST", accounts, {}, O{{"name", "robot"}, {"ip_addresses", "here"}});
  call("GET", accounts);
  call("GET", account, {robot_id});
  call("PATCH", account, {robot_id}, O{{"enabled", false}});
  call("POST", account + "/secret", {robot_id});
  call("DELETE", account, {robot_id});
  call("GET", api_path("/site"));
  call("PATCH", api_path("/site"), {},
       O{{"statistics", json::array{"cpu"}}, {"addresses", json::array{"[::1]:443"}}});
  call("PATCH", api_path("/site"), {},
       O{{"statistics", json::array{"cpu", "cpu"}}, {"addresses", json::array{"nowhere"}}});
  call("GET", api_path("/event"), {}, nullptr, "?what=site.edit&newest_first=true&since_id=1");
  call("GET", api_path("/whoami"));
  const Answer token = call("POST", api_path("/token"), {}, O{{"name", "ci"}});
  call("GET", api_path("/token"));
  call("DELETE", api_path("/token/{id}"), {std::to_string(token.id())});
  call("DELETE", api_path("/token/{id}"), {std::to_string(token.id())});
  described("POST", api_path("/login"), try_log_in("admin"));
  described("POST", api_path("/login"), try_log_in("admin", "wrong"));
  described("POST", api_path("/login"), send("POST", "/login"));
  described("GET", "/openapi.yaml", send("GET", "/openapi.yaml"));
  ApiRequest request;
  request.method = "POST";
  request.target = "/oauth2/token";
  described("POST", request.target, send(request));
  request.content_type = "application/x-www-form-urlencoded";
  request.body = "grant_type=client_credentials&client_id=a&client_secret=b";
  described("POST", request.target, send(request));
  call("POST", api_path("/logout"));
  call("GET", api_path("/site"));

  std::set<std::string> all{"POST /api/config/v1/login"};
  for (const Route& route : routes())
    all.insert(std::string(route.method) + " " + std::string(route.pattern));
  EXPECT_EQ(called, all);
}

}  // namespace
}  // namespace jump::api
