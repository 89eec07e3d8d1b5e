#include "common/identity/fingerprint.h"

#include <algorithm>
#include <array>

namespace jump::identity {
namespace {

constexpr std::size_t kHashBytes = 16;

// What makers of boards leave in place of a serial number, as tidy() writes it.
constexpr std::array<std::string_view, 21> kUnfilled = {"none",
                                                        "n/a",
                                                        "na",
                                                        "null",
                                                        "unknown",
                                                        "not specified",
                                                        "not available",
                                                        "not applicable",
                                                        "not present",
                                                        "default string",
                                                        "system serial number",
                                                        "base board serial number",
                                                        "chassis serial number",
                                                        "to be filled by o.e.m.",
                                                        "to be filled by oem",
                                                        "o.e.m.",
                                                        "oem",
                                                        "invalid",
                                                        "empty",
                                                        "0123456789",
                                                        "123456789"};

// Serials that whole product lines share: the UUID of boards whose maker never set one (seen in DMI tables of
// several makers).
constexpr std::string_view kSharedUuid = "03000200-0400-0500-0006-000700080009";

std::string tidy(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
    if (blank) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool says_nothing(const std::string& value) {
  if (value.empty() || value == kSharedUuid) return true;
  if (std::find(kUnfilled.begin(), kUnfilled.end(), value) != kUnfilled.end()) return true;
  // "0000-0000", "ffffffff", "........": one character again and again.
  char only = 0;
  for (const char c : value) {
    if (c == '-' || c == ':' || c == ' ' || c == '.') continue;
    if (only == 0) only = c;
    if (c != only) return false;
  }
  return only == 0 || only == '0' || only == 'f' || only == 'x' || only == '*';
}

bool shares_a_value(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& value) {
    return std::find(b.begin(), b.end(), value) != b.end();
  });
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

}  // namespace

HashedFingerprint hash_parts(const FingerprintParts& parts, ByteView site_salt) {
  HashedFingerprint hashed;
  for (const auto& [name, values] : parts) {
    std::vector<std::string> out;
    for (const std::string& value : values) {
      const std::string tidied = tidy(value);
      if (says_nothing(tidied)) continue;
      Bytes input = to_bytes(name);
      input.push_back(0);
      input.insert(input.end(), tidied.begin(), tidied.end());
      out.push_back(to_hex(ByteView(hmac_sha256(site_salt, input)).first(kHashBytes)));
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    if (out.size() > kFingerprintValues) out.resize(kFingerprintValues);
    if (!out.empty()) hashed.parts[name] = std::move(out);
  }
  return hashed;
}

Digest summary(const HashedFingerprint& fingerprint) {
  Sha256 hash;
  const std::string zero(1, '\0');
  for (const auto& [name, values] : fingerprint.parts) {
    hash.update(as_bytes(name + zero));
    for (const std::string& value : values) hash.update(as_bytes(value + zero));
    hash.update(as_bytes(zero));
  }
  return hash.finish();
}

bool similar(const HashedFingerprint& a, const HashedFingerprint& b) {
  std::size_t compared = 0;
  std::size_t different = 0;
  for (const auto& [name, values] : a.parts) {
    const auto other = b.parts.find(name);
    if (other == b.parts.end()) continue;
    ++compared;
    if (!shares_a_value(values, other->second)) ++different;
  }
  return compared > 0 && different * 2 <= compared;
}

Result<void> check(const HashedFingerprint& fingerprint) {
  if (fingerprint.parts.size() > kFingerprintParts) {
    return Error(Fault::too_large,
                 "fingerprint: " + std::to_string(fingerprint.parts.size()) + " parts, at most 16 are taken");
  }
  for (const auto& [name, values] : fingerprint.parts) {
    const std::string title = "fingerprint." + printable(name, 40);
    if (!is_name(name)) return Error(Fault::malformed, title + ": no name of a part");
    if (values.empty() || values.size() > kFingerprintValues) {
      return Error(Fault::malformed,
                   title + ": " + std::to_string(values.size()) + " values, 1 to 64 are taken");
    }
    for (const std::string& value : values) {
      const Result<Bytes> bytes = from_hex(value);
      if (!bytes || bytes->size() != kHashBytes) {
        return Error(Fault::malformed, title + ": a value that is not 32 hex digits");
      }
    }
  }
  return {};
}

}  // namespace jump::identity
