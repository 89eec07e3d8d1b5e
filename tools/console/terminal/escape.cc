#include "tools/console/terminal/escape.h"

#include <optional>

namespace jump::console {
namespace {

constexpr char kSuspend = 26;  // Ctrl-Z
constexpr std::string_view kPasteBegins = "\x1b[200~";
constexpr std::string_view kPasteEnds = "\x1b[201~";

std::optional<Escape> command_of(char c) {
  switch (c) {
    case '.':
      return Escape::leave;
    case 'd':
      return Escape::let_go;
    case '?':
      return Escape::help;
    case kSuspend:
      return Escape::suspend;
    default:
      return std::nullopt;
  }
}

}  // namespace

// Does this byte belong to a paste, the bracket at its end included?
bool EscapeParser::in_paste(char c) {
  const bool inside = pasting_;
  const std::string_view bracket = pasting_ ? kPasteEnds : kPasteBegins;
  if (c != bracket[matched_]) matched_ = 0;
  if (c == bracket[matched_]) ++matched_;
  if (matched_ == bracket.size()) {
    pasting_ = !pasting_;
    matched_ = 0;
  }
  return inside;
}

std::vector<EscapeParser::Part> EscapeParser::feed(std::string_view typed) {
  std::vector<Part> parts(1);
  if (!enabled_) {
    parts.back().bytes = std::string(typed);
    return parts;
  }
  for (const char c : typed) {
    if (in_paste(c)) {
      parts.back().bytes += c;
      place_ = Place::inside;
      continue;
    }
    if (place_ == Place::line_start && c == '~') {
      place_ = Place::after_tilde;
      continue;
    }
    if (place_ == Place::after_tilde) {
      if (const std::optional<Escape> command = command_of(c)) {
        place_ = Place::line_start;
        parts.back().has_command = true;
        parts.back().command = *command;
        if (*command == Escape::leave || *command == Escape::let_go) return parts;
        parts.emplace_back();
        continue;
      }
      if (c == '~') {
        parts.back().bytes += '~';
        place_ = Place::inside;
        continue;
      }
      parts.back().bytes += '~';
    }
    parts.back().bytes += c;
    place_ = c == '\r' || c == '\n' ? Place::line_start : Place::inside;
  }
  return parts;
}

std::string escape_help() {
  return "\r\n"
         "~.   leave: the program gets a hang-up\r\n"
         "~d   let go: the program runs on; come back with jump shell --attach\r\n"
         "~^Z  stop jump itself; fg goes on\r\n"
         "~~   a tilde\r\n"
         "~?   this\r\n"
         "(each at the beginning of a line)\r\n";
}

}  // namespace jump::console
