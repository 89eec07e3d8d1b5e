// What the sources of this folder share: text and paths in Windows' own form, its errors, its handles. No
// header of Windows is needed to read it.
//
// Inside the programs a path is UTF-8 with "/" between names ("C:/ProgramData/Jump Client/data"); "\" is
// understood too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "platform/handle.h"

namespace jump::platform {

// Ill-formed parts become U+FFFD.
std::wstring to_wide(std::string_view utf8);
std::string to_utf8(std::wstring_view wide);

// A path for calls of Windows: absolute, with "\", and with the prefix that lifts the limit of 260 characters
// and keeps Windows from giving names a meaning of their own.
std::wstring native_path(std::string_view path);
// The other way: without that prefix, with "/".
std::string plain_path(std::wstring_view native);

// GetLastError() as an Error.
Error windows_error(std::string context);
Error windows_error(unsigned long number, std::string context);

// A handle of Windows has 32 significant bits (Microsoft: "Interprocess Communication Between 32-bit and
// 64-bit Applications"), so an int holds it.
inline void* native_handle(int handle) {
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(handle));
}
inline void* native_handle(const Handle& handle) {
  return native_handle(handle.get());
}
// Takes it over; INVALID_HANDLE_VALUE and null become a handle that is not valid.
inline Handle own_handle(void* native) {
  return native == nullptr ? Handle() : Handle(static_cast<int>(reinterpret_cast<std::intptr_t>(native)));
}

}  // namespace jump::platform
