// Which names a stranger may give to a file on Windows. Below Win32 most of these would be possible; what
// comes of them is files that nobody can open or remove, other streams of a file, or devices.
#pragma once

#include <string_view>

#include "common/base/error.h"

namespace jump::platform {

// One name: not empty, "." or ".."; none of \ / : * ? " < > | nor a control character; no dot or space at its
// end; not the name of a device (CON, NUL, COM1 and so on, with any extension); at most 255 UTF-16 units.
Result<void> check_windows_name(std::string_view name);

}  // namespace jump::platform
