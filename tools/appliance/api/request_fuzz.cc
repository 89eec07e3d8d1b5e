// An administrator's requests of any shape: "METHOD target\nbody". Nothing may be answered with 500, and what
// was made must be shown again.
#include "common/base/log.h"
#include "tools/appliance/api/api.h"

namespace {
struct Nobody final : jump::api::Presence {
  std::optional<jump::api::AgentPresence> agent(std::int64_t) const override { return std::nullopt; }
  std::optional<jump::api::AgentPresence> node(std::int64_t) const override { return std::nullopt; }
  std::int64_t online() const override { return 0; }
};

struct Site {
  Nobody presence;
  std::unique_ptr<jump::store::Store> store = jump::store::Store::open(":memory:", 0).value();
  jump::api::ApiOptions options;
  std::unique_ptr<jump::api::Api> api;
  std::string token;

  Site() {
    options.scrypt = {.log2_n = 4, .r = 1, .p = 1};
    options.requests_a_second = options.requests_an_hour = 1'000'000'000;
    api = std::make_unique<jump::api::Api>(*store, presence, options);
    jump::store::User admin;
    admin.username = "admin";
    admin.perm_admin = true;
    const jump::Secret password{std::string_view("password")};
    store->users.create(admin, jump::identity::hash_password(password, options.scrypt).value()).value();
    const std::string body = R"({"username":"admin","password":"password"})";
    const auto in = api->handle({"POST", "/api/config/v1/login", "", "application/json", body, ""}, {});
    token = jump::parse_json_value(in.body, 65536)->at("access_token").as_string();
  }
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Site site;
  const std::string_view text = jump::as_text({data, size});
  const std::string_view line = text.substr(0, text.find('\n'));
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return 0;
  jump::api::ApiRequest request;
  request.method = line.substr(0, blank);
  request.target = line.substr(blank + 1);
  if (request.target.ends_with("/logout") || request.target.find("/token/") != std::string::npos) return 0;
  request.authorization = "Bearer " + site.token;
  request.content_type = "application/json";
  if (line.size() < text.size()) request.body = text.substr(line.size() + 1);
  jump::store::Transaction undone(site.store->db());
  if (site.api->handle(request, {1'800'000'000, {}, 0}).status == 500) __builtin_trap();
  return 0;
}
