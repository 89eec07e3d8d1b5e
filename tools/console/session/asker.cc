#include "tools/console/session/asker.h"

#include <algorithm>
#include <cstdio>

#include "common/identity/sha256.h"
#include "tools/console/terminal/terminal.h"

namespace jump::console {
namespace {

constexpr std::size_t kFieldsMost = 16;
constexpr std::size_t kLinesMost = 32;
constexpr int kTries = 3;  // for yes or no
constexpr std::size_t kPiece = 1024;

// Base64 (RFC 4648 section 4) differs from base64url in two characters and its padding.
Result<Bytes> from_base64(std::string text) {
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return from_base64url(text);
}

std::string to_base64(ByteView bytes) {
  std::string text = to_base64url(bytes);
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  return text;
}

session::PromptAnswer answer_to(const session::Prompt& prompt) {
  session::PromptAnswer answer;
  answer.id = prompt.id;
  return answer;
}

bool is_hidden(const session::PromptField& field) {
  return !field.echo;
}

}  // namespace

std::string key_fingerprint(const std::string& known_hosts_key) {
  const std::size_t space = known_hosts_key.find(' ');
  if (space == std::string::npos) return {};
  const std::size_t end = known_hosts_key.find(' ', space + 1);
  const Result<Bytes> key =
      from_base64(known_hosts_key.substr(space + 1, end == std::string::npos ? end : end - space - 1));
  if (!key || key->empty()) return {};
  return printable(known_hosts_key.substr(0, space), 64) + " SHA256:" + to_base64(identity::sha256(*key));
}

std::string prompt_opening(const session::Prompt& prompt, const std::string& asset) {
  std::string out;
  if (!prompt.title.empty()) out += asset + ": " + printable(prompt.title) + "\n";
  std::size_t lines = 0;
  std::string_view rest = prompt.instruction;
  while (!rest.empty() && lines++ < kLinesMost) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out += printable(line) + "\n";
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return out;
}

// --- places
// ---------------------------------------------------------------------------------------------------

Task<Result<void>> TerminalPlace::run(Dialogue& dialogue) {
  while (busy_) co_await free_.wait();
  struct Turn {
    bool& busy;
    Event& free;
    ~Turn() {
      busy = false;
      free.set();
    }
  };
  busy_ = true;
  const Turn turn{busy_, free_};
  Result<std::unique_ptr<AskingTerminal>> terminal = AskingTerminal::open(executor_);
  if (!terminal) co_return terminal.error();
  std::string shown = dialogue.begin();
  Bytes buffer(kPiece);
  while (true) {
    const Result<void> written = co_await (*terminal)->write(as_bytes(shown));
    if (!written) co_return written.error();
    if (dialogue.over()) co_return Result<void>();
    const Result<std::size_t> size = co_await (*terminal)->read(buffer);
    if (!size) co_return size.error();
    if (*size == 0) co_return Error(Fault::closed, "the terminal is gone");
    std::string typed(as_text(ByteView(buffer).first(*size)));
    wipe(buffer.data(), *size);
    shown = dialogue.feed(typed);
  }
}

void TerminalPlace::remark(const std::string& line) {
  const std::string text = line + "\n";
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

// --- answers
// --------------------------------------------------------------------------------------------------

Task<Result<session::PromptAnswer>> Asker::answer(session::Prompt prompt, std::string asset) {
  if (prompt.fields.size() > kFieldsMost) {
    co_return Error(Fault::malformed,
                    "asks " + std::to_string(prompt.fields.size()) + " questions at once; 16 are the most");
  }
  if (options_.batch) place_ = nullptr;
  // GCC 12: what is awaited has a name.
  auto asking = prompt.kind == session::PromptKind::host_key ? host_key(std::move(prompt), std::move(asset))
                                                             : input(std::move(prompt), std::move(asset));
  co_return co_await std::move(asking);
}

Task<Result<session::PromptAnswer>> Asker::host_key(session::Prompt prompt, std::string asset) {
  session::PromptAnswer answer = answer_to(prompt);
  const std::string fingerprint = prompt.host_key ? key_fingerprint(*prompt.host_key) : std::string();
  if (options_.accept_new_host_key) {
    if (place_ != nullptr) place_->remark("jump: " + asset + ": new host key accepted: " + fingerprint);
    co_return answer;
  }
  if (place_ == nullptr) {
    co_return Error(Fault::unavailable, "its host key is new (" + fingerprint +
                                            ") and there is no terminal to ask on: give "
                                            "--accept-new-host-key when that is the right one");
  }
  std::string opening = prompt_opening(prompt, asset);
  if (!fingerprint.empty()) opening += "The key: " + fingerprint + "\n";
  std::string question = "Is this the right key? It will be kept for everybody. [yes/no] ";
  for (int tries = 0; tries < kTries; ++tries) {
    Dialogue dialogue(opening, {{question, true}});
    const Result<void> asked = co_await place_->run(dialogue);
    if (!asked) co_return asked.error();
    answer.cancelled = true;
    if (dialogue.cancelled()) co_return answer;
    const std::vector<Secret> said = dialogue.take_answers();
    const std::string_view word = said.front().reveal_text();
    if (word == "no" || word == "n") co_return answer;
    answer.cancelled = false;
    if (word == "yes") co_return answer;
    opening.clear();
    question = "Please type yes or no: ";
  }
  answer.cancelled = true;
  co_return answer;
}

Task<Result<session::PromptAnswer>> Asker::input(session::Prompt prompt, std::string asset) {
  session::PromptAnswer answer = answer_to(prompt);
  // A file answers a prompt alone only where it answers all of it: who is asked besides sees what for.
  const auto hidden = std::ranges::find_if(prompt.fields, is_hidden);
  if (options_.password && prompt.fields.size() == 1 && hidden != prompt.fields.end()) {
    answer.answers.push_back(std::move(*options_.password));
    options_.password.reset();
    co_return answer;
  }
  if (place_ == nullptr) {
    const std::string asked = prompt.fields.empty() ? prompt.title : prompt.fields.front().text;
    std::string what = "asks '" + printable(asked, 80) + "'";
    if (!options_.password_file.empty() && !options_.password) {
      co_return Error(Fault::unauthenticated,
                      what + " again: what stands in " + options_.password_file + " was not accepted");
    }
    co_return Error(Fault::unavailable, what +
                                            " and there is no terminal to ask on: give --password-file FILE "
                                            "for a password, or store a credential for the asset");
  }
  std::vector<Dialogue::Question> questions;
  for (const session::PromptField& field : prompt.fields) {
    // The hidden one, the file answers.
    const bool from_file = options_.password && hidden != prompt.fields.end() && &field == &*hidden;
    if (!from_file) questions.push_back({field.text, field.echo});
  }
  Dialogue dialogue(prompt_opening(prompt, asset), std::move(questions));
  const Result<void> asked = co_await place_->run(dialogue);
  if (!asked) co_return asked.error();
  answer.cancelled = dialogue.cancelled();
  if (answer.cancelled) co_return answer;
  answer.answers = dialogue.take_answers();
  if (options_.password && hidden != prompt.fields.end()) {
    answer.answers.insert(answer.answers.begin() + (hidden - prompt.fields.begin()),
                          std::move(*options_.password));
    options_.password.reset();
  }
  co_return answer;
}

void Asker::remark(const session::Remark& remark, const std::string& asset) {
  const std::string line =
      "jump: " + asset + ": " + (remark.warning ? "warning: " : "") + printable(remark.text);
  if (place_ != nullptr) {
    place_->remark(line);
  } else {
    const std::string text = line + "\n";
    static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
  }
}

}  // namespace jump::console
