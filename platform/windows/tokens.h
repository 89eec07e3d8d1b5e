// Tokens: whom a process acts as, and with which rights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "platform/handle.h"
#include "platform/users.h"

namespace jump::platform {

// Of this process, to be asked and copied; not valid where the system refuses.
Handle own_token();
// Whose token it is; empty where the system does not tell.
std::vector<std::uint8_t> sid_bytes(const Handle& token);
// Of this process: "S-1-5-18" is the system itself.
std::wstring own_sid();
// Who that is. `sid` points to a SID.
Result<User> user_of(void* sid);

// A primary token for a program of this user: an account of services, or somebody who is logged on. Windows
// gives no other without a password.
Result<Handle> token_for(const User& user);
// Ours without privileges and without being an administrator.
Result<Handle> lowered_token();

}  // namespace jump::platform
