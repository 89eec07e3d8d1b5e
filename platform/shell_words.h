// Command lines for other programs' configuration files, as this system's shell reads them.
#pragma once

#include <string>
#include <string_view>

namespace jump::platform {

// One word, quoted where that is needed.
std::string shell_word(std::string_view text);

// `command` with a variable set for it alone. Where the shell has no words for that (Windows) it stays as it
// is, and the person's own settings hold.
std::string with_variable(std::string_view name, std::string_view value, const std::string& command);

// A file that is always empty.
const char* null_device();

}  // namespace jump::platform
