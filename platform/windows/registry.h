// Values of the registry, read only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace jump::platform {

// Below HKEY_LOCAL_MACHINE; nothing where there is none. At most 1,024 characters.
std::optional<std::string> registry_text(const wchar_t* key, const wchar_t* name);
std::optional<std::uint32_t> registry_number(const wchar_t* key, const wchar_t* name);

}  // namespace jump::platform
