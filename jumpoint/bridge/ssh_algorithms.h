// Which algorithms a target is offered, as the comma separated lists of the SSH protocol.
#pragma once

#include <string>
#include <vector>

namespace jump::bridge {

struct SshAlgorithms {
  std::string key_exchange;
  std::string ciphers;
  std::string macs;
  std::string host_keys;
  std::string signatures;  // of our own keys
};

// `legacy` appends what is known to be weak: SHA-1, CBC, small groups. `known` are host key types that stand
// first.
SshAlgorithms ssh_algorithms(bool legacy, const std::vector<std::string>& known);

}  // namespace jump::bridge
