// What the walk of platform/folder.cc needs of each system.
#pragma once

#include <string>

#include "common/base/error.h"
#include "platform/handle.h"

namespace jump::platform {

// Both are told the whole path for the words of their errors.

// Not ".", not "..", not empty, and nothing that the system gives another meaning.
Result<void> check_name(const std::string& name, const std::string& path);

// The folder of this name in the folder `from`. What is not a folder, a link above all, is an error.
Result<Handle> step_down(int from, const std::string& name, const std::string& path);

}  // namespace jump::platform
