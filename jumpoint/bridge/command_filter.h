// CommandFilter: which lines may be sent to a shell behind a prompt (issue: command filtering). No sockets,
// no clock.
//
//   typed bytes ──▶ input() ──▶ what may go on to the shell
//   the shell's output ──▶ output()     to know what its last line looks like
//
// It sees what is typed, not what the shell makes of it. While the shell's last line ends like a prompt,
// typed text is followed as the shell's line editor would (backspace, Ctrl-U, Ctrl-C), and held at the Return
// until the whole line was judged. It cannot stop: programs that the shell starts (an editor's own shell, ssh
// to a third machine, scripts), aliases, quoting and variables that hide a name, history (arrow keys, Ctrl-R)
// and completion beyond what is typed (a line in which one of these keys was used is judged as "not
// readable", which `allow` lists refuse and deny lists let pass), and what is typed ahead while a command
// still runs. It makes mistakes visible and hinders them; it is no wall against somebody who wants round it.
#pragma once

#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/session/target.h"

namespace jump::bridge {

class CommandFilter {
 public:
  // Fault::invalid names the expression that cannot be read, or the limit.
  static Result<CommandFilter> create(const session::CommandFilter& rules);

  struct Judgement {
    std::string line;      // what was typed, without blanks round it
    bool allowed = true;   // by the rules
    bool readable = true;  // false: history or completion was used
    std::string reason;    // "matches the deny rule '…'"
  };
  // A whole command, as of an exec. Of several lines each is judged; the first that is refused is told.
  Judgement judge(std::string_view command) const;

  struct Passed {
    std::string bytes;                  // for the shell
    std::vector<Judgement> judgements;  // of each line that ended in these bytes and was refused
  };
  // In mode enforce a refused line is taken back from the shell (Ctrl-U) instead of being run.
  Passed input(std::string_view typed);
  void output(std::string_view printed);

  session::FilterMode mode() const { return mode_; }

 private:
  Judgement judge_line(std::string_view line) const;
  void key(char byte, Passed& passed);
  void end_line(char byte, Passed& passed);
  bool at_prompt() const;

  session::FilterMode mode_ = session::FilterMode::off;
  std::optional<std::regex> prompt_;
  std::vector<std::pair<std::string, std::regex>> allow_;
  std::vector<std::pair<std::string, std::regex>> deny_;

  std::string last_line_;  // of the output, at most kLineMost
  bool in_line_ = false;   // a line behind a prompt is being typed
  std::string typed_;
  bool readable_ = true;
  bool pasted_ = false;  // a line ended in these very bytes: what follows is a line too
  enum class Escape { none, started, sequence } escape_ = Escape::none;
};

}  // namespace jump::bridge
