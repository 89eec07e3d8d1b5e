#include "jumpoint/bridge/ssh_login.h"

#include <sstream>
#include <utility>

#include "common/base/bytes.h"

namespace jump::bridge {
namespace {

constexpr auto kAnswerLimit = std::chrono::seconds(30);  // of the target, for each step
constexpr int kTypedTries = 3;
constexpr int kRoundsMost = 12;  // of all ways together: a target may want several in a row
constexpr std::size_t kUserMost = 128;
constexpr std::size_t kKeyMost = 16 * 1024;
constexpr std::size_t kBannerMost = 512;

// Zero-ended, for libssh; wiped.
class ZeroEnded {
 public:
  explicit ZeroEnded(const Secret& secret) : text_(secret.reveal_text()) {}
  ~ZeroEnded() { wipe(text_.data(), text_.size()); }
  ZeroEnded(const ZeroEnded&) = delete;
  ZeroEnded& operator=(const ZeroEnded&) = delete;
  const char* get() const { return text_.c_str(); }

 private:
  std::string text_;
};

class Login {
 public:
  Login(SshConnection& connection, LoginMeans means, Conversation& person)
      : connection_(connection), means_(std::move(means)), person_(person) {}

  Task<Result<void>> go() {
    Result<void> named = co_await find_user();
    if (!named) co_return named;
    if (ssh_options_set(session(), SSH_OPTIONS_USER, means_.username.c_str()) != SSH_OK)
      co_return connection_.last_error("log-in");
    const auto none = [this] { return again(ssh_userauth_none(session(), nullptr)); };
    Result<int> answer = co_await connection_.repeat(none, kAnswerLimit, "log-in");
    if (!answer) co_return answer.error();
    show_banner();
    for (int round = 0; round < kRoundsMost; ++round) {
      if (*answer == SSH_AUTH_SUCCESS) co_return Result<void>();
      if (*answer == SSH_AUTH_ERROR) co_return connection_.last_error("log-in");
      if (*answer == SSH_AUTH_PARTIAL) forget_tries();
      answer = co_await next_way();
      if (!answer) co_return answer.error();
    }
    co_return Error(Fault::refused, connection_.who() + ": too many tries to log in");
  }

 private:
  ssh_session session() { return connection_.native(); }
  // SSH_AGAIN of the other calls.
  static int again(int answer) { return answer == SSH_AUTH_AGAIN ? SSH_AGAIN : answer; }
  void forget_tries() {
    password_tried_ = false;
    interactive_tried_ = false;
    typed_ = 0;
  }

  Task<Result<void>> find_user() {
    if (means_.credential && !means_.credential->username.empty())
      means_.username = means_.credential->username;
    if (means_.username.empty()) {
      session::Prompt prompt;
      prompt.title = connection_.who();
      prompt.fields.push_back(session::PromptField{"User name: ", true});
      const Result<std::vector<Secret>> answer = co_await person_.ask(std::move(prompt));
      if (!answer) co_return answer.error();
      means_.username = std::string(answer->front().reveal_text());
    }
    const std::string& name = means_.username;
    if (name.empty() || name.size() > kUserMost || name.find('\0') != std::string::npos)
      co_return Error(Fault::invalid, "a user name has 1 to 128 bytes");
    co_return Result<void>();
  }

  void show_banner() {
    char* banner = ssh_get_issue_banner(session());
    if (banner == nullptr) return;
    std::string text(banner);
    ssh_string_free_char(banner);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (!text.empty()) person_.remark(false, text.substr(0, kBannerMost));
  }

  // The next way that the target offers and that was not tried in vain.
  Task<Result<int>> next_way() {
    const int offered = ssh_userauth_list(session(), nullptr);
    if ((offered & SSH_AUTH_METHOD_PUBLICKEY) != 0 && !key_tried_ && means_.credential &&
        means_.credential->private_key) {
      key_tried_ = true;
      co_return co_await by_key();
    }
    const bool stored = means_.credential && means_.credential->password && !password_tried_;
    if ((offered & SSH_AUTH_METHOD_PASSWORD) != 0 && stored) {
      password_tried_ = true;
      co_return co_await by_password(*means_.credential->password);
    }
    if ((offered & SSH_AUTH_METHOD_INTERACTIVE) != 0 && typed_ < kTypedTries) {
      ++typed_;
      Result<int> answer = co_await by_questions();
      if (!answer || *answer != SSH_AUTH_DENIED || typed_ < kTypedTries) co_return answer;
    }
    if ((offered & SSH_AUTH_METHOD_PASSWORD) != 0 && typed_ < kTypedTries) {
      ++typed_;
      session::Prompt prompt;
      prompt.title = connection_.who();
      prompt.instruction = typed_ > 1 ? "Permission denied, please try again." : "";
      prompt.fields.push_back(session::PromptField{means_.username + "'s password: ", false});
      const Result<std::vector<Secret>> answer = co_await person_.ask(std::move(prompt));
      if (!answer) co_return answer.error();
      co_return co_await by_password(answer->front());
    }
    co_return Error(Fault::refused, connection_.who() + ": " + printable(means_.username) +
                                        " was not let in" + ways(offered));
  }

  static std::string ways(int offered) {
    std::string text;
    const std::pair<int, const char*> names[] = {{SSH_AUTH_METHOD_PUBLICKEY, "public key"},
                                                 {SSH_AUTH_METHOD_PASSWORD, "password"},
                                                 {SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"},
                                                 {SSH_AUTH_METHOD_HOSTBASED, "host based"},
                                                 {SSH_AUTH_METHOD_GSSAPI_MIC, "GSSAPI"}};
    for (const auto& [bit, name] : names) {
      if ((offered & bit) != 0) text += (text.empty() ? "; the target offers " : ", ") + std::string(name);
    }
    return text;
  }

  Task<Result<int>> by_password(const Secret& password) {
    const ZeroEnded text(password);
    const auto step = [this, &text] { return again(ssh_userauth_password(session(), nullptr, text.get())); };
    co_return co_await connection_.repeat(step, kAnswerLimit, "log-in by password");
  }

  Task<Result<int>> by_key() {
    Result<SshKey> key = co_await open_key();
    if (!key) co_return key.error();
    const auto step = [this, &key] { return again(ssh_userauth_publickey(session(), nullptr, key->get())); };
    co_return co_await connection_.repeat(step, kAnswerLimit, "log-in by key");
  }

  static SshKey import_key(const Secret& pem, const char* passphrase) {
    const ZeroEnded text(pem);
    ssh_key raw = nullptr;
    // With a function of its own libssh would ask the terminal.
    const auto nobody = [](const char*, char*, std::size_t, int, int, void*) { return -1; };
    if (ssh_pki_import_privkey_base64(text.get(), passphrase, nobody, nullptr, &raw) != SSH_OK) raw = nullptr;
    return SshKey(raw);
  }

  Task<Result<SshKey>> open_key() {
    const session::Credential& stored = *means_.credential;
    if (stored.private_key->size() > kKeyMost)
      co_return Error(Fault::too_large, "the stored private key has more than 16 KiB");
    SshKey key = import_key(*stored.private_key, nullptr);
    if (!key && stored.passphrase) {
      const ZeroEnded passphrase(*stored.passphrase);
      key = import_key(*stored.private_key, passphrase.get());
    }
    for (int tries = 0; !key && !stored.passphrase && tries < kTypedTries; ++tries) {
      session::Prompt prompt;
      prompt.title = connection_.who();
      prompt.fields.push_back(session::PromptField{"Passphrase of the stored key: ", false});
      const Result<std::vector<Secret>> answer = co_await person_.ask(std::move(prompt));
      if (!answer) co_return answer.error();
      const ZeroEnded passphrase(answer->front());
      key = import_key(*stored.private_key, passphrase.get());
    }
    if (!key) co_return Error(Fault::invalid, "the stored private key cannot be read with its passphrase");
    if (stored.certificate) {
      const Result<void> added = add_certificate(*stored.certificate, key.get());
      if (!added) co_return added.error();
    }
    co_return std::move(key);
  }

  static Result<void> add_certificate(const std::string& line, ssh_key key) {
    std::istringstream words(line);
    std::string type;
    std::string base64;
    words >> type >> base64;
    ssh_key raw = nullptr;
    if (ssh_pki_import_cert_base64(base64.c_str(), ssh_key_type_from_name(type.c_str()), &raw) != SSH_OK)
      return Error(Fault::invalid, "the stored certificate cannot be read");
    const SshKey certificate(raw);
    if (ssh_pki_copy_cert_to_privkey(certificate.get(), key) != SSH_OK)
      return Error(Fault::invalid, "the stored certificate does not belong to the stored key");
    return {};
  }

  // Keyboard-interactive: whatever the target asks, in as many rounds as it likes within kRoundsMost. A
  // single unseen question is answered with the stored password, once.
  Task<Result<int>> by_questions() {
    for (int round = 0; round < kRoundsMost; ++round) {
      const auto step = [this] { return again(ssh_userauth_kbdint(session(), nullptr, nullptr)); };
      const Result<int> answer = co_await connection_.repeat(step, kAnswerLimit, "log-in");
      if (!answer || *answer != SSH_AUTH_INFO) co_return answer;
      Result<void> told = co_await answer_questions();
      if (!told) co_return told.error();
    }
    co_return Error(Fault::refused, connection_.who() + ": the target asks without end");
  }

  Task<Result<void>> answer_questions() {
    session::Prompt prompt;
    const char* name = ssh_userauth_kbdint_getname(session());
    const char* instruction = ssh_userauth_kbdint_getinstruction(session());
    prompt.title = name == nullptr || *name == '\0' ? connection_.who() : std::string(name);
    prompt.instruction = instruction == nullptr ? "" : instruction;
    const int count = ssh_userauth_kbdint_getnprompts(session());
    for (int at = 0; at < count; ++at) {
      char echo = 0;
      const char* text = ssh_userauth_kbdint_getprompt(session(), static_cast<unsigned>(at), &echo);
      prompt.fields.push_back(session::PromptField{text == nullptr ? "" : text, echo != 0});
    }
    if (prompt.fields.empty()) {
      if (!prompt.instruction.empty()) person_.remark(false, prompt.instruction);
      co_return Result<void>();
    }
    const bool stored = prompt.fields.size() == 1 && !prompt.fields.front().echo && !interactive_tried_ &&
                        means_.credential && means_.credential->password;
    std::vector<Secret> answers;
    if (stored) {
      interactive_tried_ = true;
      answers.push_back(*means_.credential->password);
    } else {
      Result<std::vector<Secret>> typed = co_await person_.ask(std::move(prompt));
      if (!typed) co_return typed.error();
      answers = std::move(*typed);
    }
    for (std::size_t at = 0; at < answers.size(); ++at) {
      const ZeroEnded text(answers[at]);
      if (ssh_userauth_kbdint_setanswer(session(), static_cast<unsigned>(at), text.get()) < 0)
        co_return connection_.last_error("log-in");
    }
    co_return Result<void>();
  }

  SshConnection& connection_;
  LoginMeans means_;
  Conversation& person_;
  bool key_tried_ = false;
  bool password_tried_ = false;
  bool interactive_tried_ = false;
  int typed_ = 0;
};

}  // namespace

Task<Result<void>> log_in(SshConnection& connection, LoginMeans means, Conversation& person) {
  Login login(connection, std::move(means), person);
  co_return co_await login.go();
}

}  // namespace jump::bridge
