#include "jumpoint/bridge/ssh_algorithms.h"

#include <algorithm>
#include <string_view>

namespace jump::bridge {
namespace {

using Names = std::vector<std::string_view>;

std::string joined(const Names& names) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ',';
    text += name;
  }
  return text;
}

Names with(Names names, bool legacy, const Names& more) {
  if (legacy) names.insert(names.end(), more.begin(), more.end());
  return names;
}

}  // namespace

SshAlgorithms ssh_algorithms(bool legacy, const std::vector<std::string>& known) {
  SshAlgorithms chosen;
  chosen.key_exchange = joined(with(
      {"curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
       "ecdh-sha2-nistp521", "diffie-hellman-group18-sha512", "diffie-hellman-group16-sha512",
       "diffie-hellman-group-exchange-sha256", "diffie-hellman-group14-sha256"},
      legacy,
      {"diffie-hellman-group14-sha1", "diffie-hellman-group-exchange-sha1", "diffie-hellman-group1-sha1"}));
  chosen.ciphers = joined(with({"aes128-gcm@openssh.com", "aes256-gcm@openssh.com",
                                "chacha20-poly1305@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr"},
                               legacy, {"aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc"}));
  chosen.macs = joined(with(
      {"hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"},
      legacy, {"hmac-sha1-etm@openssh.com", "hmac-sha1"}));
  const Names signatures = with({"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                                 "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256"},
                                legacy, {"ssh-rsa"});
  // A server has one key of each type: the one that is known is the one to see.
  const auto is_known = [&](std::string_view name) {
    const std::string_view type = name.starts_with("rsa-") ? "ssh-rsa" : name;
    return std::find(known.begin(), known.end(), type) != known.end();
  };
  Names host_keys;
  for (const bool wanted : {true, false}) {
    for (const std::string_view name : signatures) {
      if (is_known(name) == wanted) host_keys.push_back(name);
    }
  }
  chosen.host_keys = joined(host_keys);
  chosen.signatures = joined(signatures) +
                      ",ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,"
                      "ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com,"
                      "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com" +
                      (legacy ? ",ssh-rsa-cert-v01@openssh.com" : "");
  return chosen;
}

}  // namespace jump::bridge
