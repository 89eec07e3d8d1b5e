// The person's own terminal and the standard handles (platform/terminal.h), by the names of this room.
#pragma once

#include <string>

#include "common/base/secret.h"
#include "platform/terminal.h"

namespace jump::console {

using platform::AskingTerminal;
using platform::is_terminal;
using platform::RawMode;
using platform::Standard;
using platform::StandardPipe;
using platform::terminal_size;
using platform::TerminalSize;

// On the terminal itself, whatever standard input is. Blocking. Fault::unavailable without a terminal.
Result<Secret> ask_secret(const std::string& prompt);
Result<std::string> ask_line(const std::string& prompt);

}  // namespace jump::console
