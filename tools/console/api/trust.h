// Whom this console believes to be its appliance, and how it learns of the next CA: the appliance sends the
// trust bundle over each tunnel (control::TrustNotice), and it stays with the log-in for later commands.
#pragma once

#include <memory>

#include "common/base/bytes.h"
#include "tools/console/api/connect.h"
#include "tools/console/api/home.h"

namespace jump::console {

// One for all connections of a command.
class Trust {
 public:
  // The CAs that are stored with the log-in.
  static Result<std::shared_ptr<Trust>> of_login(Home home, Login login);
  // Before there is a log-in.
  explicit Trust(TlsClientPtr client) : client_(std::move(client)) {}

  // For the next connection; ask again for each.
  const TlsClientPtr& client() const { return client_; }
  // Believes the bundle from now on and keeps it. Refused: not signed by a CA that is believed, older than
  // the one that is held.
  Result<void> learn(ByteView bundle);

 private:
  TlsClientPtr client_;
  Home home_{""};
  Login login_;
};
using TrustPtr = std::shared_ptr<Trust>;

}  // namespace jump::console
