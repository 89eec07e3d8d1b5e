#include "platform/shell_words.h"

namespace jump::platform {
namespace {

constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyz"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "0123456789/._-+=:@";

}  // namespace

std::string shell_word(std::string_view text) {
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string with_variable(std::string_view name, std::string_view value, const std::string& command) {
  return "env " + std::string(name) + "=" + shell_word(value) + " " + command;
}

const char* null_device() {
  return "/dev/null";
}

}  // namespace jump::platform
