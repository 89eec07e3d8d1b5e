// The deployment key: one string that a generic package needs to find and believe its appliance and to enrol.
//
//     jk1.<base64url of JSON>.<checksum>
//
// The checksum (8 characters: the first 6 bytes of the SHA-256 of all before the last dot, base64url) tells a
// mistyped or cut key from a wrong one; it protects nothing. The secret in it enrols until its installer
// expires: the key is handled as a password is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/secret.h"
#include "common/identity/sha256.h"

namespace jump::identity {

inline constexpr std::size_t kDeploymentKeyChars = 4096;
inline constexpr std::size_t kAddresses = 16;
inline constexpr std::uint32_t kValidityLeast = 10;  // minutes
inline constexpr std::uint32_t kValidityMost = 525600;
inline constexpr std::uint32_t kValidityDefault = 1440;

struct DeploymentKey {
  std::vector<std::string> addresses;  // "host:port", "[2001:db8::1]:443"; 1-16
  std::string ca_pin;
  std::array<std::uint8_t, 16> installer{};  // installer id, 32 hex digits
  Secret secret;                             // 32 bytes
  std::uint32_t validity_minutes =
      kValidityDefault;                      // a client that never connects within them removes itself
  std::array<std::uint8_t, 16> site_salt{};  // for the fingerprint
  std::vector<std::string> proxies;          // Jump Zone Proxy nodes, "host:port"; at most 16
};
BOOST_DESCRIBE_STRUCT(DeploymentKey, (),
                      (addresses, ca_pin, installer, secret, validity_minutes, site_salt, proxies))

// Fault::invalid when a field breaks its limit or the string would be longer than kDeploymentKeyChars.
Result<Secret> format_deployment_key(const DeploymentKey& key);
// Blanks and line ends around and within the text are dropped: keys are pasted from mails. Errors never quote
// the text.
Result<DeploymentKey> parse_deployment_key(std::string_view text);

// What the appliance stores instead of the secret. The secret is random, so a plain digest is enough.
Digest deployment_secret_hash(const Secret& secret);

}  // namespace jump::identity
