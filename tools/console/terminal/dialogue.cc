#include "tools/console/terminal/dialogue.h"

#include <utility>

namespace jump::console {
namespace {

constexpr char kCtrlC = 3;
constexpr char kCtrlD = 4;
constexpr char kBell = 7;
constexpr char kBackspace = 8;
constexpr char kCtrlU = 21;
constexpr char kEscape = 27;
constexpr char kDelete = 127;
constexpr std::size_t kQuestionBytes = 512;

bool is_continuation(std::uint8_t byte) {
  return (byte & 0xC0) == 0x80;
}

}  // namespace

std::string raw_lines(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

Dialogue::Dialogue(std::string opening, std::vector<Question> questions)
    : opening_(std::move(opening)), questions_(std::move(questions)) {
  // Never grows, so that no copy of a secret stays behind.
  line_.reserve(kAnswerBytes);
}

std::string Dialogue::ask() const {
  std::string text = printable(questions_[answers_.size()].text, kQuestionBytes);
  if (text.empty()) text = "Answer:";
  if (!text.ends_with(' ')) text += ' ';
  return text;
}

std::string Dialogue::begin() {
  return raw_lines(opening_) + (over() ? "" : ask());
}

std::string Dialogue::feed(std::string& typed) {
  std::string shown;
  std::size_t used = 0;
  while (used < typed.size() && !over()) key(typed[used++], shown);
  // The line feed of a carriage return belongs to the answer.
  if (over() && after_return_ && used < typed.size() && typed[used] == '\n') ++used;
  std::string rest = typed.substr(used);
  wipe(typed.data(), typed.size());
  typed = std::move(rest);
  return shown;
}

void Dialogue::key(char c, std::string& shown) {
  // Cursor keys and the like: ECMA-48 sequences are skipped.
  if (escape_ == Escape::begun) {
    escape_ = c == '[' || c == 'O' ? Escape::sequence : Escape::none;
    return;
  }
  if (escape_ == Escape::sequence) {
    if (c >= '@' && c <= '~') escape_ = Escape::none;
    return;
  }
  const bool second_of_pair = std::exchange(after_return_, c == '\r') && c == '\n';
  if (second_of_pair) return;
  switch (c) {
    case kEscape:
      escape_ = Escape::begun;
      return;
    case kCtrlC:
      cancelled_ = true;
      break;
    case kCtrlD:
      if (!line_.empty()) return;
      cancelled_ = true;
      break;
    case '\r':
    case '\n':
      shown += "\r\n";
      answers_.emplace_back(as_text(line_));
      wipe(line_.data(), line_.size());
      line_.clear();
      if (!over()) shown += ask();
      return;
    case kBackspace:
    case kDelete:
      erase(shown);
      return;
    case kCtrlU:
      while (!line_.empty()) erase(shown);
      return;
    default:
      if (static_cast<unsigned char>(c) < ' ' || line_.size() == kAnswerBytes) {
        shown += kBell;
        return;
      }
      line_.push_back(static_cast<std::uint8_t>(c));
      if (echo()) shown += c;
      return;
  }
  wipe(line_.data(), line_.size());
  line_.clear();
  shown += "\r\n";
}

// One character of UTF-8, one cell.
void Dialogue::erase(std::string& shown) {
  if (line_.empty()) return;
  while (line_.size() > 1 && is_continuation(line_.back())) line_.pop_back();
  line_.pop_back();
  if (echo()) shown += "\b \b";
}

}  // namespace jump::console
