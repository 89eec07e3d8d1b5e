// Files that hold secrets: mode 0600, and after a crash or a power cut either the old or the new one.
#pragma once

#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"
#include "common/base/secret.h"

namespace jump::identity {

// Writes PATH.new-RANDOM (created 0600, whatever the umask says), fsync, rename over PATH, fsync of the
// folder.
Result<void> write_private_file(const std::string& path, ByteView bytes);
// Fault::not_found when it is not there. Refused when it is larger than `limit`, no regular file, a symbolic
// link, or when others than its owner may read or write it.
Result<Secret> read_private_file(const std::string& path, std::size_t limit);

}  // namespace jump::identity
