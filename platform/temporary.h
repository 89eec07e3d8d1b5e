// Files for a while, which nobody else may read.
#pragma once

#include <cstdio>
#include <string>

#include "common/base/error.h"

namespace jump::platform {

// For reading and writing; gone when it is closed, or when the program is.
Result<std::FILE*> temporary_file();

// A new folder in the place for such things; whoever asked removes it. `name` begins its name.
Result<std::string> make_temporary_folder(const std::string& name);

}  // namespace jump::platform
