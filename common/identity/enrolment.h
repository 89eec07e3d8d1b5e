// The messages of ALPN jump-enroll/1: one request, one response, each u32 big-endian length + JSON, at most
// 64 KiB. Only messages, their limits and the proof of an old key; the decision is the appliance's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/json.h"
#include "common/identity/fingerprint.h"
#include "common/identity/verify.h"

namespace jump::identity {

class PrivateKey;

inline constexpr std::size_t kEnrollBytes = 65536;

// From the deployment key.
struct InstallerProof {
  std::array<std::uint8_t, 16> installer{};
  Secret secret;
};
BOOST_DESCRIBE_STRUCT(InstallerProof, (), (installer, secret))

// Why an old certificate is shown: to become the same asset again, or, as a clone, one of its own like it.
enum class ProofPurpose { adopt, clone };
BOOST_DESCRIBE_ENUM(ProofPurpose, adopt, clone)

// An older identity of this machine, and its key's signature over
//   "jump key proof v1" | 0x00 | purpose name | 0x00 | SHA-256 of the request (CSR, DER).
// Bound to the new key, so that it serves nobody else.
struct KeyProof {
  ProofPurpose purpose = ProofPurpose::adopt;
  std::string certificate;  // PEM; may be expired
  Bytes signature;
};
BOOST_DESCRIBE_STRUCT(KeyProof, (), (purpose, certificate, signature))

// What the command line of the install said; the installer record must allow each that is there.
struct EnrollOverrides {
  std::optional<std::string> name;      // 1-128
  std::optional<std::string> group;     // code name or name of an asset group, 1-255
  std::optional<std::string> tag;       // 0-64
  std::optional<std::string> comments;  // 0-1024
  std::optional<std::uint32_t> max_offline_minutes;
  std::optional<std::string> jump_policy;  // code name, 1-64
  std::optional<std::string> attended_session_policy;
  std::optional<std::string> unattended_session_policy;
  std::optional<bool> ephemeral;
};
BOOST_DESCRIBE_STRUCT(EnrollOverrides, (),
                      (name, group, tag, comments, max_offline_minutes, jump_policy, attended_session_policy,
                       unattended_session_policy, ephemeral))

// One of installer and key proof at least; a clone has only the latter.
struct EnrollRequest {
  PeerRole role = PeerRole::agent;  // agent or node
  std::optional<InstallerProof> installer;
  std::optional<KeyProof> previous;
  Bytes csr;  // PKCS#10, DER
  HashedFingerprint fingerprint;
  std::string hostname;          // 1-255
  std::string operating_system;  // 0-255
  std::string software;          // 0-255
  EnrollOverrides overrides;
};
BOOST_DESCRIBE_STRUCT(EnrollRequest, (),
                      (role, installer, previous, csr, fingerprint, hostname, operating_system, software,
                       overrides))

// How it came out.
enum class EnrollHow { created, adopted, cloned };
BOOST_DESCRIBE_ENUM(EnrollHow, created, adopted, cloned)

struct Enrolled {
  std::uint64_t id = 0;  // of the agent or node
  EnrollHow how = EnrollHow::created;
  std::string certificate;             // PEM
  Bytes trust_bundle;                  // trust_bundle.h
  std::vector<std::string> addresses;  // "host:port", 1-16
  std::uint64_t addresses_serial = 0;
  std::int64_t time = 0;  // the appliance's clock
  json::value settings;   // as in a settings order
};
BOOST_DESCRIBE_STRUCT(Enrolled, (),
                      (id, how, certificate, trust_bundle, addresses, addresses_serial, time, settings))

enum class EnrollError {
  malformed,             // a limit or a shape is broken; the text says which
  unknown_installer,     // deleted, never there, or the secret is wrong (not told apart)
  expired,               // the installer's validity is over
  override_not_allowed,  // text: which
  group_unknown,
  limit_reached,   // licences, nodes of a Jumpoint that is not clustered, …
  needs_approval,  // adoption or clone waits for an administrator: ask again
  refused,         // adopt or clones is off, revoked, fingerprint differs; text says which
  bad_request,     // the CSR: not P-256, not signed by its own key
  busy,            // ask again
  internal
};
BOOST_DESCRIBE_ENUM(EnrollError, malformed, unknown_installer, expired, override_not_allowed, group_unknown,
                    limit_reached, needs_approval, refused, bad_request, busy, internal)

struct EnrollRefusal {
  EnrollError code = EnrollError::refused;
  std::string text;  // for the person who installs
  std::optional<std::uint32_t> retry_after_seconds;
};
BOOST_DESCRIBE_STRUCT(EnrollRefusal, (), (code, text, retry_after_seconds))

// Exactly one of both.
struct EnrollResponse {
  std::optional<Enrolled> enrolled;
  std::optional<EnrollRefusal> refusal;
};
BOOST_DESCRIBE_STRUCT(EnrollResponse, (), (enrolled, refusal))

// Read and limits checked at once: the lengths above, one proof at least, role not appliance.
Result<EnrollRequest> parse_enroll_request(std::string_view text);
// Exactly one answer; the certificate is parsed and its identity is `id`.
Result<EnrollResponse> parse_enroll_response(std::string_view text);

// The agent's half: `key` belongs to `certificate`.
KeyProof make_key_proof(ProofPurpose purpose, const Certificate& certificate, const PrivateKey& key,
                        ByteView csr);
// The appliance's half: the certificate is one of ours for an agent or node (an expired one passes with
// renewal_only) and its key signed this very request. Revocation is the caller's to look up.
Result<VerifiedPeer> check_key_proof(const KeyProof& proof, ByteView csr, const CaSet& authorities,
                                     std::int64_t now);

}  // namespace jump::identity
