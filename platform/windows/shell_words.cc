#include "platform/shell_words.h"

namespace jump::platform {
namespace {

constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyz"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "0123456789/._-+=:@";

}  // namespace

// A quotation mark cannot stand in a path; elsewhere it is left out rather than misunderstood.
std::string shell_word(std::string_view text) {
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c != '"') out += c;
  }
  return out + "\"";
}

std::string with_variable(std::string_view, std::string_view, const std::string& command) {
  return command;
}

const char* null_device() {
  return "NUL";
}

}  // namespace jump::platform
