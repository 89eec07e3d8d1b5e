// The way to the appliance for the console: an address, TCP, TLS with the pinned CA. For the API and for the
// tunnel.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/task_group.h"
#include "common/identity/host_port.h"
#include "common/tunnel/tls_stream.h"
#include "tools/console/api/home.h"

namespace jump::console {

// "https://host[:port][/]", "host[:port]"; 443 where no port is named. http:// is refused.
Result<identity::HostPort> parse_address(std::string_view url);
std::string to_text(const identity::HostPort& address);

// Who the appliance must be. One of these, made once and used for all connections.
using TlsClientPtr = std::shared_ptr<const tunnel::TlsClient>;
// After log-in: any CA that was stored (trust.h keeps it up to date).
Result<TlsClientPtr> trusted(const Login& login);

// First contact. Without a pin everything that is well-formed passes, and what was seen is to be shown to a
// person before anything secret is sent.
struct FirstContact {
  std::string pin;                       // expected; empty: to be learnt
  std::vector<std::string> authorities;  // PEM, that was seen
};
// `contact` is filled in by the first connection and outlives the client.
Result<TlsClientPtr> first_contact(FirstContact& contact);

// At most limits::kTlsTimeout for each of both steps.
Task<Result<std::unique_ptr<tunnel::TlsStream>>> connect(identity::HostPort address, TlsClientPtr client,
                                                         std::string alpn);

}  // namespace jump::console
