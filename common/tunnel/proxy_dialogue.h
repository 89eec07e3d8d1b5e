// What is said to a proxy until it has connected us to the appliance: small state machines over bytes.
//
//     std::string out = dialogue->begin();            send it
//     Result<Step> step = dialogue->received(bytes);  as often as bytes come, until Step::done
//
// Nothing may come behind the proxy's last word: the appliance does not speak first in TLS, so such bytes are
// the proxy's own, and refused.
#pragma once

#include <memory>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/tunnel/address.h"
#include "common/tunnel/routes.h"

namespace jump::tunnel {

class ProxyDialogue {
 public:
  struct Step {
    bool done = false;
    Bytes send;  // the next thing to say
  };
  virtual ~ProxyDialogue() = default;
  virtual Bytes begin() = 0;
  // Fault::refused with the proxy's reason, Fault::malformed for what is no answer, Fault::too_large.
  virtual Result<Step> received(ByteView bytes) = 0;
};

// HTTP CONNECT. The answer's header is limited to 8 KiB; the first line of a refusal's body is quoted.
std::unique_ptr<ProxyDialogue> http_connect(const Address& target, std::string user, Secret password);
// SOCKS5 with remote name resolution.
std::unique_ptr<ProxyDialogue> socks5_connect(const Address& target, std::string user, Secret password);

// The one for a route's kind; none for direct (CHECK).
std::unique_ptr<ProxyDialogue> dialogue_for(const Route& route, const Address& target);

}  // namespace jump::tunnel
