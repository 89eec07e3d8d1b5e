// $JUMP_HOME: what `jump` remembers of a log-in. The folder is 0700, the file 0600.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "common/base/secret.h"
#include "common/identity/trust_bundle.h"

namespace jump::console {

// HOME/login.json
struct Login {
  std::string address;                         // "appliance.example:443"
  std::string ca_pin;                          // SHA-256 of the CA's SubjectPublicKeyInfo, base64url
  std::vector<std::string> authorities;        // PEM, the one with the pin first: seen at log-in
  std::optional<identity::TrustBundle> trust;  // what the appliance has handed out since; it counts then
  std::string user;
  std::optional<std::int64_t> user_id;
  Secret token;
  std::optional<std::int64_t> token_expires;  // seconds since 1970
};
BOOST_DESCRIBE_STRUCT(Login, (), (address, ca_pin, authorities, trust, user, user_id, token, token_expires))

class Home {
 public:
  explicit Home(std::string folder) : folder_(std::move(folder)) {}

  const std::string& folder() const { return folder_; }
  // Fault::unauthenticated when nobody is logged in.
  Result<Login> login() const;
  Result<void> keep(const Login& login) const;
  Result<void> forget_login() const;

 private:
  std::string login_path() const { return folder_ + "/login.json"; }
  std::string folder_;
};

}  // namespace jump::console
