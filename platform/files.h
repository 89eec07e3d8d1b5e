// Small files of our own: keys, state, configuration. Blocking.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/bytes.h"
#include "common/base/error.h"

namespace jump::platform {

// All of the new content or all of the old, also after a power cut: temporary file beside it, fsync, rename,
// fsync of the folder. The mode is exact, whatever the umask says.
Result<void> write_file(const std::string& path, ByteView content, unsigned mode);

// The whole file; Fault::too_large above `limit`. Fault::not_found when there is none.
Result<Bytes> read_file(const std::string& path, std::size_t limit);
// A secret for read_private_file(), mode 0600. Windows: the content is encrypted for this machine (DPAPI), so
// that a copy of the disk is not enough to read it.
Result<void> write_private_file(const std::string& path, ByteView content);

// read_file() for a secret: refused when others than its owner may read or write it, or when the owner is
// neither root nor us. Windows: SYSTEM, Administrators and services may; what write_private_file() encrypted
// comes out plain.
Result<Bytes> read_private_file(const std::string& path, std::size_t limit);

// Of a configuration file. Windows: refused when others than SYSTEM, Administrators, services and us own it
// or may change it: ProgramData lets every user make files. Linux: never, /etc is root's.
Result<void> refuse_foreign_file(const std::string& path);

// Makes the folder (0700; Windows: SYSTEM, Administrators, us) when it is missing, parents with 0755. An
// existing one must be a real folder of ours that others cannot write to; its mode is narrowed to 0700.
Result<void> make_private_folder(const std::string& path);
// The same for one that others may enter (0755).
Result<void> make_folder(const std::string& path);

// Gone when it ends without an error; one that was not there is no error.
Result<void> remove_file(const std::string& path);

struct Space {
  std::uint64_t free = 0;  // bytes that this user may still write
  std::uint64_t total = 0;
};
Result<Space> disk_space(const std::string& path);

}  // namespace jump::platform
