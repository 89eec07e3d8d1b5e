// EscapeParser: what the person types in a shell, split into what is for the other side and what is for us.
// As with ssh, '~' counts only at the beginning of a line:
//     ~.   leave        ~d   let go: the program runs on, `jump shell --attach` comes back
//     ~?   help         ~^Z  stop `jump`        ~~   one '~'
// Anything else after '~' is passed on, the '~' too. What is pasted between "ESC [ 200 ~" and "ESC [ 201 ~"
// (xterm's bracketed paste, where the program asked for it) is text: a file with a line "~." in it leaves
// nothing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace jump::console {

enum class Escape { leave, let_go, help, suspend };

class EscapeParser {
 public:
  // `enabled` false: everything is for the other side.
  explicit EscapeParser(bool enabled = true) : enabled_(enabled) {}

  struct Part {
    std::string bytes;  // for the other side, before the command
    bool has_command = false;
    Escape command = Escape::help;
  };
  // In the order that it was typed. What stands behind leave or let_go is dropped.
  std::vector<Part> feed(std::string_view typed);

 private:
  enum class Place { line_start, after_tilde, inside };
  bool in_paste(char c);

  bool enabled_;
  bool pasting_ = false;
  std::size_t matched_ = 0;  // bytes of the next bracket
  Place place_ = Place::line_start;
};

// Lines for the terminal, with CR LF.
std::string escape_help();

}  // namespace jump::console
