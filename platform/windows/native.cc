#include "platform/windows/native.h"

#include <windows.h>

#include <algorithm>

namespace jump::platform {

std::wstring to_wide(std::string_view utf8) {
  if (utf8.empty()) return {};
  const int size = static_cast<int>(utf8.size());
  std::wstring wide(
      static_cast<std::size_t>(::MultiByteToWideChar(CP_UTF8, 0, utf8.data(), size, nullptr, 0)), L'\0');
  ::MultiByteToWideChar(CP_UTF8, 0, utf8.data(), size, wide.data(), static_cast<int>(wide.size()));
  return wide;
}

std::string to_utf8(std::wstring_view wide) {
  if (wide.empty()) return {};
  const int size = static_cast<int>(wide.size());
  std::string utf8(static_cast<std::size_t>(
                       ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, nullptr, 0, nullptr, nullptr)),
                   '\0');
  ::WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, utf8.data(), static_cast<int>(utf8.size()), nullptr,
                        nullptr);
  return utf8;
}

std::wstring native_path(std::string_view path) {
  std::wstring wide = to_wide(path);
  std::ranges::replace(wide, L'/', L'\\');
  if (wide.starts_with(L"\\\\?\\") || wide.starts_with(L"\\\\.\\")) return wide;
  const DWORD needed = ::GetFullPathNameW(wide.c_str(), 0, nullptr, nullptr);
  if (needed == 0) return wide;
  std::wstring whole(needed, L'\0');
  whole.resize(::GetFullPathNameW(wide.c_str(), needed, whole.data(), nullptr));
  // A name such as CON is turned into a device, which has this prefix by then.
  if (whole.starts_with(L"\\\\.\\")) return whole;
  if (whole.starts_with(L"\\\\")) return L"\\\\?\\UNC\\" + whole.substr(2);
  return L"\\\\?\\" + whole;
}

std::string plain_path(std::wstring_view native) {
  std::string text;
  if (native.starts_with(L"\\\\?\\UNC\\")) {
    text = "//" + to_utf8(native.substr(8));
  } else {
    text = to_utf8(native.starts_with(L"\\\\?\\") ? native.substr(4) : native);
  }
  std::ranges::replace(text, '\\', '/');
  return text;
}

Error windows_error(std::string context) {
  return windows_error(::GetLastError(), std::move(context));
}

Error windows_error(unsigned long number, std::string context) {
  return {boost::system::error_code(static_cast<int>(number), boost::system::system_category()),
          std::move(context)};
}

}  // namespace jump::platform
