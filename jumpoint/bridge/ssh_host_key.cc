#include "jumpoint/bridge/ssh_host_key.h"

#include <sstream>
#include <utility>

#include "common/base/bytes.h"

namespace jump::bridge {
namespace {

constexpr std::size_t kLineMost = 16 * 1024;

std::string fingerprint_of(ssh_key key) {
  unsigned char* hash = nullptr;
  std::size_t size = 0;
  if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != SSH_OK) return {};
  char* text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size);
  std::string fingerprint = text == nullptr ? "" : text;
  ssh_string_free_char(text);
  ssh_clean_pubkey_hash(&hash);
  return fingerprint;
}

Result<HostKey> describe(ssh_key key) {
  HostKey described;
  const ssh_keytypes_e type = ssh_key_type(key);
  const bool ecdsa = type >= SSH_KEYTYPE_ECDSA_P256 && type <= SSH_KEYTYPE_ECDSA_P521;
  const char* name = ecdsa ? ssh_pki_key_ecdsa_name(key) : ssh_key_type_to_char(type);
  char* base64 = nullptr;
  if (name == nullptr || ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK)
    return Error(Fault::unsupported, "a host key of a kind that is not known here");
  described.type = name;
  described.line = described.type + " " + base64;
  ssh_string_free_char(base64);
  described.fingerprint = fingerprint_of(key);
  if (described.fingerprint.empty()) return Error(Fault::internal, "libssh makes no fingerprint");
  return described;
}

}  // namespace

Result<HostKey> host_key_of(const SshConnection& connection, ssh_session session) {
  ssh_key raw = nullptr;
  if (ssh_get_server_publickey(session, &raw) != SSH_OK) return connection.last_error("host key");
  const SshKey key(raw);
  return describe(key.get());
}

Result<HostKey> parse_host_key(const std::string& line) {
  std::istringstream words(line.substr(0, kLineMost));
  std::string type;
  std::string base64;
  words >> type >> base64;
  ssh_key raw = nullptr;
  const ssh_keytypes_e kind = ssh_key_type_from_name(type.c_str());
  if (kind == SSH_KEYTYPE_UNKNOWN || ssh_pki_import_pubkey_base64(base64.c_str(), kind, &raw) != SSH_OK)
    return Error(Fault::malformed, "'" + printable(line, 64) + "' is no host key");
  const SshKey key(raw);
  return describe(key.get());
}

std::vector<std::string> host_key_types(const std::vector<std::string>& kept) {
  std::vector<std::string> types;
  for (const std::string& line : kept) {
    if (const Result<HostKey> key = parse_host_key(line)) types.push_back(key->type);
  }
  return types;
}

Task<Result<void>> check_host_key(const SshConnection& connection, ssh_session session,
                                  const std::vector<std::string>& kept, Conversation& person) {
  const Result<HostKey> shown = host_key_of(connection, session);
  if (!shown) co_return shown.error();
  std::string known;
  for (const std::string& line : kept) {
    const Result<HostKey> key = parse_host_key(line);
    if (key && key->line == shown->line) co_return Result<void>();
    known += (known.empty() ? "" : ", ") + (key ? key->type + " " + key->fingerprint : printable(line, 64));
  }
  if (!kept.empty()) {
    co_return Error(Fault::refused,
                    connection.who() + ": the host key has changed; it may be another machine. Shown: " +
                        shown->type + " " + shown->fingerprint + "; kept for this asset: " + known +
                        ". If that is right, an administrator clears what is kept: jump asset host-keys "
                        "ASSET --clear");
  }
  session::Prompt prompt;
  prompt.kind = session::PromptKind::host_key;
  prompt.title = "First connection to " + connection.who();
  prompt.instruction = shown->type + " key fingerprint is " + shown->fingerprint;
  prompt.host_key = shown->line;
  const Result<std::vector<Secret>> answer = co_await person.ask(std::move(prompt));
  if (!answer && answer.error().is(Fault::refused))
    co_return Error(Fault::refused, connection.who() + ": the host key was not confirmed");
  if (!answer) co_return answer.error();
  co_return Result<void>();
}

}  // namespace jump::bridge
