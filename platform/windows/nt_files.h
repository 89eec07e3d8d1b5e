// The calls below Win32 that Folder needs: names below an open folder, and what stands at them as itself.
// Numbers of type `long` are NTSTATUS; handles are HANDLE.
#pragma once

#include <optional>
#include <string>

#include "common/base/error.h"
#include "platform/folder.h"
#include "platform/handle.h"

namespace jump::platform {

// "DOING PATH: the words of Windows"; an empty path is "the folder".
Error nt_error(long status, const char* doing, const std::string& path);
Error last_error(const char* doing, const std::string& path);
bool is_absent(long status);

// Opens or makes one name below an opened folder (NtCreateFile), shared with everybody.
long open_at(int from, const std::string& name, unsigned long access, unsigned long disposition,
             unsigned long options, Handle& opened);

// True for a reparse point that stands for another name (link, junction), and not for a file that is only
// stored in another way (deduplicated, in a cloud).
bool is_link(void* handle, unsigned long attributes);

Result<FileInfo> info_of(void* handle, const std::string& path);
Result<unsigned long> attributes_of(void* handle, const std::string& path);
// Attributes 0: as they are.
Result<void> set_basic(void* handle, unsigned long attributes, std::optional<FileTime> modified,
                       const char* doing, const std::string& path);
Result<void> set_attribute(void* handle, unsigned long attribute, bool on, const char* doing);

// Takes the place of what stands there, a file that is read-only or in use too; never of a folder.
long rename_to(void* what, void* root, const std::string& name);
// The handle needs DELETE. Where that is possible the name is gone at once, else with the last handle.
long delete_it(void* what);

}  // namespace jump::platform
