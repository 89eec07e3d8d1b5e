#include "jumpoint/bridge/command_filter.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"

namespace jump::bridge {
namespace {

constexpr std::size_t kRulesMost = 64;
constexpr std::size_t kRuleMost = 512;    // bytes of an expression
constexpr std::size_t kLineMost = 4096;   // of a line that is judged; a longer one is not readable
constexpr std::size_t kPromptMost = 256;  // bytes of the last line that a prompt is looked for in

constexpr char kCtrlC = 3;
constexpr char kCtrlU = 21;
constexpr char kCtrlW = 23;
constexpr char kBackspace = 8;
constexpr char kEscape = 27;
constexpr char kDelete = 127;

Result<std::regex> compile(const std::string& text) {
  if (text.size() > kRuleMost)
    return Error(Fault::too_large, "the expression '" + printable(text, 64) + "' has more than 512 bytes");
  try {
    return std::regex(text, std::regex::ECMAScript);
  } catch (const std::regex_error& error) {
    return Error(Fault::invalid, "the expression '" + printable(text, 64) + "': " + error.what());
  }
}

// An expression that takes too long or too deep matches nothing.
bool matches(const std::string& text, const std::regex& expression) {
  try {
    return std::regex_match(text, expression);
  } catch (const std::regex_error&) {
    return false;
  }
}

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

}  // namespace

Result<CommandFilter> CommandFilter::create(const session::CommandFilter& rules) {
  CommandFilter filter;
  filter.mode_ = rules.mode;
  if (rules.mode == session::FilterMode::off) return filter;
  if (rules.allow.size() > kRulesMost || rules.deny.size() > kRulesMost)
    return Error(Fault::too_large, "a command filter has at most 64 rules of each kind");
  Result<std::regex> prompt = compile(rules.prompt);
  if (!prompt) return wrap(prompt.error(), "prompt of the command filter");
  filter.prompt_ = std::move(*prompt);
  for (const auto& [from, to] :
       {std::pair{&rules.allow, &filter.allow_}, std::pair{&rules.deny, &filter.deny_}}) {
    for (const std::string& text : *from) {
      Result<std::regex> rule = compile(text);
      if (!rule) return wrap(rule.error(), "rule of the command filter");
      to->emplace_back(text, std::move(*rule));
    }
  }
  return filter;
}

CommandFilter::Judgement CommandFilter::judge(std::string_view command) const {
  Judgement whole = judge_line(command);
  // A shell runs one after the other, and `.` of an expression matches no line's end.
  for (std::string_view rest = command; whole.allowed && !rest.empty();) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    Judgement line = judge_line(rest.substr(0, end));
    if (!line.allowed) whole = std::move(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return whole;
}

CommandFilter::Judgement CommandFilter::judge_line(std::string_view line) const {
  Judgement judgement;
  judgement.line = trimmed(line);
  if (mode_ == session::FilterMode::off || judgement.line.empty()) return judgement;
  if (judgement.line.size() > kLineMost) judgement.readable = false;
  if (judgement.readable) {
    for (const auto& [text, rule] : deny_) {
      if (!matches(judgement.line, rule)) continue;
      judgement.allowed = false;
      judgement.reason = "it matches the deny rule '" + text + "'";
      return judgement;
    }
  }
  if (allow_.empty()) return judgement;
  const bool listed = judgement.readable && std::ranges::any_of(allow_, [&](const auto& rule) {
                        return matches(judgement.line, rule.second);
                      });
  if (listed) return judgement;
  judgement.allowed = false;
  judgement.reason = judgement.readable ? "no allow rule matches it" : "it is longer than 4096 bytes";
  return judgement;
}

bool CommandFilter::at_prompt() const {
  if (last_line_.empty()) return false;
  const std::string end =
      last_line_.size() > kPromptMost ? last_line_.substr(last_line_.size() - kPromptMost) : last_line_;
  try {
    return std::regex_search(end, *prompt_);
  } catch (const std::regex_error&) {
    return false;
  }
}

void CommandFilter::output(std::string_view printed) {
  if (mode_ == session::FilterMode::off) return;
  const std::size_t end = printed.find_last_of("\r\n");
  if (end != std::string_view::npos) {
    last_line_.clear();
    printed.remove_prefix(end + 1);
  }
  // Colours are no part of the words.
  for (const char byte : printed) {
    if (byte == kEscape) {
      escape_ = Escape::started;
    } else if (escape_ == Escape::started) {
      escape_ = byte == '[' ? Escape::sequence : Escape::none;
    } else if (escape_ == Escape::sequence) {
      if (byte >= '@' && byte <= '~') escape_ = Escape::none;
    } else if (byte != 7) {
      last_line_ += byte;
    }
  }
  if (last_line_.size() > kLineMost) last_line_.erase(0, last_line_.size() - kLineMost);
}

CommandFilter::Passed CommandFilter::input(std::string_view typed) {
  Passed passed;
  if (mode_ == session::FilterMode::off) {
    passed.bytes = typed;
    return passed;
  }
  pasted_ = false;
  for (const char byte : typed) key(byte, passed);
  return passed;
}

void CommandFilter::key(char byte, Passed& passed) {
  if (!in_line_ && (pasted_ || at_prompt())) {
    in_line_ = true;
    typed_.clear();
    readable_ = true;
  }
  if (!in_line_) {
    passed.bytes += byte;
    return;
  }
  if (byte == '\r' || byte == '\n') {
    end_line(byte, passed);
    return;
  }
  passed.bytes += byte;
  if (byte == kBackspace || byte == kDelete) {
    // A whole character of UTF-8.
    while (!typed_.empty()) {
      const auto last = static_cast<unsigned char>(typed_.back());
      typed_.pop_back();
      if ((last & 0xc0) != 0x80) break;
    }
  } else if (byte == kCtrlU || byte == kCtrlC) {
    typed_.clear();
    readable_ = true;
  } else if (byte == kCtrlW) {
    while (!typed_.empty() && typed_.back() == ' ') typed_.pop_back();
    while (!typed_.empty() && typed_.back() != ' ') typed_.pop_back();
  } else if (static_cast<unsigned char>(byte) < 0x20) {
    // Completion, history, moving about: what stands there is the shell's to know.
    readable_ = false;
  } else if (typed_.size() <= kLineMost) {
    typed_ += byte;
  }
}

void CommandFilter::end_line(char byte, Passed& passed) {
  Judgement judgement = judge_line(typed_);
  if (!readable_) {
    judgement = Judgement{trimmed(typed_), allow_.empty(), false, "history or completion was used in it"};
  }
  in_line_ = false;
  last_line_.clear();
  pasted_ = true;
  typed_.clear();
  if (judgement.allowed) {
    passed.bytes += byte;
    return;
  }
  if (mode_ == session::FilterMode::enforce) {
    // Taken back, and the shell is made to show its prompt again.
    passed.bytes += kCtrlU;
    passed.bytes += kCtrlC;
  } else {
    passed.bytes += byte;
  }
  passed.judgements.push_back(std::move(judgement));
}

}  // namespace jump::bridge
