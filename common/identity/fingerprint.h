// The machine fingerprint (PRODUCT.md 2.4): tells a reinstalled machine (adopt) from a new one and a clone
// (enrol apart). What it is made of is read by the agent; here is what is done with it. Pure.
//
// A part has a name ("dmi_uuid", "board_serial", "disks") and one or more values; the order of values does
// not matter. Values leave the machine only as HMAC-SHA256(site salt, name 0x00 value), cut to 16 bytes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/identity/sha256.h"

namespace jump::identity {

inline constexpr std::size_t kFingerprintParts = 16;   // names; more are refused
inline constexpr std::size_t kFingerprintValues = 64;  // of one part; more are refused

using FingerprintParts = std::map<std::string, std::vector<std::string>>;

struct HashedFingerprint {
  std::map<std::string, std::vector<std::string>> parts;  // values: 32 hex digits, sorted, each once
};
BOOST_DESCRIBE_STRUCT(HashedFingerprint, (), (parts))

// Blanks and case do not count. Left out: empty values and those that makers leave unfilled ("To Be Filled By
// O.E.M.", "Default string", only zeros or Fs, …), which would make strangers equal.
HashedFingerprint hash_parts(const FingerprintParts& parts, ByteView site_salt);

// One digest over all (Hello.fingerprint): equal means nothing at all changed.
Digest summary(const HashedFingerprint& fingerprint);

// The same machine? Only parts that both have are compared; a part is the same when one value is (a disk was
// added or replaced). Different when more than half of them differ, or when there is nothing to compare.
bool similar(const HashedFingerprint& a, const HashedFingerprint& b);

// From a peer: limits above, names [a-z0-9_]{1,32}, values 32 hex digits.
Result<void> check(const HashedFingerprint& fingerprint);

}  // namespace jump::identity
