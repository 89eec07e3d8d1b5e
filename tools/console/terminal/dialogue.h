// Dialogue: questions put to a person over a terminal in raw mode. What is typed goes in, what is to be shown
// comes out; no terminal is touched here. So the same dialogue serves a shell's keys, /dev/tty, and a channel
// of the person's own ssh.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/secret.h"

namespace jump::console {

class Dialogue {
 public:
  static constexpr std::size_t kAnswerBytes = 1024;  // one answer; more is refused with a bell

  struct Question {
    std::string text;   // what a peer wrote: made printable here
    bool echo = false;  // false: nothing is shown of what is typed
  };
  // `opening`: lines before the first question, printable, ended by '\n'. Without questions it is over at
  // once.
  Dialogue(std::string opening, std::vector<Question> questions);

  // What is shown first.
  std::string begin();
  // What to show for what was typed; bytes behind the last answer stay in `typed`.
  std::string feed(std::string& typed);

  bool over() const { return cancelled_ || answers_.size() == questions_.size(); }
  // Ctrl-C, or Ctrl-D on an empty line.
  bool cancelled() const { return cancelled_; }
  std::vector<Secret> take_answers() { return std::move(answers_); }

 private:
  void key(char c, std::string& shown);
  void erase(std::string& shown);
  std::string ask() const;
  bool echo() const { return questions_[answers_.size()].echo; }

  std::string opening_;
  std::vector<Question> questions_;
  std::vector<Secret> answers_;
  Bytes line_;
  bool cancelled_ = false;
  bool after_return_ = false;
  enum class Escape { none, begun, sequence } escape_ = Escape::none;
};

// "\n" as a terminal in raw mode needs it.
std::string raw_lines(std::string_view text);

}  // namespace jump::console
