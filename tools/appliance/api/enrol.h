// Enrolment, the appliance's half (PRODUCT.md 2.3-2.5, 5.4): from a request to an asset or a node with a
// certificate, or a refusal.
//
// All of it happens in one transaction of the store, with its events. The one thing that the database cannot
// know, whether the old tunnel of an asset is alive, is asked beforehand: enrol() answers with whom to ping,
// the caller pings it and calls again with what it saw.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/identity/enrolment.h"
#include "tools/appliance/api/effects.h"
#include "tools/appliance/store/store.h"

namespace jump::api {

struct IssuedCertificate {
  std::string pem;
  std::string serial;  // hex, lower case
  std::int64_t not_after = 0;
};

struct EnrolPorts {
  // Issues for exactly this agent or node; an error is the request's fault (bad_request) when invalid or
  // malformed.
  std::function<Result<IssuedCertificate>(const identity::EnrollRequest&, std::uint64_t id)> issue;
  // The trust bundle as it is handed out now.
  std::function<Bytes()> trust_bundle;
  // What a settings order for this agent would say; `zone_proxies`: by which it comes.
  std::function<json::value(const store::JumpClient&, const std::vector<std::string>& zone_proxies)> settings;
  // The same for a node of this Jumpoint.
  std::function<json::value(const store::Jumpoint&)> node_settings;
  // Is this node connected now?
  std::function<bool(std::int64_t node)> node_online;
  // identity::check_key_proof with the site's authorities.
  std::function<Result<identity::VerifiedPeer>(const identity::KeyProof&, ByteView csr)> check_proof;
};

// The caller's clock and what it knows of the peer.
struct EnrolContext {
  std::int64_t now = 0;
  std::int64_t run = 0;
  std::string remote_address;
  // What a ping of the agent or node that NeedsPing named gave.
  struct Pinged {
    store::Endpoint endpoint;
    bool alive = false;
  };
  std::optional<Pinged> pinged;
};

// Ping this tunnel (5 s; no tunnel = not alive) and call again.
struct NeedsPing {
  store::Endpoint endpoint;
};

struct EnrolOutcome {
  identity::EnrollResponse response;
  Effects effects;
  std::string refusal_about;  // "installer:3": what the event of a refusal is about; empty: none was written
};

// The asset of a clone: like the original, named after its own host.
store::JumpClient clone_of(const store::JumpClient& original, std::string_view hostname);

// An Error is the store's (full disk): answer busy.
Result<std::variant<NeedsPing, EnrolOutcome>> enrol(store::Store& store, const EnrolPorts& ports,
                                                    const identity::EnrollRequest& request,
                                                    const EnrolContext& context);

}  // namespace jump::api
