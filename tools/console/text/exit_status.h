// Exit statuses of `jump`: the remote one where there is one, 128 + signal as shells do it, else our own.
#pragma once

#include <string>
#include <string_view>

namespace jump::console {

inline constexpr int kDone = 0;
inline constexpr int kWrongUse = 2;      // usage, or several assets match
inline constexpr int kJumpFailed = 255;  // `jump` itself: connection, rights, the appliance

// 128 + the number of a signal by its name ("TERM", "SEGV", "34"); 255 for a name that nobody knows.
int status_of_signal(std::string_view name);

}  // namespace jump::console
