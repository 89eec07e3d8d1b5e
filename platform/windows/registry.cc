#include "platform/windows/registry.h"

#include <windows.h>

#include <array>

#include "platform/windows/native.h"

namespace jump::platform {

std::optional<std::string> registry_text(const wchar_t* key, const wchar_t* name) {
  std::array<wchar_t, 1024> value{};
  auto size = static_cast<DWORD>(sizeof value);
  if (::RegGetValueW(HKEY_LOCAL_MACHINE, key, name, RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY, nullptr,
                     value.data(), &size) != ERROR_SUCCESS) {
    return std::nullopt;
  }
  return to_utf8(value.data());
}

std::optional<std::uint32_t> registry_number(const wchar_t* key, const wchar_t* name) {
  DWORD value = 0;
  DWORD size = sizeof value;
  if (::RegGetValueW(HKEY_LOCAL_MACHINE, key, name, RRF_RT_REG_DWORD | RRF_SUBKEY_WOW6464KEY, nullptr, &value,
                     &size) != ERROR_SUCCESS) {
    return std::nullopt;
  }
  return value;
}

}  // namespace jump::platform
