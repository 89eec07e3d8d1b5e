// Who may do what with a file or folder: what stands for the mode bits of Linux.
//
// "Ours" are the system, the administrators, the user of this process, and the accounts of services (LOCAL
// SERVICE is the tunnel process). Everybody else is "others".
#pragma once

#include <string>

#include "common/base/error.h"

namespace jump::platform {

enum class Others { nothing, may_read, may_write };

// What others may do with an open handle's object that has READ_CONTROL.
Result<Others> others_may(void* handle, const std::string& path);
// True when its owner is one of ours.
Result<bool> is_owned_by_us(void* handle, const std::string& path);
// Takes every right of others away but to read, if `allowed` says so; the handle needs WRITE_DAC. The
// folder's content follows as far as it inherits. LOCAL SERVICE keeps what it had.
Result<void> shut_others_out(void* handle, Others allowed, bool folder, const std::string& path);

// A SECURITY_DESCRIPTOR for something new of that kind; freed by the caller with LocalFree().
void* new_descriptor(Others allowed, bool folder);

}  // namespace jump::platform
