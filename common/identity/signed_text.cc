#include "common/identity/signed_text.h"

#include <algorithm>

#include "common/base/check.h"

namespace jump::identity {

namespace {
constexpr std::uint8_t kVersion = 1;
}

Bytes format_signed(const std::vector<KeySignature>& signatures, std::string_view text) {
  CHECK(!signatures.empty() && signatures.size() <= kSignatures);
  Bytes out = {kVersion, static_cast<std::uint8_t>(signatures.size())};
  for (const KeySignature& one : signatures) {
    CHECK(one.signature.size() <= 255);
    out.insert(out.end(), one.key.begin(), one.key.end());
    out.push_back(static_cast<std::uint8_t>(one.signature.size()));
    out.insert(out.end(), one.signature.begin(), one.signature.end());
  }
  const ByteView body = as_bytes(text);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

Result<SignedText> parse_signed(ByteView bytes, std::size_t limit, std::string_view what) {
  const std::string name(what);
  if (bytes.size() > limit) {
    return Error(Fault::too_large, name + ": " + std::to_string(bytes.size()) + " bytes, at most " +
                                       std::to_string(limit) + " are taken");
  }
  Error cut(Fault::malformed, name + ": cut short");
  if (bytes.size() < 2) return cut;
  if (bytes[0] != kVersion) {
    return Error(Fault::unsupported, name + ": version " + std::to_string(bytes[0]) + ", 1 is known");
  }
  const std::size_t count = bytes[1];
  if (count == 0 || count > kSignatures) {
    return Error(Fault::malformed, name + ": " + std::to_string(count) + " signatures, 1 to 8 are taken");
  }
  bytes = bytes.subspan(2);
  SignedText parsed;
  for (std::size_t i = 0; i < count; ++i) {
    KeySignature one;
    if (bytes.size() < one.key.size() + 1) return cut;
    std::copy_n(bytes.begin(), one.key.size(), one.key.begin());
    const std::size_t size = bytes[one.key.size()];
    bytes = bytes.subspan(one.key.size() + 1);
    if (bytes.size() < size) return cut;
    one.signature.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    bytes = bytes.subspan(size);
    parsed.signatures.push_back(std::move(one));
  }
  parsed.text = as_text(bytes);
  return parsed;
}

Bytes signing_input(std::string_view domain, std::string_view text) {
  Bytes input = to_bytes(domain);
  input.reserve(domain.size() + 1 + text.size());
  input.push_back(0);
  const ByteView body = as_bytes(text);
  input.insert(input.end(), body.begin(), body.end());
  return input;
}

}  // namespace jump::identity
