// Asker: what a session's other end wants to know of the person (a password of the target, whether a host key
// is the right one), and what it remarks.
//
//   Prompt → what the options answer by themselves → else a Dialogue at the place where the person is →
//   PromptAnswer
#pragma once

#include <optional>
#include <string>

#include "common/base/task_group.h"
#include "common/session/messages.h"
#include "tools/console/terminal/dialogue.h"

namespace jump::console {

// Where a person can be asked.
class AskingPlace {
 public:
  virtual ~AskingPlace() = default;
  // Until the dialogue is over. One at a time.
  virtual Task<Result<void>> run(Dialogue& dialogue) = 0;
  // One line, without its end.
  virtual void remark(const std::string& line) = 0;
};

// /dev/tty; remarks on standard error.
class TerminalPlace : public AskingPlace {
 public:
  explicit TerminalPlace(asio::any_io_executor executor) : executor_(executor), free_(executor) {}
  Task<Result<void>> run(Dialogue& dialogue) override;
  void remark(const std::string& line) override;

 private:
  asio::any_io_executor executor_;
  bool busy_ = false;
  Event free_;
};

// What was said on the command line.
struct AskOptions {
  bool batch = false;  // nobody is asked
  bool accept_new_host_key = false;
  std::string password_file;       // for messages
  std::optional<Secret> password;  // its first line: the answer to the first hidden field
};

class Asker {
 public:
  // `place`: nullptr when there is nobody. It outlives this.
  Asker(AskOptions options, AskingPlace* place) : options_(std::move(options)), place_(place) {}

  // A failure says in one line what to do about it; the session cannot go on then.
  Task<Result<session::PromptAnswer>> answer(session::Prompt prompt, std::string asset);
  void remark(const session::Remark& remark, const std::string& asset);
  void move_to(AskingPlace* place) { place_ = place; }

 private:
  Task<Result<session::PromptAnswer>> host_key(session::Prompt prompt, std::string asset);
  Task<Result<session::PromptAnswer>> input(session::Prompt prompt, std::string asset);

  AskOptions options_;
  AskingPlace* place_;
};

// "ssh-ed25519 SHA256:…", as ssh-keygen -l prints it, of a line as in known_hosts; empty for what is no key.
std::string key_fingerprint(const std::string& known_hosts_key);

// The lines before a prompt's questions, safe to print.
std::string prompt_opening(const session::Prompt& prompt, const std::string& asset);

}  // namespace jump::console
