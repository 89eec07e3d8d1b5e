// The configuration API (API.md, openapi.yaml) as one synchronous function over the store.
//
// A request's way: target parsed → route found in one table → who is asking (bearer token) → rate limit →
// rights → the handler, inside one transaction with its events → response and effects. A response of 400 or
// more changed nothing.
//
// One thread: the database thread. Nothing here waits; only passwords are slow (a quarter of a second of
// scrypt), so begin() hands such work out, to be run on any other thread, and finish() goes on with it.
//
// What the shape leaves open, decided here:
//   - read-only members in a POST or PATCH are ignored (a client may send back what it read); members that
//   are no fields, and
//     filters that are none, are 422
//   - times that are not there are left out
//   - a personal list is jump_group_type personal with the user's id as jump_group_id
//   - the deployment key of an installer stands in key_info.encodedInfo
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/identity/password.h"
#include "tools/appliance/api/effects.h"
#include "tools/appliance/api/presence.h"
#include "tools/appliance/api/principal.h"
#include "tools/appliance/api/start.h"
#include "tools/appliance/store/store.h"

namespace jump::api {

inline constexpr std::size_t kBodyBytes = 256 * 1024;    // larger is 413
inline constexpr std::size_t kTargetBytes = 8192;        // larger is 414
inline constexpr std::string_view kLoginPrefix = "jct";  // tokens of a log-in
inline constexpr std::string_view kApiPrefix = "jat";    // users' own API tokens, and those of API accounts

struct ApiRequest {
  std::string method;         // "GET"
  std::string target;         // "/api/config/v1/jump-client?per_page=10", as received
  std::string authorization;  // the header's value; empty: none
  std::string content_type;
  std::string body;
  std::string remote_address;  // without port
};

struct ApiResponse {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // Content-Type among them
  std::string body;
  // Instead of a body: the file of this name below the recordings folder, as it is now.
  std::optional<std::string> file;
  Effects effects;
};

struct ApiClock {
  std::int64_t wall = 0;  // seconds since 1970
  Instant now{};          // for rate limits
  std::int64_t run = 0;   // the appliance's run time in seconds (store.h)
};

struct ApiOptions {
  std::string software_version;  // of this appliance; agents with another one need an update
  std::string ca_pin;            // for deployment keys
  std::array<std::uint8_t, 16> site_salt{};
  // Installer secrets are derived from it, so that their keys can be shown again; empty: a key is shown once,
  // when made.
  Secret installer_master;
  Secret vault_key;  // 32 bytes: stored credentials are sealed with it
  identity::ScryptCost scrypt;
  std::uint32_t requests_a_second = 20;
  std::uint32_t requests_an_hour = 15000;
};

// A password to be checked. run() takes a quarter of a second and 32 MiB, on any thread; it touches no store.
class PasswordWork {
 public:
  void run();

 private:
  friend class Api;
  Secret password_;
  std::string stored_;  // one that nothing matches when there is no such user
  identity::ScryptCost cost_;
  bool matches_ = false;
  std::string rehashed_;  // when the stored one was made at another cost
  std::int64_t user_ = 0;
  std::string username_;
  std::string remote_address_;
};

class Api {
 public:
  Api(store::Store& store, const Presence& presence, ApiOptions options);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  // Everything at once: begin(), run(), finish().
  ApiResponse handle(const ApiRequest& request, const ApiClock& clock);

  std::variant<ApiResponse, PasswordWork> begin(const ApiRequest& request, const ApiClock& clock);
  ApiResponse finish(PasswordWork work, const ApiClock& clock);

  // Who a token belongs to: unauthenticated (unknown, expired, owner disabled). For consoles' tunnels: not
  // counted against the rate limits.
  Result<Principal> authenticate(std::string_view token, std::string_view remote_address, std::int64_t now);

  // May this user start a session with this asset (start.h)?
  Result<Startable> may_start(std::int64_t user, std::int64_t asset);

 private:
  std::variant<ApiResponse, PasswordWork> begin_login(const ApiRequest& request, const ApiClock& clock);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jump::api
