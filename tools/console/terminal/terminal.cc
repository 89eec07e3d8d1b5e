#include "tools/console/terminal/terminal.h"

namespace jump::console {

Result<Secret> ask_secret(const std::string& prompt) {
  Result<std::string> line = platform::ask_on_terminal(prompt, false);
  if (!line) return line.error();
  Secret secret{std::string_view(*line)};
  wipe(line->data(), line->size());
  return secret;
}

Result<std::string> ask_line(const std::string& prompt) {
  return platform::ask_on_terminal(prompt, true);
}

}  // namespace jump::console
