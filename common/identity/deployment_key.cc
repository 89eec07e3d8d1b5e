#include "common/identity/deployment_key.h"

#include <algorithm>

#include "common/identity/host_port.h"
#include "common/identity/key.h"

namespace jump::identity {
namespace {

constexpr std::string_view kPrefix = "jk1.";
constexpr std::size_t kChecksumBytes = 6;
constexpr std::size_t kChecksumChars = 8;
constexpr std::size_t kSecretBytes = 32;

std::string checksum(std::string_view text) {
  return to_base64url(ByteView(sha256(as_bytes(text))).first(kChecksumBytes));
}

Result<void> check_list(const std::vector<std::string>& list, std::size_t least, std::string_view what) {
  if (list.size() < least || list.size() > kAddresses) {
    return Error(Fault::invalid, "deployment key: " + std::to_string(list.size()) + " " + std::string(what) +
                                     ", " + std::to_string(least) + " to 16 are taken");
  }
  for (const std::string& item : list) {
    const Result<HostPort> parsed = parse_host_port(item);
    if (!parsed) return wrap(parsed.error(), "deployment key");
  }
  return {};
}

Result<void> check_fields(const DeploymentKey& key) {
  Result<void> checked = check_list(key.addresses, 1, "addresses");
  if (checked) checked = check_list(key.proxies, 0, "proxies");
  if (!checked) return checked;
  if (!is_pin(key.ca_pin))
    return Error(Fault::invalid, "deployment key: the CA pin is not 43 characters of base64url");
  if (key.secret.size() != kSecretBytes)
    return Error(Fault::invalid, "deployment key: the secret is not 32 bytes");
  if (key.validity_minutes < kValidityLeast || key.validity_minutes > kValidityMost) {
    return Error(Fault::invalid, "deployment key: a validity of " + std::to_string(key.validity_minutes) +
                                     " minutes, 10 to 525600 are taken");
  }
  return {};
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

Result<Secret> format_deployment_key(const DeploymentKey& key) {
  const Result<void> checked = check_fields(key);
  if (!checked) return checked.error();
  std::string json = to_json_text(key);
  std::string text = std::string(kPrefix) + to_base64url(as_bytes(json));
  wipe(json.data(), json.size());
  text += "." + checksum(text);
  const std::size_t size = text.size();
  Secret secret{std::string_view(text)};
  wipe(text.data(), text.size());
  if (size > kDeploymentKeyChars) {
    return Error(Fault::invalid, "deployment key: " + std::to_string(size) +
                                     " characters with these addresses and proxies, at most 4096 fit");
  }
  return secret;
}

Result<DeploymentKey> parse_deployment_key(std::string_view pasted) {
  if (pasted.size() > 2 * kDeploymentKeyChars) {
    return Error(Fault::too_large, "deployment key: longer than 4096 characters");
  }
  Bytes kept;
  kept.reserve(pasted.size());
  std::copy_if(pasted.begin(), pasted.end(), std::back_inserter(kept), [](char c) { return !is_blank(c); });
  const Secret whole(std::move(kept));
  const std::string_view text = whole.reveal_text();
  if (text.empty()) return Error(Fault::malformed, "deployment key: empty");
  if (text.size() > kDeploymentKeyChars)
    return Error(Fault::too_large, "deployment key: longer than 4096 characters");
  if (!text.starts_with("jk"))
    return Error(Fault::malformed, "deployment key: this is none, one starts with jk1.");
  const std::size_t dot = text.rfind('.');
  if (!text.starts_with(kPrefix)) {
    const std::size_t first = text.find('.');
    const bool newer = first != std::string_view::npos && first > 2 &&
                       text.substr(2, first - 2).find_first_not_of("0123456789") == std::string_view::npos;
    if (newer) {
      return Error(Fault::unsupported, "deployment key: version " +
                                           std::string(text.substr(2, std::min<std::size_t>(first - 2, 8))) +
                                           ", this program knows 1");
    }
  }
  const bool whole_and_right = text.starts_with(kPrefix) && dot >= kPrefix.size() &&
                               text.size() - dot - 1 == kChecksumChars &&
                               text.substr(dot + 1) == checksum(text.substr(0, dot));
  if (!whole_and_right)
    return Error(Fault::malformed, "deployment key: mistyped or cut, its checksum does not fit");
  Result<Bytes> body = from_base64url(text.substr(kPrefix.size(), dot - kPrefix.size()));
  if (!body) return wrap(body.error(), "deployment key");
  const Secret json(std::move(*body));
  Result<DeploymentKey> key = from_json_text<DeploymentKey>(json.reveal_text(), kDeploymentKeyChars);
  if (!key) return wrap(key.error(), "deployment key");
  const Result<void> checked = check_fields(*key);
  if (!checked) return checked.error();
  return key;
}

Digest deployment_secret_hash(const Secret& secret) {
  Bytes input = to_bytes("jump deployment secret v1");
  input.push_back(0);
  input.insert(input.end(), secret.reveal().begin(), secret.reveal().end());
  const Digest digest = sha256(input);
  wipe(input.data(), input.size());
  return digest;
}

}  // namespace jump::identity
