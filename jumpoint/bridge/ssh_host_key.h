// Whether a target is the one that it was: its host key against those that the appliance keeps for the asset.
// Decided here, before anything secret is sent; the appliance keeps what a person confirmed.
#pragma once

#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/task_group.h"
#include "jumpoint/bridge/conversation.h"
#include "jumpoint/bridge/ssh_connection.h"

namespace jump::bridge {

struct HostKey {
  std::string line;         // "ssh-ed25519 AAAA…"
  std::string type;         // "ssh-ed25519"
  std::string fingerprint;  // "SHA256:…", as ssh-keygen -l shows it
};

// Of the connection after its handshake.
Result<HostKey> host_key_of(const SshConnection& connection, ssh_session session);
// One line of what is kept: type and base64, further words do not matter.
Result<HostKey> parse_host_key(const std::string& line);

// No key is kept: the person is asked. One of `kept` fits: fine. None: Fault::refused with both fingerprints.
Task<Result<void>> check_host_key(const SshConnection& connection, ssh_session session,
                                  const std::vector<std::string>& kept, Conversation& person);

// The types of keys that are kept, for SshOptions.
std::vector<std::string> host_key_types(const std::vector<std::string>& kept);

}  // namespace jump::bridge
